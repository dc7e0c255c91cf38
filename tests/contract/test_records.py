"""What every journal says to people: lists of pushes, times, one device's failures, confirmations."""

from __future__ import annotations

import itertools
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
    desk_of,
    mark_of,
    push_of,
    refusal,
    to_list,
    to_range,
)
from pushwarden.adapters.memory import records as memory_records
from pushwarden.adapters.postgres.journal import records as postgres_records
from pushwarden.adapters.sqlite.journal import records as sqlite_records
from pushwarden.core.addressed import MOST, names, names_token, unpack
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, PushState, PushType, Source
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Failure, NewShard, ShardKind, ShardState, Times
from pushwarden.core.signal import BLOCK, Signal, SignalKind, Signalled
from pushwarden.ports.journal import Acceptance
from pushwarden.ports.records import Group, PushQuery

MINUTE = 60_000
SANDBOX = replace(SHOP, environment=Environment.SANDBOX)


@pytest.fixture(params=sorted(OPENERS))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk_of(request.param, tmp_path) as desk:
        yield desk


def ids(desk: Desk, where: Scope = SHOP, **filters: Any) -> list[str]:
    return [one.push.id for one in desk.pushes(where, PushQuery(**filters)).pushes]


def failed(push: str, seq: int, reason: str, fate: Fate = Fate.REFUSED) -> Failure:
    return Failure(push, 1, seq, fate, reason, 410, NOW, b"t")


# Lists


def test_each_filter_leaves_only_what_it_names(desk: Desk) -> None:
    plain = push_of()
    voip = replace(push_of(accepted_at=NOW + MINUTE), type=PushType.VOIP)
    said = replace(push_of(accepted_at=NOW + 2 * MINUTE), message=Message(title="Köln “calling”", body="it's 50 % off"))
    desk.accept([to_list(plain, 1), to_list(voip, 2, source=Source.PERSON), to_list(said, 3)])
    assert ids(desk) == [said.id, voip.id, plain.id]
    assert ids(desk, type="voip") == [voip.id]
    assert ids(desk, source="person") == [voip.id]
    assert ids(desk, id=plain.id) == [plain.id]
    assert ids(desk, state=PushState.DONE) == []
    assert ids(desk, text="“CALLING”") == [said.id]
    assert ids(desk, text="50 % off") == [said.id]
    assert ids(desk, text="users") == [said.id, voip.id, plain.id]
    assert ids(desk, text="nothing of it") == []


def test_pushes_are_found_by_when_they_were_accepted(desk: Desk) -> None:
    pushes = [push_of(accepted_at=NOW + n * MINUTE) for n in range(50)]
    desk.accept([to_list(push, 1) for push in pushes])
    for since, until in itertools.product((0, NOW, NOW + 7 * MINUTE, NOW + 49 * MINUTE + 1), (0, NOW + 7 * MINUTE)):
        wanted = [one.id for one in pushes if one.accepted_at >= since and (not until or one.accepted_at < until)]
        assert ids(desk, since=since, until=until, limit=99) == wanted[::-1]


def test_a_push_is_found_by_how_its_recipients_ended_and_why(desk: Desk) -> None:
    good, bad, doubtful = push_of(), push_of(), push_of()
    desk.accept([to_list(good, 1), to_list(bad, 2), to_list(doubtful, 3)])
    for shard in desk.claim_all():
        fate = {good.id: Fate.ACCEPTED, bad.id: Fate.REFUSED, doubtful.id: Fate.UNKNOWN}[shard.push]
        reason = {bad.id: "Unregistered", doubtful.id: "deadline"}.get(shard.push)
        failures = (failed(shard.push, 7, reason, fate),) if reason else ()
        desk.mark([mark_of(shard, 1, counts={fate: 1}, failures=failures, finished=True)])
    assert ids(desk, outcome=Fate.REFUSED) == [bad.id]
    assert ids(desk, outcome=Fate.ACCEPTED) == [good.id]
    assert ids(desk, reason="Unregistered") == [bad.id]
    assert ids(desk, reason="deadline") == [doubtful.id]
    assert ids(desk, state=PushState.DONE) == [doubtful.id, bad.id, good.id]


def test_an_organisation_is_listed_across_its_apps_and_within_what_one_may_see(desk: Desk) -> None:
    here, there, app, carols = push_of(), push_of(SANDBOX), push_of(replace(SHOP, app="other")), push_of(CAROLS)
    desk.accept([to_list(push, 1) for push in (here, there, app, carols)])
    acme = Scope("acme")
    assert ids(desk, acme) == [app.id, there.id, here.id]
    assert ids(desk, Scope("acme", "shop")) == [there.id, here.id]
    assert ids(desk, acme, among=(Scope("acme", "other"), SANDBOX)) == [app.id, there.id]
    assert ids(desk, Scope("carols"), among=(Scope("acme", "shop"),)) == [carols.id]


