"""Who is sent to at which step, and what a ramp does next."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from lanes_fixtures import NOW, a_push, a_shard, a_work

from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.core.device import RAW_AUDIENCE, Device
from pushwarden.core.lane import Class
from pushwarden.core.ramp import LEAST_ANSWERS, STEPS, WHOLE, Move, Ramp, place_of, place_of_token
from pushwarden.core.scope import Scope
from pushwarden.core.shard import ShardKind, ShardState
from pushwarden.dataplane.lanes.ramps import Ramps
from pushwarden.dataplane.lanes.window import grants
from pushwarden.dataplane.lanes.work import Work

SHOP = Scope("acme", "shop")
RAMP = Ramp("ramp-1", SHOP, 1, 1000, 500, NOW, "alice", NOW)


@pytest.mark.parametrize("share", STEPS)
def test_a_step_reaches_its_share_of_an_audience(share: int) -> None:
    for audience in (1, 2, 77):
        reached = sum(place_of(audience, seq) < share for seq in range(100_000))
        assert abs(reached - share * 10) <= 400 * (0 < share < WHOLE)
    assert abs(sum(place_of_token(b"%064x" % seq) < share for seq in range(100_000)) - share * 10) <= 400


def test_who_was_reached_is_reached_at_every_later_step() -> None:
    places = [place_of(1, seq) for seq in range(1000)]
    reached = [{seq for seq, place in enumerate(places) if place < share} for share in STEPS]
    assert all(before <= after for before, after in itertools.pairwise(reached))


@pytest.mark.parametrize(
    ("ramp", "after", "move"),
    [
        (RAMP, 999, Move.STAY),
        (RAMP, 1000, Move.ADVANCE),
        (replace(RAMP, step=3), 1000, Move.END),
        (replace(RAMP, refused=LEAST_ANSWERS - 1), 0, Move.STAY),
        (replace(RAMP, refused=LEAST_ANSWERS), 0, Move.HALT),
        (replace(RAMP, accepted=95, refused=5), 1000, Move.ADVANCE),
        (replace(RAMP, accepted=94, refused=6), 0, Move.HALT),
        (replace(RAMP, most_refused=0, accepted=10**6, refused=1), 0, Move.HALT),
    ],
)
def test_a_ramp_goes_on_by_its_time_and_halts_by_its_refusals(ramp: Ramp, after: int, move: Move) -> None:
    assert ramp.judge(NOW + after) is move


def test_the_reason_of_a_halt_has_the_numbers() -> None:
    said = replace(RAMP, accepted=94, refused=6).why_halted()
    assert said == "6 of 100 answers were refused (6.0%) while 1 % of the devices were sent to; at most 5 % may."


def test_only_fan_outs_within_the_scope_wait() -> None:
    ramps = Ramps(MemoryDevices())
    assert ramps.share(a_push()) == WHOLE
    ramps.open = (RAMP, replace(RAMP, step=2, scope=Scope()))
    assert ramps.share(a_push()) == 100
    assert ramps.share(a_push(app="other")) == 1000
    assert ramps.share(a_push(klass=Class.NORMAL)) == ramps.share(a_push(klass=Class.URGENT)) == WHOLE


def divided(work: Work, share: int, tests: Sequence[int] = ()) -> Work:
    async def play() -> Work:
        devices = MemoryDevices()
        fleet = [
            Device(f"phone-{number}", "apns", f"{number:064x}", test=number in tests)
            for number in range(work.shard.lo + work.width)
        ]
        await devices.register(a_push().scope, fleet, NOW)
        await Ramps(devices).divide(work, share, NOW)
        return work

    return asyncio.run(play())


def test_those_whose_turn_it_is_leave_in_one_shard_and_the_rest_is_held() -> None:
    work = divided(a_work(500, lo=0), 1000, tests=[7])
    ((_, mark),) = grants([work], 1000)
    (going,) = mark.retries
    seqs = {int.from_bytes(going.members[at : at + 8], "little") for at in range(0, len(going.members), 8)}
    assert seqs == {seq for seq in range(500) if place_of(1, seq) < 1000} | {7}
    assert (going.kind, going.lane, going.due_at, mark.moved) == (ShardKind.LIST, work.key, NOW, len(seqs))
    assert (mark.release, mark.issued, mark.finished) == (ShardState.HELD, 0, False)
    assert mark.done == work.mark(0).done
    assert sum(mark.counts.values()) == 0


def test_at_the_first_step_only_test_devices_leave() -> None:
    work = divided(a_work(100, lo=0), 0, tests=[3, 50])
    assert (work.moved, work.leaving) == (2, ShardState.HELD)


def test_a_shard_that_all_may_go_on_stays_whole() -> None:
    passing = [seq for seq in range(3000) if place_of(1, seq) < 100][:5]
    members = b"".join(seq.to_bytes(8, "little") for seq in passing)
    work = divided(a_work(len(passing), kind=ShardKind.LIST, lo=0, members=members), 100)
    assert (work.moved, work.leaving, work.open) == (0, None, len(passing))


def test_who_has_ended_or_left_before_is_not_taken_again() -> None:
    work = a_work(500, lo=0)
    for offset in range(250):
        work.flags[offset] = 1
    work.open = 250
    divided(work, 1000)
    assert work.moved == sum(place_of(1, seq) < 1000 for seq in range(250, 500))


@pytest.mark.parametrize("member", [b"/topics/news", b"/condition/'a' in topics"])
def test_a_topic_waits_for_everybodys_turn(member: bytes) -> None:
    shard = a_shard(1, kind=ShardKind.TOKENS, audience=RAW_AUDIENCE, lo=0, members=member)
    assert divided(Work(shard, a_push(), bytearray(1), 0.0), WHOLE - 1).leaving is ShardState.HELD


def test_a_shard_at_which_senders_died_waits_for_everybodys_turn() -> None:
    work = divided(a_work(500, lo=0, lane="acme/shop/simulated/apns/alone", crashes=2), 1000)
    assert (work.moved, work.leaving) == (0, ShardState.HELD)
