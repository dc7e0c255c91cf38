"""Places, the window and the turns to write are shared so that nobody can starve anybody. Pure rules, no clock."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lanes_fixtures import a_work

from pushwarden.core.lane import Class
from pushwarden.dataplane.lanes.claims import MOST_BULK, Group, plan
from pushwarden.dataplane.lanes.fairness import divide, fair, within
from pushwarden.dataplane.lanes.turns import Turns
from pushwarden.dataplane.lanes.window import grants, rooms_of
from pushwarden.dataplane.lanes.work import Work

WISHES = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 500), max_size=10)
LANES = st.dictionaries(st.sampled_from([f"{o}/{a}" for o in "xyz" for a in "abcd"]), st.integers(0, 500), max_size=12)


def lane(owner: str, app: str = "shop") -> str:
    return f"{owner}/{app}/simulated/apns/bulk"


@given(st.integers(0, 1000), WISHES)
def test_who_asks_for_less_gets_it_and_the_others_share_the_rest_evenly(total: int, wishes: dict[str, int]) -> None:
    parts = divide(total, wishes)
    assert sum(parts.values()) == min(total, sum(wishes.values()))
    assert all(parts[name] <= wish for name, wish in wishes.items())
    short = [parts[name] for name, wish in wishes.items() if parts[name] < wish]
    assert not short or max(parts.values()) - min(short) <= 1


@given(st.integers(0, 1000), LANES)
def test_an_organisation_with_many_lanes_gets_no_more_than_another(total: int, wishes: dict[str, int]) -> None:
    parts = fair(total, wishes)
    assert parts.keys() == wishes.keys()
    assert sum(parts.values()) == min(total, sum(wishes.values()))
    owners, wanted = Counter[str](), Counter[str]()
    for name, wish in wishes.items():
        owners[name[0]] += parts[name]
        wanted[name[0]] += wish
    short = [owners[owner] for owner in owners if owners[owner] < wanted[owner]]
    assert not short or max(owners.values()) - min(short) <= 1


def test_what_cannot_be_divided_goes_to_who_is_named_last() -> None:
    assert fair(1, {"a/x": 5, "b/x": 5, "c/x": 5}) == {"a/x": 0, "b/x": 0, "c/x": 1}


@given(st.integers(0, 50), st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 40)), unique_by=lambda x: x[0]))
def test_no_more_is_given_than_there_is(room: int, wanted: list[tuple[str, int]]) -> None:
    given_ = within(room, wanted)
    assert sum(given_.values()) <= room
    assert all(part > 0 for part in given_.values())


# Places


def test_a_lane_with_ten_thousand_shards_leaves_places_to_one_that_comes_later() -> None:
    assert plan([lane("big")], {}, MOST_BULK, 32) == {lane("big"): MOST_BULK}
    assert plan([lane("big"), lane("late")], {lane("big"): MOST_BULK}, MOST_BULK, 32) == {lane("late"): MOST_BULK}


def test_when_the_places_are_few_those_served_longest_ago_come_first() -> None:
    group = Group((), MOST_BULK, 3)
    ready = dict.fromkeys([lane(owner) for owner in "abcde"], 0)
    got: Counter[str] = Counter()
    for now in range(1, 11):
        shares = plan(group.due(ready, now), {}, group.most, group.places)
        assert sum(shares.values()) == 3
        got.update(shares)
        group.looked_at(ready, shares, now)
    assert set(got.values()) == {6}


def test_a_full_lane_is_not_asked_for_again_until_half_its_places_are_free() -> None:
    assert plan([lane("a")], {lane("a"): 3}, 4, 32) == {}
    assert plan([lane("a")], {lane("a"): 2}, 4, 32) == {lane("a"): 2}


def test_a_full_lane_makes_nobody_look_at_the_journal_until_it_has_room() -> None:
    group = Group((), 4, 32)
    group.looked_at({lane("a"): 0}, {}, 1000)
    assert not group.wakes(Counter({lane("a"): 4}), 1900)
    assert group.wakes(Counter({lane("a"): 2}), 1900)
    assert group.wakes(Counter({lane("a"): 4}), 2000)


@given(LANES, st.integers(1, 8), st.integers(1, 40))
def test_a_claim_never_takes_more_than_the_places_free(used: dict[str, int], most: int, places: int) -> None:
    shares = plan([lane(owner) for owner in "abcxyz"], used, most, places)
    assert sum(shares.values()) <= max(0, places - sum(used.values()))
    assert all(used.get(name, 0) + part <= most for name, part in shares.items())


# The window


def works_of(*names: str, width: int = 8000) -> list[Work]:
    return [a_work(width, lane=lane(name)) for name in names]


def grant(works: list[Work], window: int) -> dict[str, int]:
    for work, mark in grants(works, window):
        work.grant(mark.issued)
    return {work.shard.lane: work.outstanding for work in works}


def test_a_stalled_lane_cannot_hold_the_whole_window() -> None:
    stalled = works_of("stalled")
    assert grant(stalled, 1000) == {lane("stalled"): 875}
    later = works_of("stalled") + works_of("later", "last")
    later[0] = stalled[0]
    held = grant(later, 1000)
    assert held[lane("stalled")] == 875
    assert held[lane("later")] > 50
    assert held[lane("last")] > 5


def test_a_shard_that_left_its_lane_is_not_held_up_by_what_the_old_one_has_come_to() -> None:
    work = a_work(100)
    old = work.key
    work.lane = work.lane.of(Class.NORMAL)
    [(granted, mark)] = grants([work], 100, stuck=lambda lane: lane == old)
    assert granted is work
    assert mark.issued > 0


def test_lanes_share_the_window_evenly_whoever_came_first() -> None:
    held = grant(works_of("a", "b"), 1000)
    assert abs(held[lane("a")] - held[lane("b")]) < 100
    assert grant(works_of("a", "b", "c", "d"), 1000)[lane("d")] >= 200


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 900)), max_size=8), st.integers(10, 3000))
def test_the_window_is_never_exceeded(shapes: list[tuple[str, int]], window: int) -> None:
    works = [a_work(width, lane=lane(name)) for name, width in shapes]
    for _ in range(5):
        grant(works, window)
        assert sum(work.outstanding for work in works) <= window
    assert sum(rooms_of(works, window).values()) <= window


# Turns


def test_an_organisation_with_many_shards_has_one_turn_like_the_others() -> None:
    turns, works = Turns(), works_of(*["big"] * 20, "small")
    order = turns.order(works)
    assert [len(turn) for turn in order] == [20, 1]
    turns.had(lane("big"))
    assert [len(turn) for turn in turns.order(works)] == [1, 20]


def test_within_an_organisation_its_lanes_go_round() -> None:
    turns = Turns()
    works = [a_work(10, lane=lane("acme", app)) for app in ("a", "a", "b", "c")]
    began = []
    for _ in range(6):
        [turn] = turns.order(works)
        began.append(turn[0].shard.lane.split("/")[1])
        turns.had(turn[0].shard.lane)
    assert began == ["a", "b", "c", "a", "b", "c"]


def test_who_cannot_use_its_turn_keeps_its_place() -> None:
    turns, works = Turns(), works_of("a", "b")
    turns.had(lane("a"))
    for _ in range(3):
        assert turns.order(works)[0][0].shard.lane == lane("b")
