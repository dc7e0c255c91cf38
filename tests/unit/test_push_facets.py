"""How many pushes each choice of a filter would leave."""

from __future__ import annotations

from pushwarden.core.outcome import Fate
from pushwarden.dataplane.intake.facets import facets
from pushwarden.ports.records import LOOK, Counted, Group, PushQuery

GOOD, BAD = frozenset({Fate.ACCEPTED}), frozenset({Fate.ACCEPTED, Fate.REFUSED})
ALL = Counted(
    (
        Group("shop", "production", "alert", "api", "done", GOOD, 90),
        Group("shop", "production", "alert", "test", "done", BAD, 4),
        Group("shop", "sandbox", "voip", "api", "open", frozenset(), 1),
        Group("care", "production", "alert", "api", "done", BAD, 5),
    ),
    {"Unregistered": 3, "BadDeviceToken": 6},
)


def test_without_a_filter_each_choice_counts_all_that_have_it() -> None:
    said = facets(ALL, ALL, PushQuery(), {})
    assert said["fit"] == 100
    assert said["app"] == {"shop": 95, "care": 5}
    assert said["env"] == {"production": 99, "sandbox": 1}
    assert said["outcome"] == {"accepted": 99, "refused": 9}
    assert said["state"] == {"done": 99, "open": 1}
    assert [one["reason"] for one in said["reason"]] == ["BadDeviceToken", "Unregistered"]
    assert said["looked_at"] is None


def test_a_choice_counts_what_choosing_it_instead_would_leave() -> None:
    own = Counted(tuple(one for one in ALL.groups if one.app == "shop"), {}, whole=False)
    said = facets(own, ALL, PushQuery(outcome=Fate.REFUSED, source="test"), {"app": "shop"})
    assert said["fit"] == 4
    assert said["outcome"] == {"accepted": 4, "refused": 4}
    assert said["source"] == {"test": 4}
    assert said["app"] == {"shop": 4}
    assert said["looked_at"] == LOOK
    assert facets(own, ALL, PushQuery(outcome=Fate.REFUSED), {"app": "shop"})["app"] == {"care": 5, "shop": 4}
