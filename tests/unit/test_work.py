"""A shard in memory: bitmaps, the window, giving back. Every recipient ends once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lanes_fixtures import NOW, a_push, a_slice, a_work, write

from pushwarden.core.outcome import Blame, Ending, Fate, Outcome, Retry
from pushwarden.core.push import PushType
from pushwarden.core.shard import ShardKind, ShardState
from pushwarden.dataplane.feedback.settle import SENDER_LOST, UNANSWERED, Follow, end_rest, leave, settle
from pushwarden.dataplane.lanes.window import grants, release
from pushwarden.dataplane.lanes.work import Work, pack, unpack
from pushwarden.http2.messages import Why

GONE = Outcome(Ending.REFUSED, "Unregistered", 410, Blame.DEVICE, gone_ms=NOW)
BUSY = Outcome(Ending.REFUSED, "ServiceUnavailable", 503, Blame.PROVIDER, Retry.LATER)
WRONG_KEY = Outcome(Ending.REFUSED, "InvalidProviderToken", 403, Blame.CREDENTIAL)
SHUTDOWN = Outcome(Ending.REFUSED, "Shutdown", 503, Blame.PROVIDER, Retry.ELSEWHERE)


def conserved(work: Work) -> bool:
    return sum(work.counts.values()) + work.moved + work.open == work.width


@given(st.binary(max_size=2100).map(lambda raw: bytearray(byte & 1 for byte in raw)))
def test_a_bitmap_comes_back_as_it_was(flags: bytearray) -> None:
    assert unpack(pack(flags), len(flags)) == flags


def test_bit_i_is_in_byte_i_eighth_least_significant_first() -> None:
    assert pack(bytearray([1, 0, 0, 0, 0, 0, 0, 0, 0, 1])) == b"\x01\x02"


def test_accepted_rows_are_counted_once_and_leave_the_air() -> None:
    work = a_work(10)
    work.grant(10)
    part = a_slice(work, 0, 10)
    work.accept(part, write(work, 10))
    assert (work.counts[Fate.ACCEPTED], work.in_flight, work.finished) == (10, 0, True)


def test_a_recipient_that_ends_twice_is_refused() -> None:
    work = a_work(2)
    work.end(1, Fate.REFUSED)
    with pytest.raises(ValueError, match="ended twice"):
        work.end(1, Fate.ACCEPTED)


def test_nothing_beyond_what_the_journal_issued_may_be_written() -> None:
    work = a_work(100)
    part = a_slice(work, 0, 100)
    work.grant(30)
    assert part.writable(work.issued) == 30


def test_a_lane_alone_has_seven_eighths_of_the_window_first_come_first_served() -> None:
    first, second = a_work(800), a_work(800)
    pairs = grants([first, second], 1000)
    for work, mark in pairs:
        work.grant(mark.issued)
    assert (first.issued, second.issued) == (800, 75)
    assert grants([first, second], 1000) == []


def test_the_window_moves_on_as_recipients_end() -> None:
    work = a_work(3000)
    work.grant(1000)
    part = a_slice(work, 0, 2048)
    work.accept(part, write(work, 400))
    [(_, mark)] = grants([work], 1000)
    assert mark.issued == 1275


def test_a_refused_token_is_final_and_reported() -> None:
    work = a_work(1)
    assert settle(work, 0, b"ab", GONE, NOW, 0.0) is Follow.REPORT
    assert work.counts[Fate.REFUSED] == 1
    assert work.failures[0].reason == "Unregistered"


def test_an_overloaded_provider_moves_the_recipient_into_a_later_shard() -> None:
    work = a_work(3)
    settle(work, 1, b"ab", BUSY, NOW, 0.0)
    leave(work)
    [later] = work.retries
    assert (later.kind, later.members, later.attempt) == (ShardKind.LIST, (1001).to_bytes(8, "little"), 1)
    assert later.due_at >= NOW + 2000
    assert (work.moved, conserved(work)) == (1, True)


def test_retry_after_is_never_cut_short() -> None:
    work = a_work(1)
    asked = Outcome(Ending.REFUSED, "TooManyRequests", 429, Blame.PROVIDER, Retry.LATER, retry_after=120.0)
    settle(work, 0, b"ab", asked, NOW, 0.0)
    leave(work)
    assert work.retries[0].due_at >= NOW + 120_000


def test_a_retry_after_the_ttl_is_not_made() -> None:
    work = a_work(1, a_push(expires_at=NOW + 1000))
    settle(work, 0, b"ab", BUSY, NOW, 0.0)
    assert work.counts[Fate.REFUSED] == 1


def test_a_refusal_for_the_credentials_sake_ends_nobody() -> None:
    work = a_work(1)
    assert settle(work, 0, b"ab", WRONG_KEY, NOW, 0.0) is Follow.SUSPECT
    assert (work.open, work.failures) == (1, [])


def test_a_closing_server_sends_the_recipient_elsewhere_at_once() -> None:
    work = a_work(1)
    assert settle(work, 0, b"ab", SHUTDOWN, NOW, 0.0) is Follow.RECONNECT
    assert work.again == [0]


@pytest.mark.parametrize("why", [Why.LOST, Why.DEADLINE, Why.RESET])
def test_a_background_push_without_answer_ends_unknown(why: Why) -> None:
    work = a_work(1, a_push(PushType.BACKGROUND))
    settle(work, 0, b"ab", UNANSWERED[why], NOW, 0.0)
    assert work.counts[Fate.UNKNOWN] == 1


@pytest.mark.parametrize("why", [Why.LOST, Why.DEADLINE, Why.RESET])
def test_an_alert_without_answer_is_sent_again(why: Why) -> None:
    work = a_work(1)
    settle(work, 0, b"ab", UNANSWERED[why], NOW, 0.0)
    assert (work.counts[Fate.UNKNOWN], len(work.waiting)) == (0, 1)


def test_what_a_lost_sender_may_have_written_ends_by_its_type() -> None:
    silent, alert = a_work(1, a_push(PushType.BACKGROUND)), a_work(1)
    settle(silent, 0, b"", SENDER_LOST, NOW, 0.0)
    settle(alert, 0, b"", SENDER_LOST, NOW, 0.0)
    assert (silent.counts[Fate.UNKNOWN], alert.again) == (1, [0])


def test_a_discarded_shard_keeps_the_endings_of_what_is_in_flight() -> None:
    work = a_work(100)
    work.grant(50)
    part = a_slice(work, 0, 60)
    rows = write(work, 20)
    end_rest(work, Fate.STOPPED)
    assert work.counts[Fate.STOPPED] == 80
    work.accept(part, rows)
    assert (work.counts[Fate.ACCEPTED], work.finished, conserved(work)) == (20, True, True)


def test_a_shard_given_back_has_no_doubtful_recipient_below_its_mark() -> None:
    work = a_work(100)
    work.grant(50)
    part = a_slice(work, 0, 60)
    rows = write(work, 20)
    release(work, ShardState.HELD)
    assert grants([work], 1000) == []
    work.accept(part, rows)
    [(_, mark)] = grants([work], 1000)
    assert (mark.release, mark.issued, mark.finished) == (ShardState.HELD, 20, False)


@given(st.data())
def test_every_recipient_ends_exactly_once_whatever_comes_back(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 40))
    work = a_work(width, a_push(data.draw(st.sampled_from([PushType.ALERT, PushType.BACKGROUND]))))
    while not work.finished:
        for granted, mark in grants([work], data.draw(st.integers(5, 20))):
            granted.grant(mark.issued)
        if work.finished:
            break
        if work.slice is None or not work.slice.left:
            _read(work)
        part = work.slice
        assert part is not None
        count = part.writable(work.issued) - part.written
        for row in write(work, max(0, count)):
            work.in_flight -= 1
            outcome = data.draw(st.sampled_from([GONE, BUSY, SHUTDOWN, UNANSWERED[Why.LOST], None]))
            if outcome is None:
                work.in_flight += 1
                work.accept(part, [row])
            else:
                settle(work, part.offset(row), b"ab", outcome, NOW, 0.5)
        assert conserved(work)
    assert sum(work.counts.values()) + work.moved == width


def _read(work: Work) -> None:
    if work.again:
        wanted, work.again = sorted(work.again), []
        read = work.next
        part = a_slice(work, 0, 0)
        tokens = [b"ab"] * len(wanted)
        work.next = read
        part.envelope = type(part.envelope)(part.envelope.origin, (), tokens, b"{}", len(wanted))
        part.offsets, part.tokens, part.again = wanted, tokens, True
    else:
        a_slice(work, work.next, min(7, work.width - work.next))


def test_a_shard_is_not_given_back_while_something_of_it_is_in_the_air() -> None:
    work = a_work(100)
    work.grant(50)
    part = a_slice(work, 0, 60)
    rows = write(work, 20)
    release(work, ShardState.HELD)
    work.accept(part, rows[:5])
    [(_, mark)] = grants([work], 1000)
    assert (mark.release, mark.finished) == (None, False)


def test_what_was_not_processed_leaves_a_shard_that_is_given_back() -> None:
    work = a_work(100)
    work.grant(50)
    a_slice(work, 0, 60)
    write(work, 20)
    release(work, ShardState.HELD)
    work.in_flight -= 20
    work.again += list(range(20))
    [(_, mark)] = grants([work], 1000)
    assert (mark.release, mark.issued, mark.moved, mark.retries[0].width) == (ShardState.HELD, 20, 20, 20)