def test_pushes_are_counted_in_groups_and_by_reason(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = push_of(), push_of(accepted_at=NOW + MINUTE)
    other = replace(push_of(accepted_at=NOW + 2 * MINUTE), environment=Environment.SANDBOX, type=PushType.VOIP)
    desk.accept([to_list(good, 1), to_list(bad, 2, source=Source.PERSON)])
    for shard in desk.claim_all():
        fate = Fate.ACCEPTED if shard.push == good.id else Fate.REFUSED
        failures = (failed(shard.push, 7, "Unregistered"),) if fate is Fate.REFUSED else ()
        desk.mark([mark_of(shard, 1, counts={fate: 1}, failures=failures, finished=True)])
    desk.accept([to_list(other, 3)])
    said = desk.counted(SHOP, PushQuery(outcome=Fate.REFUSED))
    alike = ("shop", "production", "alert")
    assert set(said.groups) == {
        Group(*alike, "api", "done", frozenset({Fate.ACCEPTED}), 1),
        Group(*alike, "person", "done", frozenset({Fate.REFUSED}), 1),
    }
    assert (said.reasons, said.whole) == ({"Unregistered": 1}, True)
    wide = desk.counted(Scope("acme"), PushQuery(reason="Unregistered", type="voip"))
    assert [(one.type, one.pushes) for one in wide.groups] == [("alert", 1)]
    assert wide.reasons == {}
    late = desk.counted(Scope("acme"), PushQuery(since=NOW + 2 * MINUTE))
    assert [(one.environment, one.state, one.pushes) for one in late.groups] == [("sandbox", "open", 1)]
    assert not desk.counted(CAROLS, PushQuery()).groups
    for engine in (sqlite_records, postgres_records, memory_records):
        monkeypatch.setattr(engine, "LOOK", 2)
    newest = desk.counted(Scope("acme"), PushQuery())
    assert (sum(one.pushes for one in newest.groups), newest.whole) == (2, False)


def test_pages_follow_each_other_and_a_tail_begins_where_one_left_off(desk: Desk) -> None:
    pushes = [push_of(accepted_at=NOW + n) for n in range(7)]
    desk.accept([to_list(push, 1) for push in pushes])
    newest = [push.id for push in reversed(pushes)]
    found, before = [], ""
    while True:
        page = desk.pushes(SHOP, PushQuery(before=before, limit=3))
        found += [one.push.id for one in page.pushes]
        before = page.next
        if not before:
            break
    assert found == newest
    assert ids(desk, after=pushes[3].id) == newest[:3]
    assert ids(desk, after=pushes[-1].id) == ids(desk, after="nowhere") == []


def test_few_that_fit_are_looked_for_in_parts_and_an_id_is_found_wherever_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for engine in (sqlite_records, postgres_records):
        monkeypatch.setattr(engine, "LOOK", 4)
    pushes = [push_of(accepted_at=NOW + n) for n in range(10)]
    old = replace(pushes[0], type=PushType.VOIP)
    desk.accept([to_list(old, 1), *(to_list(push, 1) for push in pushes[1:])])
    found, before, rounds = [], "", 0
    while not rounds or before:
        page = desk.pushes(SHOP, PushQuery(type="voip", before=before))
        found += [one.push.id for one in page.pushes]
        before, rounds = page.next, rounds + 1
    assert found == [old.id]
    assert rounds <= 4
    assert ids(desk, id=old.id) == [old.id]


# Times and names


def test_times_are_those_of_the_first_and_the_last_holder_that_was_through(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, 1, 2))
    shard = desk.claim_one()
    desk.mark([mark_of(shard, 0, times=Times(NOW + 5, 0, 0))])
    assert desk.progress(SHOP, push.id).times == Times()
    released = mark_of(shard, 1, release=ShardState.READY, due_at=NOW, times=Times(NOW + 5, NOW + 9, NOW + 9))
    assert desk.mark([released]) == []
    assert desk.progress(SHOP, push.id).times == Times(NOW + 5, NOW + 9, NOW + 9)
    again = desk.claim_one()
    desk.mark([mark_of(again, 2, finished=True, times=Times(NOW + 20, NOW + 31, NOW + 40))])
    done = desk.progress(SHOP, push.id)
    assert done.times == Times(NOW + 5, NOW + 9, NOW + 40)
    assert done.push.state is PushState.DONE


