"""Stopping while senders are frozen, databases are locked or broken, and disks refuse."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.stop_diary import StopFolder
from pushwarden.control.stops import Held
from pushwarden.core.errors import Busy, PushwardenError
from pushwarden.core.receipt import Confirmation
from pushwarden.core.scope import Scope
from pushwarden.ports.ring import Seat
from stops_fixtures import folder, house, locked

APP = Scope("acme", "shop")


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


def test_a_frozen_sender_is_ended_and_the_receipt_says_so(path: Path) -> None:
    async def play() -> None:
        async with house(path, "sender-urgent", "sender-bulk-0") as ours:
            frozen = ours.toys[1]
            frozen.send_signal(signal.SIGSTOP)
            receipt = await ours.stops.stop(APP, "alice")
            bulk, urgent = receipt.senders
            assert (bulk.confirmation, bulk.killed, bulk.named) == (Confirmation.FENCED, True, 1000)
            assert urgent.confirmation is Confirmation.DRAINED
            assert not receipt.drained
            frozen.send_signal(signal.SIGCONT)
            assert frozen.wait() == -signal.SIGKILL

    asyncio.run(play())


def test_a_sender_that_can_neither_be_heard_nor_ended_is_unreached_until_its_lease_ends(path: Path) -> None:
    class Powerless:
        async def end(self, seat: Seat) -> bool:
            return False

    async def play() -> None:
        async with house(path, "sender-bulk-0:slow") as ours:
            ours.stops._parts.brake._processes = Powerless()
            receipt = await ours.stops.stop(APP, "alice")
            (bulk,) = receipt.senders
            assert bulk.confirmation is Confirmation.UNREACHED
            assert bulk.until_ms is not None
            assert receipt.stopped_at + 2000 <= bulk.until_ms < receipt.stopped_at + 12_000

    asyncio.run(play())


@pytest.mark.parametrize("name", ["control.db", "journal.db"])
def test_a_locked_database_delays_no_stop_and_has_its_row_afterwards(path: Path, name: str) -> None:
    async def play() -> None:
        async with house(path, "sender-bulk-0") as ours:
            with locked(path / name):
                receipt = await ours.stops.stop(APP, "alice", "crash loop")
                assert receipt.drained
                assert ours.stopped() == {APP}
                (standing,) = await ours.stops.status(Scope("acme"))
                assert standing.record is not None
                assert standing.record.actor == "alice"
                if name == "control.db":
                    assert [stop.id for stop in ours.diary.pending()] == [receipt.id]
            await ours.book.settled()
            assert [row.id for row in await ours.rows()] == [receipt.id]
            assert len(await ours.audit()) == 1
            assert ours.diary.pending() == []

    asyncio.run(play())


def test_a_resume_is_refused_while_a_database_is_locked_and_the_scope_stays_stopped(path: Path) -> None:
    async def play() -> None:
        async with house(path) as ours:
            await ours.stops.stop(APP, "alice")
            for name in ("control.db", "journal.db"):
                with locked(path / name), pytest.raises(Busy):
                    await ours.stops.resume(APP, "alice", Held.DISCARD)
                assert ours.stopped() == {APP}
            await ours.stops.resume(APP, "alice", Held.DISCARD)
            assert ours.stopped() == set()

    asyncio.run(play())


def test_a_broken_database_fails_no_stop_and_the_next_start_writes_the_row(path: Path) -> None:
    async def broken() -> str:
        async with house(path, "sender-bulk-0") as ours:
            await ours.catalog._writer.run(lambda connection: connection.execute("ALTER TABLE stop RENAME TO gone"))
            receipt = await ours.stops.stop(APP, "alice", "crash loop")
            assert receipt.drained
            (standing,) = await ours.stops.status(Scope("acme"))
            assert standing.record is not None
            assert standing.record.receipt == receipt
            return receipt.id

    stopped = asyncio.run(broken())
    mending = sqlite3.connect(path / "control.db")
    mending.execute("ALTER TABLE gone RENAME TO stop")
    mending.close()

    async def mended() -> None:
        async with house(path) as ours:
            await ours.stops.start()
            assert [row.id for row in await ours.rows()] == [stopped]

    asyncio.run(mended())


def test_a_disk_that_takes_no_record_fails_no_stop(path: Path) -> None:
    async def play() -> None:
        (path / "stops").write_text("a file where the folder should be")
        async with house(path, "sender-bulk-0") as ours:
            assert (await ours.stops.stop(APP, "alice")).drained
            with pytest.raises(PushwardenError, match="in effect"):
                ours.diary.write((await ours.stops.status(APP))[0].record)  # type: ignore[arg-type]

    asyncio.run(play())


def test_a_record_cut_off_by_a_power_loss_is_passed_over(path: Path) -> None:
    diary = StopFolder(path / "stops")
    assert diary.pending() == []
    (path / "stops").mkdir()
    (path / "stops" / "stop-1.json").write_text('{"id": "stop-1", "sco')
    assert diary.pending() == []
