"""Stop, cancel and resume over real files, real sockets and senders in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pushwarden.control.stop_care import free_ended
from pushwarden.control.stops import Held
from pushwarden.core.errors import Conflict, NotFound
from pushwarden.core.receipt import Confirmation, Receipt, SenderReceipt
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import StopRecord
from stops_fixtures import SHOP, House, folder, house

APP = Scope("acme", "shop")


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


def test_a_stop_is_drained_when_every_sender_says_so_and_is_recorded_behind_the_reply(path: Path) -> None:
    async def play() -> None:
        async with house(path, "sender-urgent", "sender-bulk-0") as ours:
            receipt = await ours.stops.stop(APP, "alice", "crash loop in 5.3")
            assert receipt.drained
            assert [one.sender for one in receipt.senders] == ["sender-bulk-0", "sender-urgent"]
            assert ours.stopped() == {APP}
            await ours.book.settled()
            (row,) = await ours.rows()
            assert (row.id, row.scope, row.actor, row.reason) == (receipt.id, APP, "alice", "crash loop in 5.3")
            assert row.receipt == receipt
            (entry,) = await ours.audit()
            assert b'"stop.stop"' in entry.body
            assert ours.diary.pending() == []

    asyncio.run(play())


def test_the_weakest_sender_decides(path: Path) -> None:
    async def play() -> None:
        async with house(path, "sender-urgent", "sender-bulk-0:fenced") as ours:
            receipt = await ours.stops.stop(APP, "alice")
            assert not receipt.drained
            bulk = receipt.senders[0]
            assert (bulk.confirmation, bulk.named, bulk.killed) == (Confirmation.FENCED, 3, False)

    asyncio.run(play())


def test_what_is_stopped_is_told_with_who_and_since_when(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            first = await ours.stops.stop(APP, "alice", "crash loop")
            await ours.stops.stop(Scope("rival"), "carol")
            await ours.stops.stop(APP, "bob", "again")
            for _ in range(2):
                (standing,) = await ours.stops.status(Scope("acme"))
                assert (standing.scope, standing.since_ms) == (APP, first.stopped_at)
                assert standing.record is not None
                assert (standing.record.actor, standing.record.reason) == ("bob", "again")
                await ours.book.settled()
            assert len(await ours.stops.status(Scope())) == 2
            await ours.stops.stop(Scope(), "operator")
            assert {one.scope for one in await ours.stops.status(Scope("acme"))} == {APP, Scope()}

    asyncio.run(play())


def test_a_resume_that_keeps_sends_none_of_what_waited(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.accept(1)
            await ours.stops.stop(APP, "alice")
            await ours.accept(2, held=True)
            done = await ours.stops.resume(APP, "alice")
            assert (done.held, done.shards, done.discarded) == (Held.KEEP, 1, ())
            assert ours.stopped() == set()
            assert await ours.claim() == []
            await ours.accept(3)
            assert len(await ours.claim()) == 1
            later = await ours.stops.resume(APP, "alice", Held.RELEASE)
            assert later.shards == 2
            assert len(await ours.claim()) == 2

    asyncio.run(play())


def test_a_resume_that_discards_records_it_before_the_fence_lifts(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            scopes = [await ours.accept(1), await ours.accept(2, held=True)]
            await ours.stops.stop(APP, "alice")
            done = await ours.stops.resume(APP, "alice", Held.DISCARD)
            assert sorted(done.discarded) == sorted(scope.push for scope in scopes)
            assert {str(push.state) for _, push in await ours.claim()} == {"discarding"}

    asyncio.run(play())


def test_a_discard_that_fails_leaves_the_scope_stopped(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.stops.stop(APP, "alice")
            ours.journal.close()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ours.stops.resume(APP, "alice", Held.DISCARD), 0.2)
            assert ours.stopped() == {APP}

    asyncio.run(play())


def test_a_resume_ends_every_stop_of_the_scope_in_the_database(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.stops.stop(APP, "alice")
            await ours.stops.stop(APP, "bob")
            await ours.stops.resume(APP, "carl", reason="5.4 is out")
            assert {row.resumed_by for row in await ours.rows()} == {"carl"}
            assert await ours.stops.status(Scope()) == []
            assert b'"stop.resume"' in (await ours.audit())[0].body

    asyncio.run(play())


def test_a_resume_says_which_wider_stop_still_covers_it(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.stops.stop(Scope(), "operator")
            await ours.stops.stop(APP, "alice")
            assert (await ours.stops.resume(APP, "alice")).still == (Scope(),)
            with pytest.raises(NotFound, match="Nothing is stopped"):
                await ours.stops.resume(SHOP, "alice")

    asyncio.run(play())


def test_a_stop_during_a_resume_wins(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.stops.stop(APP, "alice")

            async def stop_meanwhile(where: Scope) -> int:
                await ours.stops.stop(APP, "bob", "no, wait")
                return 0

            ours.journal.hold = stop_meanwhile  # type: ignore[method-assign]
            with pytest.raises(Conflict, match="stays stopped"):
                await ours.stops.resume(APP, "alice")
            assert ours.stopped() == {APP}
            await ours.book.settled()
            assert [row.actor for row in await ours.rows() if row.resumed_at is None] == ["bob"]

    asyncio.run(play())


def test_a_cancelled_push_is_fenced_discarded_and_gives_its_place_back_when_it_has_ended(path: Path) -> None:
    async def play() -> None:
        async with house(path, "sender-bulk-0") as ours:
            push, other = await ours.accept(1), await ours.accept(2)
            receipt = await ours.stops.cancel(push, "alice")
            assert receipt.drained
            assert ours.stopped() == {push}
            assert await ours.stops.status(Scope("acme")) == []
            claimed = await ours.claim()
            assert {taken.id: str(taken.state) for _, taken in claimed} == {push.push: "discarding", other.push: "open"}
            await free_ended(ours.stops._parts)
            assert ours.stopped() == {push}
            await ours.end([(shard, taken) for shard, taken in claimed if taken.id == push.push])
            await free_ended(ours.stops._parts)
            assert ours.stopped() == set()
            assert all(row.resumed_at for row in await ours.rows())

    asyncio.run(play())


def test_a_stop_the_file_lost_is_in_effect_again_at_the_next_start(path: Path) -> None:
    async def first() -> None:
        async with house(path) as ours:
            await ours.stops.stop(APP, "alice")
            await ours.book.settled()
            ours.fence.resume(APP)

    async def second() -> None:
        async with house(path) as ours:
            assert ours.stopped() == set()
            mended = await ours.stops.start()
            assert mended == ["The fence file lacked the stop of app acme/shop; it is in effect again."]
            assert ours.stopped() == {APP}

    asyncio.run(first())
    asyncio.run(second())


def test_a_stop_only_the_file_knows_is_recorded_at_the_next_start(path: Path) -> None:
    async def play(ours: House) -> None:
        ours.fence.stop(APP, 5)
        assert len(await ours.stops.start()) == 1
        await ours.book.settled()
        (row,) = await ours.rows()
        assert (row.scope, row.stopped_at, row.reason) == (APP, 5, "found in the fence file")

    async def run() -> None:
        async with house(path) as ours:
            await play(ours)

    asyncio.run(run())


def test_a_stop_made_while_nothing_else_ran_is_merged_at_the_next_start(path: Path) -> None:
    async def alone() -> None:
        async with house(path) as ours:
            await ours.stops._parts.brake.stop(APP, "operator", "from the command line")

    async def later() -> None:
        async with house(path) as ours:
            assert await ours.rows() == []
            assert await ours.stops.start() == []
            (row,) = await ours.rows()
            assert (row.actor, row.reason) == ("operator", "from the command line")
            assert ours.diary.pending() == []

    asyncio.run(alone())
    asyncio.run(later())


def test_a_stop_by_another_process_is_recorded_while_this_one_runs(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.stops.start()
            async with house(path) as other:
                receipt = await other.stops._parts.brake.stop(APP, "operator", "by hand")
            while not await ours.rows():
                await asyncio.sleep(0.02)
            assert [row.id for row in await ours.rows()] == [receipt.id]

    asyncio.run(play())


def test_a_stop_that_the_diary_told_the_database_of_too_early_gets_its_receipt(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            scope = Scope("acme", "shop")
            draft = StopRecord("stop-1", scope, "alice", "", 5)
            ours.diary.write(draft)
            await ours.book.flush()
            receipt = Receipt("stop-1", scope, 1, 5, 4.0, (SenderReceipt("bulk-0", Confirmation.FENCED, 4.0),))
            ours.book.add(replace(draft, receipt=receipt))
            await ours.book.settled()
            (row,) = await ours.rows()
            assert row.receipt == receipt
            assert len(await ours.audit()) == 1

    asyncio.run(play())
