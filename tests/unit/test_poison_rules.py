"""A crashed shard is narrowed by what was in doubt; failing rows are found by halves; the ward has its turn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lanes_fixtures import NOW, a_push, a_shard, a_work, pack_of

from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushType
from pushwarden.dataplane.lanes.poison import PARTS, failing, narrow
from pushwarden.dataplane.lanes.reading import in_doubt
from pushwarden.dataplane.lanes.ward import TURN_MS, Ward
from pushwarden.dataplane.lanes.window import grants
from pushwarden.dataplane.lanes.work import Work, unpack

ALONE = "acme/shop/simulated/apns/alone"


def crashed(width: int, crashes: int, issued: int, done: list[int], push: Push | None = None) -> Work:
    shard = a_shard(width, lane=ALONE, crashes=crashes, issued=issued, done=pack_of(width, done))
    return Work(shard, push or a_push(), unpack(shard.done, width), 0.0)


def test_the_third_crash_leaves_the_doubted_alone_and_sends_the_others_on() -> None:
    work = crashed(8192, 3, 600, [*range(500)])
    assert narrow(work, in_doubt(work), NOW) == 0
    (others,) = work.retries
    assert (others.width, others.attempt, others.lane) == (8192 - 600, 0, "acme/shop/simulated/apns/bulk")
    assert (work.open, work.moved, work.issued, work.step) == (100, 8192 - 600, 500, 100 // PARTS)


@given(st.integers(1, 8192), st.data())
def test_a_poison_is_alone_in_doubt_after_a_few_crashes(width: int, data: st.DataObject) -> None:
    poison = data.draw(st.integers(0, width - 1))
    work, crashes = crashed(width, 2, 0, []), 2
    while True:
        doubted = in_doubt(work)
        if narrow(work, doubted, NOW):
            break
        while not work.flags[poison] and work.issued <= poison:
            for offset in range(work.next, work.issued):
                if not work.flags[offset]:
                    work.end(offset, Fate.ACCEPTED)
            work.next = work.issued
            work.grant(work.issue(1000))
        crashes += 1
        done = [offset for offset in range(width) if work.flags[offset]]
        work = crashed(width, crashes, work.issued, done)
    assert doubted == [poison]
    assert crashes <= 7
    assert (work.counts[Fate.REFUSED], [failure.reason for failure in work.failures]) == (1, ["quarantined"])


def test_types_that_must_not_double_are_never_sent_again_where_in_doubt() -> None:
    silent = a_push(PushType.BACKGROUND)
    work = crashed(1000, 3, 50, [], silent)
    assert narrow(work, in_doubt(work), NOW) == 0
    assert (work.counts[Fate.UNKNOWN], work.open, work.issued) == (50, 950, 50)
    single = crashed(1, 3, 1, [], silent)
    assert narrow(single, [0], NOW) == 1
    assert (single.counts[Fate.UNKNOWN], single.failures[0].reason) == (1, "quarantined")


def test_a_step_is_issued_only_when_nothing_is_outstanding_and_a_retry_does_not_block_it() -> None:
    work = crashed(160, 2, 0, [])
    narrow(work, [], NOW)
    work.grant(work.issue(1000))
    assert (work.issued, work.issue(1000)) == (10, 10)
    work.waiting = [(0, NOW)]
    for offset in range(1, 10):
        work.end(offset, Fate.ACCEPTED)
    ((_, mark),) = grants([work], 1000)
    assert (mark.moved, mark.issued) == (1, 20)


@given(st.sets(st.integers(0, 99)), st.integers(1, 100))
def test_failing_rows_are_found_by_halves(bad: set[int], count: int) -> None:
    found = failing(lambda part: any(row in bad for row in part), range(count))
    assert found == sorted(row for row in bad if row < count)


def test_rows_that_fail_only_together_are_all_named() -> None:
    assert failing(lambda part: len(part) > 3, range(8)) == [*range(8)]


def always(_: str) -> bool:
    return True


def test_a_fresh_process_serves_the_others_first_then_the_ward_alone() -> None:
    ward, other, lonely = Ward(), a_work(10), crashed(10, 2, 0, [])
    assert not ward.rests([other], NOW)
    assert (ward.at, ward.first) == (NOW + TURN_MS, False)
    now = ward.at
    assert ward.choose({ALONE: NOW}, [other], now, always) is None
    assert (ward.first, ward.clearing) == (True, True)
    assert ward.choose({ALONE: NOW}, [], now, always) == ALONE
    assert ward.rests([lonely], now)
    assert (ward.first, ward.clearing) == (True, False)
    assert ward.choose({ALONE: NOW}, [], now + TURN_MS + 1, always) is None
    assert (ward.first, ward.at) == (False, now + 2 * TURN_MS + 1)


@pytest.mark.parametrize(("ready", "may"), [({}, True), ({ALONE: NOW + 9 * TURN_MS}, True), ({ALONE: NOW}, False)])
def test_a_ward_with_nothing_to_run_holds_nobody_up(ready: dict[str, int], may: bool) -> None:
    ward = Ward()
    ward.rests([], NOW)
    assert ward.choose(ready, [a_work(1)], ward.at, lambda _: may) is None
    assert not ward.first


def test_a_shard_that_runs_alone_goes_home_with_its_retries() -> None:
    work = crashed(10, 3, 4, [0], replace(a_push()))
    narrow(work, in_doubt(work), NOW)
    assert [shard.lane for shard in work.retries] == ["acme/shop/simulated/apns/bulk"]
