"""What was written second by second around a stop."""

from __future__ import annotations

from typing import Any

from pushwarden.control.trace import MOST, Trace
from pushwarden.core.scope import Environment, Scope

SHOP, OTHER = "acme/shop/production/apns", "acme/other/production/apns/voip"
WHERE = Scope("acme", "shop", Environment.PRODUCTION)


def stats(run: str = "one", **wrote: int) -> dict[str, Any]:
    families = {"shop": SHOP, "other": OTHER}
    return {"counters": {"run": run, "wrote": {families[name]: [count, 5] for name, count in wrote.items()}}}


def test_each_second_has_what_was_written_in_it_and_other_places_have_theirs() -> None:
    trace = Trace()
    for second in range(6):
        trace.see({"a": stats(shop=10 * second, other=second), "b": stats(shop=second)}, second * 1000)
    assert trace.around(WHERE, 1000, 4000, 4000) == [11.0, 11.0, 11.0]
    assert trace.around(Scope("acme"), 1000, 2000, 2000) == [12.0]
    assert trace.around(Scope("rival"), 1000, 2000, 2000) == [0.0]


def test_looks_between_full_seconds_are_spread_over_both() -> None:
    trace = Trace()
    for at, count in ((500, 0), (1500, 10), (2500, 10)):
        trace.see({"a": stats(shop=count)}, at)
    assert trace.around(WHERE, 0, 3000, 2000) == [5.0, 5.0, 0.0]


def test_what_was_written_in_the_second_of_the_cut_was_written_before_it() -> None:
    trace = Trace()
    for at, count in ((0, 0), (1000, 10), (2000, 14), (3000, 14)):
        trace.see({"a": stats(shop=count)}, at)
    assert trace.around(WHERE, 400, 3400, 1400) == [10.0, 0.0, 0.0]


def test_a_sender_that_was_silent_or_began_anew_makes_no_burst() -> None:
    trace = Trace()
    looks: list[tuple[int, dict[str, Any]]] = [
        (0, {"a": stats(shop=500)}),
        (1000, {}),
        (2000, {"a": stats(shop=500)}),
        (3000, {"a": stats("two", shop=3)}),
        (4000, {"a": stats("two", shop=3), "b": stats(shop=900)}),
    ]
    for at, said in looks:
        trace.see(said, at)
    assert trace.around(WHERE, 0, 4000, 4000) == [0.0, 0.0, 3.0, 0.0]


def test_seconds_in_which_nobody_looked_are_not_known() -> None:
    trace = Trace()
    for at, count in ((5000, 0), (6000, 7)):
        trace.see({"a": stats(shop=count)}, at)
    assert trace.around(WHERE, 4000, 8000, 6000) == [None, 7.0, None, None]
    assert trace.around(WHERE, 0, 9000, 4000) is None
    assert Trace().around(WHERE, 0, 9000, 4000) is None


def test_what_is_remembered_has_an_end() -> None:
    trace = Trace()
    for second in range(MOST + 10):
        trace.see({"a": stats(shop=second)}, second * 1000)
    assert trace.around(WHERE, 0, 5000, 4000) is None
    assert trace.around(WHERE, MOST * 1000, MOST * 1000 + 2000, MOST * 1000 + 1000) == [1.0, 1.0]
