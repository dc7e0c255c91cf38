"""W follows what the provider takes, not the queue that W itself makes."""

from __future__ import annotations

from pushwarden.dataplane.lanes.pacing import window
from pushwarden.dataplane.lanes.reply_time import SPAN, ReplyTime


def test_a_queue_of_our_own_does_not_widen_the_window() -> None:
    times = ReplyTime()
    for number in range(5000):
        times.seen(0.004 + number % 50 / 100, number / 1000)
    assert window(1000, times.seconds) == 1000


def test_a_provider_that_answers_slowly_widens_it() -> None:
    times = ReplyTime()
    times.seen(0.060, 0.0)
    assert window(1000, times.seconds) == 12_000


def test_one_quick_answer_of_long_ago_is_forgotten() -> None:
    times = ReplyTime()
    times.seen(0.004, 0.0)
    times.seen(0.060, 1.1 * SPAN)
    assert times.seconds == 0.004
    times.seen(0.060, 2.2 * SPAN)
    assert times.seconds == 0.060


def test_nothing_is_known_before_the_first_answer() -> None:
    assert window(1000, ReplyTime().seconds) == 1000