def test_a_shard_that_ended_without_being_sent_leaves_the_times_alone(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(Acceptance(push, (*to_list(push, 1).shards, *to_list(push, 2).shards)))
    first, second = desk.claim_all()
    desk.mark([mark_of(first, 1, finished=True, times=Times(NOW + 1, NOW + 2, NOW + 3))])
    desk.mark([mark_of(second, 0, counts={Fate.STOPPED: 1}, finished=True)])
    assert desk.progress(SHOP, push.id).times == Times(NOW + 1, NOW + 2, NOW + 3)


def test_who_was_named_by_a_push_to_a_few_stays_known_after_it_is_done(desk: Desk) -> None:
    push, raw = push_of(), push_of()
    tokens = NewShard(raw.id, "acme", ShardKind.TOKENS, 0, "acme/shop/production/apns/normal", NOW, 0, 2, b"aa\nbb")
    desk.accept([to_list(push, 5, 2**40), Acceptance(raw, (tokens,))])
    for shard in desk.claim_due("bulk-0", ALL, 9, NOW):
        desk.mark([mark_of(shard[0], shard[0].width, finished=True)])
    kept = desk.progress(SHOP, push.id).addressed
    assert (names(kept, 1, 5), names(kept, 1, 2**40), names(kept, 1, 6), names(kept, 2, 5)) == (
        True,
        True,
        False,
        False,
    )
    kept = desk.progress(SHOP, raw.id).addressed
    assert (names_token(kept, b"bb"), names_token(kept, b"cc"), names(kept, 1, 0)) == (True, False, False)


def test_of_a_push_to_many_or_to_a_range_nobody_is_kept(desk: Desk) -> None:
    few, many, ranged = push_of(), push_of(), push_of()
    desk.accept([to_list(few, *range(MOST)), to_list(many, *range(MOST + 1)), to_range(ranged, 9)])
    assert len(list(unpack(desk.progress(SHOP, few.id).addressed))) == MOST
    assert names(desk.progress(SHOP, many.id).addressed, 1, 1) is None
    assert names(desk.progress(SHOP, ranged.id).addressed, 1, 1) is None


def test_one_devices_failures_come_newest_first_and_only_from_ones_own(desk: Desk) -> None:
    pushes = [push_of() for _ in range(3)]
    for push in pushes:
        desk.accept_one(to_list(push, 1, 2))
        shard = desk.claim_one()
        desk.mark([mark_of(shard, 2, failures=(refusal(shard, 1), refusal(shard, 2)), finished=True)])
    found = desk.failures_of(SHOP, 1, 2, limit=2)
    assert [(one.push, one.seq) for one in found] == [(pushes[2].id, 2), (pushes[1].id, 2)]
    assert desk.failures_of(CAROLS, 1, 2) == []


# Confirmations


def signal(push: str, seq: int, at: int = NOW, kind: SignalKind = SignalKind.RECEIVED, *, apart: bool = True) -> Signal:
    return Signal(push, 1, seq, kind, at, apart)


@pytest.mark.parametrize("apart", [True, False])
def test_a_device_counts_once_however_often_it_reports(desk: Desk, apart: bool) -> None:
    said = [signal("p", seq, NOW + seq, apart=apart) for seq in (3, 1, BLOCK + 2)]
    desk.signal(said)
    desk.signal([*said, signal("p", 1, NOW + 99, apart=apart)])
    desk.signal([signal("p", 1, NOW + 50, SignalKind.OPENED, apart=apart)])
    counts = desk.reports("p").counts
    assert counts[SignalKind.RECEIVED] == Signalled(3, NOW + 1, NOW + BLOCK + 2)
    assert counts[SignalKind.OPENED] == Signalled(1, NOW + 50, NOW + 50)
    assert desk.reports("q").counts == {}


def test_of_a_push_to_a_few_each_devices_time_is_kept_of_others_only_that_it_spoke(desk: Desk) -> None:
    desk.signal([signal("few", 1, NOW + 5), signal("many", 1, NOW + 5, apart=False)])
    desk.signal([signal("few", 1, NOW + 9, SignalKind.OPENED)])
    assert desk.reports("few").apart == {(1, 1): {SignalKind.RECEIVED: NOW + 5, SignalKind.OPENED: NOW + 9}}
    assert desk.reports("many").apart == {}
    assert desk.reported("few", 1, 1) == {SignalKind.RECEIVED: NOW + 5, SignalKind.OPENED: NOW + 9}
    assert desk.reported("many", 1, 1) == {SignalKind.RECEIVED: 0}
    assert desk.reported("many", 1, 2) == desk.reported("few", 1, 2) == {}


def test_confirmations_are_forgotten_with_the_failures(desk: Desk) -> None:
    desk.signal([signal("few", 1), signal("many", 1, apart=False)])
    assert desk.retain(NOW + 29 * 86_400_000) == 0
    assert set(desk.reports("few").counts) == set(desk.reports("many").counts) == {SignalKind.RECEIVED}
    desk.retain(NOW + 31 * 86_400_000)
    assert desk.reports("few").counts == desk.reports("many").counts == {}
