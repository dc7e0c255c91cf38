"""What every journal promises, in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from journal_fixtures import (
    ALL,
    CAROLS,
    NOW,
    OPENERS,
    SHOP,
    Desk,
    bitmap,
    desk_of,
    finish,
    lane_of,
    list_shard,
    mark_of,
    push_of,
    range_shard,
    refusal,
    to_list,
    to_range,
)
from pushwarden.adapters.sheets import acceptances
from pushwarden.core.errors import IdempotencyMismatch, StaleClaim
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, PushState
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import NewShard, ShardKind, ShardState
from pushwarden.ports.journal import Acceptance, Accepted, Part, Sheet, Single, Waiting
from pushwarden.ports.records import PushQuery

HOUR = 3_600_000
SHOPS, SHOPS_BULK, OF_CAROL = (lane_of(push_of(*what)) for what in ((SHOP,), (SHOP, Class.BULK), (CAROLS,)))
SUSPECT = Lane.parse(SHOPS_BULK).of(Class.SUSPECT).key


@pytest.fixture(params=sorted(OPENERS))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk_of(request.param, tmp_path) as desk:
        yield desk


# Accepting


def test_an_accepted_push_is_found_whole_again(desk: Desk) -> None:
    push = push_of(collapse_id="c", priority="high", tags="a && !b", schedule="s", cohort="k", not_before=NOW + 5)
    assert desk.accept([to_range(push, 100, 50)]) == [Accepted(push.id)]
    found = desk.progress(SHOP, push.id)
    assert found.push == push
    assert (found.audience_note, found.shards, found.finished_at) == ("everyone", {"ready": 2}, None)


def test_many_items_share_one_call_and_each_gets_its_own_answer(desk: Desk) -> None:
    pushes = [push_of() for _ in range(300)]
    assert desk.accept([to_list(push, 1) for push in pushes]) == [Accepted(push.id) for push in pushes]
    assert len(desk.claim_all(limit=1000)) == 300


def test_the_same_key_with_the_same_body_is_replayed(desk: Desk) -> None:
    first, again = push_of(), push_of()
    desk.accept_one(to_list(first, 1, idempotency_key="k", fingerprint=b"1"))
    assert desk.accept([to_list(again, 1, idempotency_key="k", fingerprint=b"1")]) == [Accepted(first.id, True)]
    assert desk.progress(SHOP, again.id) is None


def test_the_same_key_with_another_body_is_refused_and_the_rest_is_accepted(desk: Desk) -> None:
    one, two, three = push_of(), push_of(), push_of()
    answers = desk.accept(
        [
            to_list(one, 1, idempotency_key="k", fingerprint=b"1"),
            to_list(two, 1, idempotency_key="k", fingerprint=b"2"),
            to_list(three, 1),
        ]
    )
    assert answers[0] == Accepted(one.id)
    assert isinstance(answers[1], IdempotencyMismatch)
    assert answers[2] == Accepted(three.id)


@pytest.mark.parametrize(
    "elsewhere", [CAROLS, replace(SHOP, app="other"), replace(SHOP, environment=Environment.SANDBOX)]
)
def test_a_key_means_nothing_in_another_place(desk: Desk, elsewhere: Scope) -> None:
    here, there = push_of(), push_of(elsewhere)
    desk.accept_one(to_list(here, 1, idempotency_key="k", fingerprint=b"1"))
    assert desk.accept([to_list(there, 1, idempotency_key="k", fingerprint=b"2")]) == [Accepted(there.id)]


def test_a_key_is_forgotten_after_48_hours(desk: Desk) -> None:
    old, new = push_of(), push_of(accepted_at=NOW + 48 * HOUR)
    desk.accept_one(to_list(old, 1, idempotency_key="k", fingerprint=b"1"))
    assert desk.accept([to_list(new, 1, idempotency_key="k", fingerprint=b"2")]) == [Accepted(new.id)]


def test_the_same_push_twice_is_accepted_once(desk: Desk) -> None:
    push = push_of()
    assert desk.accept([to_list(push, 1), to_list(push, 1)]) == [Accepted(push.id), Accepted(push.id, True)]
    assert desk.accept([to_list(push, 1)]) == [Accepted(push.id, True)]
    assert len(desk.claim_all()) == 1


def test_nothing_asked_is_nothing_done(desk: Desk) -> None:
    assert desk.accept([]) == desk.mark([]) == desk.claim_all() == []


def test_a_push_to_nobody_is_done_at_once(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(Acceptance(push, ()))
    found = desk.progress(SHOP, push.id)
    assert (found.push.state, found.planned, found.finished_at) == (PushState.DONE, 0, NOW)


def test_a_held_push_is_not_claimed_until_its_scope_is_released(desk: Desk) -> None:
    here, there = push_of(), push_of(CAROLS)
    desk.accept([to_list(here, 1, 2, held=True), to_list(there, 1, held=True)])
    assert desk.claim_all() == []
    assert desk.due(ALL) is None
    assert desk.progress(SHOP, here.id).shards == {"held": 1}
    assert desk.release(SHOP) == 1
    assert [shard.push for shard in desk.claim_all()] == [here.id]
    assert desk.release(SHOP) == 0


def test_a_release_since_a_time_leaves_what_was_accepted_before(desk: Desk) -> None:
    old, new = push_of(accepted_at=NOW - 10), push_of(accepted_at=NOW)
    desk.accept([to_list(old, 1, held=True), to_list(new, 1, held=True)])
    assert desk.release(SHOP, NOW) == 1
    assert [shard.push for shard in desk.claim_all()] == [new.id]
    assert desk.release(SHOP) == 1


def test_what_is_held_is_counted_by_scope_and_what_expired_apart(desk: Desk) -> None:
    lasting, over, other = push_of(expires_at=NOW + 50), push_of(expires_at=NOW), push_of(CAROLS)
    desk.accept([to_list(lasting, 1, 2, held=True), to_list(over, 1, 2, 3, held=True), to_list(other, 1, held=True)])
    desk.accept_one(to_list(push_of(), 1))
    assert desk.waiting(SHOP, NOW + 20) == Waiting(2, 5, 0, 0)
    assert desk.waiting(SHOP, NOW + 50_000) == Waiting(2, 5, 2, 5)
    assert desk.waiting(Scope("nobody"), NOW) == Waiting()


def test_only_what_has_expired_is_let_go_to_its_end(desk: Desk) -> None:
    lasting, over = push_of(expires_at=NOW + 3_600_000), push_of(expires_at=NOW + 5)
    desk.accept([to_list(lasting, 1, held=True), to_list(over, 1, 2, held=True)])
    assert desk.expire(CAROLS, NOW + HOUR - 1) == 0
    assert desk.expire(SHOP, NOW + HOUR - 1) == 1
    assert [shard.push for shard in desk.claim_all()] == [over.id]
    assert desk.waiting(SHOP, NOW).pushes == 1


def test_carol_sees_nothing_of_what_is_not_hers(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1, 2))
    shard = desk.claim_one()
    desk.mark([mark_of(shard, 1, failures=(refusal(shard, 1),))])
    assert desk.progress(CAROLS, push.id) is None
    assert desk.pushes(CAROLS, PushQuery()).pushes == []
    assert desk.failures(CAROLS, push.id) == []
    assert desk.discard(CAROLS, NOW) == []
    assert desk.release(CAROLS) == 0
    assert desk.progress(SHOP, push.id).push.state is PushState.OPEN


def test_recent_pushes_come_newest_first_in_pages(desk: Desk) -> None:
    pushes = [push_of() for _ in range(5)]
    for push in pushes:
        desk.accept([to_list(push, 1), to_list(push_of(CAROLS), 1)])
    ids = [push.id for push in reversed(pushes)]
    for where in (SHOP, Scope("acme")):
        first = [one.push.id for one in desk.pushes(where, PushQuery(limit=2)).pushes]
        rest = [one.push.id for one in desk.pushes(where, PushQuery(before=first[-1])).pushes]
        assert first + rest == ids
    assert len(desk.pushes(Scope(), PushQuery()).pushes) == 10


# Claiming


def test_a_claimed_shard_is_as_it_was_accepted(desk: Desk) -> None:
    push = push_of(tags="a")
    seqs = range(10_000, 10_300)
    tokens = NewShard(push.id, "acme", ShardKind.TOKENS, 0, "acme/shop/production/apns/bulk", NOW, 0, 2, b"aa\nbb")
    wanted = (range_shard(push, 64, lo=8192), list_shard(push, *seqs, attempt=3), tokens)
    desk.accept_one(Acceptance(push, wanted))
    got = {shard.no: (shard, of) for shard, of in desk.claim_due("bulk-0", ALL, 10, NOW)}
    for no, new in enumerate(wanted):
        shard, of = got[no]
        assert of == push
        for name in NewShard.__slots__:
            assert getattr(shard, name) == getattr(new, name), name
        assert (shard.fence, shard.crashes, shard.moved) == (1, 0, 0)
        assert shard.issued == (2 if new is tokens else 0)
        assert shard.frozen is (new.kind is not ShardKind.RANGE)
        assert shard.planned == (0 if new.kind is ShardKind.RANGE else new.width)
        assert sum(shard.counts.values()) == 0


def test_of_each_lane_no_more_than_its_share_is_claimed_the_earliest_first(desk: Desk) -> None:
    due = {}
    for where, at in ((SHOP, 5), (SHOP, 4), (CAROLS, 7), (SHOP, 6), (CAROLS, 8), (CAROLS, 9)):
        push = push_of(where)
        due[push.id] = at
        desk.accept_one(to_list(push, 1, due_at=NOW - 100 + at))
    shares = {OF_CAROL: 2, SHOPS: 1, SHOPS_BULK: 5}
    assert [due[shard.push] for shard, _ in desk.claim("bulk-0", shares, NOW)] == [7, 8, 4]
    assert sorted(due[shard.push] for shard in desk.claim_all()) == [5, 6, 9]


def test_ready_names_each_lane_once_with_its_earliest_due_time(desk: Desk) -> None:
    assert desk.ready(ALL) == {}
    desk.accept([to_list(push_of(where), 1, due_at=NOW + at) for where, at in ((SHOP, 5), (CAROLS, 4), (SHOP, 3))])
    desk.accept([to_list(push_of(klass=Class.BULK), 1, due_at=NOW), to_list(push_of(CAROLS), 1, held=True)])
    assert desk.ready(["normal"]) == {SHOPS: NOW + 3, OF_CAROL: NOW + 4}
    assert desk.ready(ALL) == {**desk.ready(["normal"]), SHOPS_BULK: NOW}


def test_only_what_is_over_may_be_asked_for(desk: Desk) -> None:
    over, fresh = push_of(expires_at=NOW + 50), push_of()
    at_once, stopped = push_of(expires_at=NOW), push_of()
    desk.accept([to_list(push, 1) for push in (fresh, over, at_once, stopped)])
    desk.discard(stopped.scope, NOW)

    def claimed(now_ms: int) -> list[str]:
        return sorted(push.id for _, push in desk.claim("bulk-0", {SHOPS: 9}, now_ms, ended=True))

    assert claimed(NOW + 49) == [stopped.id]
    assert claimed(NOW + 50) == [over.id]
    assert claimed(NOW + 9_999) == []
    assert claimed(NOW + 10_000) == [at_once.id]


def test_only_the_classes_asked_for_are_claimed(desk: Desk) -> None:
    push = push_of(klass=Class.BULK)
    desk.accept_one(to_list(push, 1))
    assert desk.ready(["urgent", "normal"]) == {}
    assert len(desk.claim_due("bulk-0", ["bulk"], 10, NOW)) == 1


def test_what_is_not_due_waits_and_due_says_how_long(desk: Desk) -> None:
    assert desk.due(ALL) is None
    desk.accept([to_list(push_of(), 1, due_at=NOW + 10), to_list(push_of(klass=Class.BULK), 1, due_at=NOW + 5)])
    assert desk.due(ALL) == NOW + 5
    assert desk.due(["normal"]) == NOW + 10
    assert desk.claim_all(now_ms=NOW + 4) == []
    assert len(desk.claim_all(now_ms=NOW + 5)) == 1


def test_no_shard_is_claimed_twice(desk: Desk) -> None:
    desk.accept([to_list(push_of(), 1) for _ in range(10)])
    got = desk.claim_all("bulk-0", limit=4) + desk.claim_all("bulk-1", limit=4) + desk.claim_all("bulk-0")
    assert len({shard.push for shard in got}) == len(got) == 10


def test_members_freeze_at_the_first_claim(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_range(push, 100, 100))
    one, _ = desk.claim_all()
    assert desk.progress(SHOP, push.id).planned is None
    desk.freeze(one, bitmap(3, 5), 2)
    desk.freeze(one, bitmap(3, 5), 2)
    with pytest.raises(StaleClaim):
        desk.freeze(one, bitmap(3, 5, 7), 3)
    desk.enlist("bulk-0", NOW)
    with pytest.raises(StaleClaim):
        desk.freeze(one, bitmap(3, 5), 2)
    one, two = sorted(desk.claim_all(), key=lambda shard: shard.no)
    assert (one.members, one.planned, one.frozen) == (bitmap(3, 5), 2, True)
    desk.freeze(two, bitmap(1), 1)
    assert desk.progress(SHOP, push.id).planned == 3


# Marking


def test_progress_counts_what_is_pending_in_flight_and_ended(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_range(push, 100))
    shard = desk.claim_one()
    members = range(0, 100, 2)
    desk.freeze(shard, bitmap(*members), 50)
    counts = {Fate.ACCEPTED: 8, Fate.REFUSED: 1, Fate.WITHDRAWN: 1}
    desk.mark([mark_of(shard, issued=41, done=bitmap(*members[:10]), counts=counts)])
    found = desk.progress(SHOP, push.id)
    assert (found.planned, found.pending, found.in_flight) == (50, 29, 11)
    assert {fate: count for fate, count in found.fates.items() if count} == counts


def test_a_stale_fence_changes_nothing_and_is_given_back(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1, 2))
    shard = desk.claim_one()
    desk.enlist("bulk-0", NOW)
    stale = mark_of(shard, 1, failures=(refusal(shard, 1),), moved=1, retries=(list_shard(push, 2),))
    assert desk.mark([stale]) == [stale]
    assert desk.mark([finish(shard)]) == [finish(shard)]
    again = desk.claim_one()
    assert (again.fence > shard.fence, again.moved, sum(again.counts.values())) == (True, 0, 0)
    assert desk.mark([stale, mark_of(again, 1)]) == [stale]
    assert desk.failures(SHOP, push.id) == []
    assert desk.progress(SHOP, push.id).shards == {"claimed": 1}


def test_a_finished_shard_is_folded_into_its_push_and_the_last_one_ends_it(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_range(push, 100, 100))
    shards = desk.claim_all()
    for shard in shards:
        desk.freeze(shard, bitmap(*range(100)), 100)
    one, two = shards
    counts = {Fate.ACCEPTED: 90, Fate.EXPIRED: 10}
    assert desk.mark([finish(one, counts=counts)]) == []
    assert desk.progress(SHOP, push.id).push.state is PushState.OPEN
    desk.mark([finish(two, counts=counts)])
    found = desk.progress(SHOP, push.id)
    assert (found.push.state, found.planned, found.pending, found.shards) == (PushState.DONE, 200, 0, {})
    assert (found.fates[Fate.ACCEPTED], found.fates[Fate.EXPIRED], found.finished_at) == (180, 20, NOW)


def test_many_shards_of_one_push_may_finish_in_one_call(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(Acceptance(push, tuple(list_shard(push, seq) for seq in range(20))))
    assert desk.mark([finish(shard) for shard in desk.claim_all()]) == []
    found = desk.progress(SHOP, push.id)
    assert (found.push.state, found.planned, found.fates[Fate.ACCEPTED]) == (PushState.DONE, 20, 20)


def test_a_retry_leaves_its_shard_and_is_counted_once(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1, 2, 3))
    shard = desk.claim_one()
    retry = list_shard(push, 2, due_at=NOW + 60, attempt=1)
    desk.mark([finish(shard, counts={Fate.ACCEPTED: 2}, moved=1, retries=(retry,))])
    found = desk.progress(SHOP, push.id)
    assert (found.planned, found.pending, found.push.state, found.shards) == (3, 1, PushState.OPEN, {"ready": 1})
    assert desk.due(ALL) == NOW + 60
    later = desk.claim_one(now_ms=NOW + 60)
    assert (later.attempt, later.members, later.no) == (1, retry.members, 1)
    desk.mark([finish(later)])
    found = desk.progress(SHOP, push.id)
    assert (found.planned, found.fates[Fate.ACCEPTED], found.push.state) == (3, 3, PushState.DONE)


def test_a_long_list_keeps_its_members_through_marks_and_retries(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, *range(5000)))
    shard = desk.claim_one()
    desk.mark([mark_of(shard, 2000)])
    desk.enlist("bulk-0", NOW)
    again = desk.claim_one()
    assert again.members == shard.members == b"".join(seq.to_bytes(8, "little") for seq in range(5000))
    retry = list_shard(push, *range(3000))
    desk.mark([finish(again, moved=3000, counts={Fate.ACCEPTED: 2000}, retries=(retry,))])
    assert desk.claim_one().members == retry.members


def test_a_shards_number_is_never_given_again(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1))
    seen = set()
    for attempt in range(4):
        shard = desk.claim_one()
        seen.add(shard.no)
        retry = list_shard(push, 1, attempt=attempt + 1)
        assert desk.mark([finish(shard, counts={}, moved=1, retries=(retry,))]) == []
    assert seen == {0, 1, 2, 3}


def test_failures_are_kept_by_row_number_and_refusals_counted_by_reason(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, *range(100)))
    shard = desk.claim_one()
    reasons = ["BadDeviceToken"] * 60 + ["Unregistered"] * 20
    failures = tuple(refusal(shard, seq, reason) for seq, reason in enumerate(reasons))
    unknown = replace(failures[0], seq=80, fate=Fate.UNKNOWN, reason="connection_lost", token=b"")
    counts = {Fate.REFUSED: 80, Fate.UNKNOWN: 1}
    desk.mark([mark_of(shard, 81, counts=counts, failures=(*failures, unknown))])
    assert desk.progress(SHOP, push.id).refusals == {"BadDeviceToken": 60, "Unregistered": 20}
    first = desk.failures(SHOP, push.id, limit=50)
    rest = desk.failures(SHOP, push.id, after=first[-1][0])
    assert [failure.seq for _, failure in first + rest] == list(range(81))
    assert rest[-1][1] == unknown
    desk.mark([finish(shard, counts={**counts, Fate.ACCEPTED: 19})])
    assert desk.progress(SHOP, push.id).refusals == {"BadDeviceToken": 60, "Unregistered": 20}
    assert len(desk.failures(SHOP, push.id)) == 81


def test_a_failures_token_is_kept_only_as_a_short_hash(desk: Desk) -> None:
    desk.accept_one(to_list(push_of(), 1, 2))
    shard = desk.claim_one()
    desk.mark([mark_of(shard, 1, counts={Fate.REFUSED: 1}, failures=(refusal(shard, 1),))])
    ((_, failure),) = desk.failures(SHOP, shard.push)
    assert len(failure.token) == 16
    assert refusal(shard, 1).token not in failure.token


def test_a_mark_written_twice_is_recorded_once(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, *range(10)))
    shard = desk.claim_one()
    mark = mark_of(
        shard, 3, counts={Fate.ACCEPTED: 1, Fate.REFUSED: 1}, moved=1,
        failures=(refusal(shard, 1),), retries=(list_shard(push, 2, due_at=NOW + 9),),
    )  # fmt: skip
    assert desk.mark([mark]) == desk.mark([mark]) == []
    found = desk.progress(SHOP, push.id)
    assert (found.planned, found.refusals, found.shards) == (10, {"BadDeviceToken": 1}, {"claimed": 1, "ready": 1})
    assert len(desk.failures(SHOP, push.id)) == 1


def test_a_shard_goes_back_when_its_sender_lets_it_go(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1, 2, 3))
    shard = desk.claim_one()
    desk.mark([mark_of(shard, 1, release=ShardState.READY, due_at=NOW + 50)])
    assert desk.mark([mark_of(shard, 2)]) == [mark_of(shard, 2)]
    assert desk.due(ALL) == NOW + 50
    again = desk.claim_one(now_ms=NOW + 50)
    assert (again.issued, again.counts[Fate.ACCEPTED], again.crashes) == (1, 1, 0)
    desk.mark([mark_of(again, 1, release=ShardState.HELD, due_at=NOW)])
    assert desk.claim_all(now_ms=NOW + HOUR) == []
    assert desk.release(SHOP) == 1
    assert desk.claim_one().counts[Fate.ACCEPTED] == 1


# Discarding


def test_discarding_makes_what_is_left_due_at_once_and_says_so_to_the_sender(desk: Desk) -> None:
    held, later, newer = push_of(), push_of(), push_of(accepted_at=NOW + 1)
    desk.accept([to_list(held, 1, held=True), to_list(later, 1, due_at=NOW + HOUR), to_list(newer, 1, held=True)])
    assert sorted(desk.discard(SHOP, NOW)) == sorted([held.id, later.id])
    assert desk.discard(SHOP, NOW) == []
    got = desk.claim_due("bulk-0", ALL, 10, NOW)
    assert {push.id: push.state for _, push in got} == dict.fromkeys([held.id, later.id], PushState.DISCARDING)
    desk.mark([finish(shard, counts={Fate.STOPPED: 1}) for shard, _ in got])
    found = desk.progress(SHOP, held.id)
    assert (found.push.state, found.fates[Fate.STOPPED]) == (PushState.DONE, 1)


def test_discarding_one_push_leaves_the_others(desk: Desk) -> None:
    one, two = push_of(), push_of()
    desk.accept([to_list(one, 1), to_list(two, 1)])
    assert desk.discard(one.scope, NOW) == [one.id]
    assert desk.progress(SHOP, two.id).push.state is PushState.OPEN


def test_a_discarded_push_is_not_held_again(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1))
    shard = desk.claim_one()
    desk.discard(push.scope, NOW)
    desk.mark([mark_of(shard, 0, release=ShardState.HELD, due_at=NOW)])
    assert desk.claim_one().push == push.id


def test_more_than_a_transactions_worth_is_discarded_and_released(desk: Desk) -> None:
    desk.accept([to_list(push_of(), 1, held=True) for _ in range(1100)])
    assert desk.release(SHOP) == 1100
    assert len(set(desk.discard(Scope(), NOW))) == 1100


# Seats and leases


def test_a_new_incarnation_gives_back_what_the_old_one_held_and_counts_the_crash(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1, 2))
    assert desk.enlist("bulk-0", NOW) == 1
    for crash in range(3):
        shard = desk.claim_one()
        assert shard.crashes == crash
        desk.mark([mark_of(shard, 0, issued=2)])
        assert desk.enlist("bulk-0", NOW) == crash + 2
    shard = desk.claim_one()
    assert (shard.crashes, shard.issued) == (3, 2)


def test_a_new_incarnation_touches_no_other_seat(desk: Desk) -> None:
    desk.accept_one(to_list(push_of(), 1))
    shard = desk.claim_one("bulk-1")
    desk.enlist("bulk-0", NOW)
    assert desk.claim_all("bulk-0") == []
    assert desk.mark([finish(shard)]) == []


def test_a_lease_not_renewed_for_ten_seconds_may_be_claimed_by_anyone(desk: Desk) -> None:
    desk.accept_one(to_list(push_of(), 1))
    desk.enlist("bulk-0", NOW)
    shard = desk.claim_one("bulk-0")
    desk.renew("bulk-0", NOW + 5_000)
    assert desk.renew("bulk-1", NOW + 15_000) == 0
    assert desk.claim_all("bulk-1", now_ms=NOW + 15_000) == []
    assert desk.renew("bulk-1", NOW + 15_001) == 1
    taken = desk.claim_one("bulk-1", now_ms=NOW + 15_001)
    assert (taken.push, taken.crashes) == (shard.push, 1)
    assert desk.mark([finish(shard)]) == [finish(shard)]
    assert desk.mark([finish(taken)]) == []


def test_claiming_renews_the_lease(desk: Desk) -> None:
    desk.accept([to_list(push_of(), 1), to_list(push_of(), 1, due_at=NOW + 8_000)])
    desk.enlist("bulk-0", NOW)
    desk.claim_one("bulk-0")
    desk.claim_one("bulk-0", now_ms=NOW + 8_000)
    assert desk.renew("bulk-1", NOW + 15_000) == 0


# Looking and forgetting


def test_the_backlog_says_what_waits_where(desk: Desk) -> None:
    one, two = push_of(), push_of(klass=Class.BULK)
    desk.accept([to_list(one, 1, 2, 3, due_at=NOW + 7), to_list(two, 1, held=True)])
    shard = desk.claim_one(now_ms=NOW + 7)
    desk.mark([mark_of(shard, 1)])
    lane = "acme/shop/production/apns/"
    assert desk.backlog() == [
        {"lane": lane + "bulk", "state": "held", "shards": 1, "recipients": 1, "oldest_due_ms": NOW},
        {"lane": lane + "normal", "state": "claimed", "shards": 1, "recipients": 2, "oldest_due_ms": NOW + 7},
    ]


def test_failures_go_after_30_days_and_keys_after_48_hours(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, *range(700), idempotency_key="k"))
    shard = desk.claim_one()
    old = tuple(refusal(shard, seq, at=NOW) for seq in range(600))
    new = tuple(refusal(shard, seq, at=NOW + HOUR) for seq in range(600, 650))
    desk.mark([mark_of(shard, 650, counts={Fate.REFUSED: 650}, failures=old + new)])
    assert desk.retain(NOW + 48 * HOUR) == 0
    assert desk.retain(NOW + 48 * HOUR + 1) == 1
    assert desk.retain(NOW + 30 * 24 * HOUR + 1) == 600
    assert [failure.seq for _, failure in desk.failures(SHOP, push.id)] == list(range(600, 650))
    assert desk.progress(SHOP, push.id).refusals == {"BadDeviceToken": 650}


def test_a_small_named_shard_is_issued_by_its_first_claim_and_in_doubt_after_a_crash(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(Acceptance(push, (list_shard(push, 7, 9),)))
    desk.enlist("urgent", NOW)
    [(shard, _)] = desk.claim_due("urgent", ALL, 1, NOW)
    assert (shard.issued, shard.instant) == (2, True)
    desk.enlist("urgent", NOW)
    [(again, _)] = desk.claim_due("urgent", ALL, 1, NOW)
    assert (again.issued, again.instant, again.crashes) == (2, False, 1)


# Sheets


def sheet_of(*singles: Single, held: bool = False) -> Sheet:
    return Sheet(SHOP, "robot", NOW, held, singles)


def single(*seqs: int, **fields: Any) -> Single:
    push = push_of()
    lane = f"acme/shop/production/apns/{Class.NORMAL}"
    members = b"".join(seq.to_bytes(8, "little") for seq in seqs)
    values = {
        "id": push.id,
        "type": "alert",
        "klass": "normal",
        "priority": "high",
        "message": '{"title":"Hello","data":{"n":1}}',
        "expires_at": NOW + HOUR,
        "not_before": 0,
        "collapse_id": "c",
        "audience_note": "user u1",
        "parts": (Part("list", 1, lane, len(seqs), members),) if seqs else (),
    }
    return Single(**(values | fields))


def test_a_row_of_a_sheet_becomes_the_push_it_stands_for(desk: Desk) -> None:
    one, later = single(7), single(8, 9, not_before=NOW + 5)
    assert desk.accept_sheet(sheet_of(one, later)) == {}
    for row, acceptance in zip((one, later), acceptances(sheet_of(one, later)), strict=True):
        found = desk.progress(SHOP, row.id)
        assert (found.push, found.audience_note, found.shards) == (acceptance.push, "user u1", {"ready": 1})
        assert found.push.message == Message(title="Hello", data={"n": 1})
    first = desk.claim_one()
    (second,) = desk.claim_all(now_ms=NOW + 5)
    assert (first.members, second.members) == ((7).to_bytes(8, "little"), bytes([8, *[0] * 7, 9, *[0] * 7]))
    assert (second.due_at, second.planned, second.frozen, second.instant) == (NOW + 5, 2, True, True)
    assert desk.mark([finish(first), finish(second)]) == []
    assert desk.progress(SHOP, later.id).push.state is PushState.DONE


def test_a_sheet_may_hold_hundreds_and_shards_of_any_length(desk: Desk) -> None:
    singles = [single(*range(1, 2 + (300 if at == 5 else 0))) for at in range(300)]
    assert desk.accept_sheet(sheet_of(*singles)) == {}
    claimed = {shard.push: shard for shard in desk.claim_all(limit=1000)}
    assert {push: shard.members for push, shard in claimed.items()} == {one.id: one.parts[0].members for one in singles}


def test_a_row_to_nobody_is_done_at_once(desk: Desk) -> None:
    nobody = single()
    assert desk.accept_sheet(sheet_of(nobody)) == {}
    found = desk.progress(SHOP, nobody.id)
    assert (found.push.state, found.finished_at, found.planned) == (PushState.DONE, NOW, 0)


def test_a_held_sheet_waits_for_a_release(desk: Desk) -> None:
    one = single(7)
    desk.accept_sheet(sheet_of(one, held=True))
    assert desk.claim_all() == []
    assert desk.release(SHOP) == 1
    assert [shard.push for shard in desk.claim_all()] == [one.id]


def test_a_key_used_before_answers_for_its_row_alone(desk: Desk) -> None:
    first = single(7, idempotency_key="k", fingerprint=b"1")
    desk.accept_sheet(sheet_of(first))
    other = push_of()
    desk.accept_one(to_list(other, 1, idempotency_key="j", fingerprint=b"j"))
    again = single(7, idempotency_key="k", fingerprint=b"1")
    wrong = single(7, idempotency_key="k", fingerprint=b"2")
    fresh = single(7, idempotency_key="l", fingerprint=b"1")
    twice = single(7, idempotency_key="l", fingerprint=b"1")
    crossed = single(7, idempotency_key="j", fingerprint=b"j")
    unusual = desk.accept_sheet(sheet_of(again, wrong, fresh, twice, crossed, single(7)))
    assert sorted(unusual) == [0, 1, 3, 4]
    assert (unusual[0], unusual[3]) == (Accepted(first.id, True), Accepted(fresh.id, True))
    assert unusual[4] == Accepted(other.id, True)
    assert isinstance(unusual[1], IdempotencyMismatch)
    assert len(desk.claim_all()) == 4
    assert desk.accept([to_list(push_of(), 1, idempotency_key="l", fingerprint=b"1")]) == [Accepted(fresh.id, True)]


def test_a_row_whose_push_is_there_already_changes_nothing(desk: Desk) -> None:
    known, fresh = single(7), single(8)
    desk.accept_sheet(sheet_of(known))
    assert desk.accept_sheet(sheet_of(known, fresh)) == {0: Accepted(known.id, True)}
    assert sorted(shard.push for shard in desk.claim_all()) == sorted([known.id, fresh.id])


def test_promoted_shards_are_those_below_the_number_and_keep_all_but_their_lane(desk: Desk) -> None:
    push = push_of(klass=Class.BULK)
    lots = [replace(range_shard(push, 10, lo=lo, due_at=due), lane=SUSPECT) for lo, due in ((0, NOW), (10, NOW + HOUR))]
    newer, named = replace(range_shard(push, 10, lo=15), lane=SUSPECT), replace(list_shard(push, 3), lane=SUSPECT)
    others = replace(range_shard(push, 10), lane=SUSPECT, audience=2)
    desk.accept_one(Acceptance(push, (*lots, newer, named, others, range_shard(push, 5))))
    assert desk.promote(SUSPECT, SHOPS_BULK, 1, 20) == 2
    assert desk.promote(SUSPECT, SHOPS_BULK, 1, 20) == 0
    lanes = {row["lane"]: row["shards"] for row in desk.backlog()}
    assert lanes == {SUSPECT: 3, SHOPS_BULK: 3}
    assert len(desk.claim_due("bulk-0", ["bulk"], 10, NOW)) == 2
    assert len(desk.claim_due("bulk-0", ["suspect"], 10, NOW)) == 3


def test_held_shards_are_promoted_and_stay_held(desk: Desk) -> None:
    push = push_of(klass=Class.BULK)
    desk.accept_one(Acceptance(push, (replace(range_shard(push, 10), lane=SUSPECT),), held=True))
    assert desk.promote(SUSPECT, SHOPS_BULK, 1, 10) == 1
    assert desk.claim_due("bulk-0", ["bulk"], 10, NOW) == []
    assert desk.release(SHOP) == 1
    assert len(desk.claim_due("bulk-0", ["bulk"], 10, NOW)) == 1


def test_a_shard_whose_senders_died_twice_changes_to_the_lane_alone_and_stays_there(desk: Desk) -> None:
    guilty, neighbour = push_of(klass=Class.BULK), push_of()
    desk.accept_one(to_range(guilty, 100))
    alone = Lane.parse(SHOPS_BULK).of(Class.ALONE).key
    desk.enlist("bulk-0", NOW)
    for crashes, lane in ((1, SHOPS_BULK), (2, alone), (3, alone)):
        assert desk.claim_one().crashes == crashes - 1
        desk.enlist("bulk-0", NOW)
        assert desk.ready(ALL) == {lane: NOW}
    desk.accept_one(to_list(neighbour, 1))
    assert set(desk.ready(["normal", "bulk"])) == {SHOPS}
    (shard,) = desk.claim("bulk-0", {alone: 1}, NOW)
    assert (shard[0].crashes, shard[0].lane) == (3, alone)


def test_issued_may_be_taken_back_by_a_sender_that_begins_anew(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, *range(20)))
    shard = desk.claim_one()
    assert desk.mark([mark_of(shard, 4, issued=15)]) == []
    assert desk.mark([mark_of(shard, 4, issued=5)]) == []
    found = desk.progress(SHOP, push.id)
    assert (found.in_flight, found.pending) == (1, 15)
