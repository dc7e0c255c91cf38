"""A full disk: accepting stops first, and what was sent is still recorded (F33)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from journal_fixtures import NOW, SHOP, Desk, desk_of, mark_of, push_of, refusal, to_list
from pushwarden.adapters.sqlite import reserve
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.core.errors import StoreFull
from pushwarden.core.outcome import Fate
from pushwarden.core.shard import Mark, Shard
from pushwarden.ports.records import PushQuery


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_of("sqlite", tmp_path) as desk:
        yield desk


def fill(journal: SqliteJournal) -> None:
    """Not one page more may be written; real SQLITE_FULL errors follow."""
    connection = journal.writer.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")


def spending_makes_room(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page limit stands for the disk: the reserve's space is pages when it is given up."""
    spend = journal.reserve.spend

    def spend_and_make_room() -> bool:
        journal.writer.connection.execute("PRAGMA max_page_count=100000")
        return spend()

    monkeypatch.setattr(journal.reserve, "spend", spend_and_make_room)


def many_failures(shard: Shard) -> Mark:
    failures = tuple(refusal(shard, seq, "x" * 200) for seq in range(500))
    return mark_of(shard, 500, counts={Fate.REFUSED: 500}, failures=failures)


def test_a_full_disk_refuses_to_accept_and_keeps_what_was_accepted(desk: Desk) -> None:
    kept = desk.accept_one(to_list(push_of(), 1))
    fill(desk.journal)
    with pytest.raises(StoreFull, match="Free some space"):
        desk.accept([to_list(push_of(), *range(5000))])
    assert [one.push.id for one in desk.pushes(SHOP, PushQuery()).pushes] == [kept]


def test_outcomes_are_recorded_from_the_reserve_and_nothing_is_begun_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = desk.journal
    push = push_of()
    desk.accept([to_list(push, *range(1000)), to_list(push_of(), 1, due_at=NOW + 1)])
    shard = desk.claim_one()
    fill(journal)
    spending_makes_room(journal, monkeypatch)
    assert desk.mark([many_failures(shard)]) == []
    assert len(desk.failures(SHOP, push.id)) == 500
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((4096, 4096, 9, 9, 9, 0, 0, 0, 0, 255)))
    with pytest.raises(StoreFull):
        desk.accept([to_list(push_of(), 1)])
    with pytest.raises(StoreFull):
        desk.claim_all(now_ms=NOW + 1)
    assert desk.mark([mark_of(shard, 600, counts={Fate.REFUSED: 500, Fate.ACCEPTED: 100})]) == []


def test_without_a_reserve_left_the_sender_is_told_that_nothing_was_recorded(desk: Desk) -> None:
    push = push_of()
    desk.accept_one(to_list(push, *range(1000)))
    shard = desk.claim_one()
    desk.journal.reserve.spend()
    fill(desk.journal)
    with pytest.raises(StoreFull):
        desk.mark([many_failures(shard)])
    assert desk.failures(SHOP, push.id) == []
    assert desk.progress(SHOP, push.id).fates[Fate.REFUSED] == 0


def test_a_mark_in_the_same_commit_as_a_refused_accept_is_recorded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = desk.journal
    push = push_of()
    desk.accept_one(to_list(push, *range(1000)))
    shard = desk.claim_one()
    fill(journal)
    spending_makes_room(journal, monkeypatch)

    async def both() -> list[object]:
        big = to_list(push_of(), *range(8000))
        mark = many_failures(shard)
        return await asyncio.gather(journal.accept([big]), journal.mark([mark]), return_exceptions=True)

    full, refused = desk._runner.run(both())
    assert isinstance(full, StoreFull)
    assert refused == []
    assert len(desk.failures(SHOP, push.id)) == 500


def test_the_reserve_is_set_aside_again_only_when_there_is_room_for_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "AGAIN_SECONDS", 0)
    file = reserve.ReserveFile(tmp_path / "reserve", size=1 << 16)
    assert file.ready()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1 << 16
    assert file.spend()
    assert not file.spend()
    with monkeypatch.context() as little:
        little.setattr(os, "statvfs", lambda path: os.statvfs_result((4096, 4096, 99, 20, 20, 0, 0, 0, 0, 255)))
        assert not file.ready()
    assert file.ready()


def test_a_journal_locked_by_another_process_is_busy_and_nothing_was_accepted(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pushwarden.adapters.sqlite import writer
    from pushwarden.adapters.sqlite.driver import open_database
    from pushwarden.core.errors import Busy

    monkeypatch.setattr(writer, "BUSY_LIMIT", 0.02)
    other = open_database(tmp_path / "journal.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        desk.accept([to_list(push_of(), 1)])
    assert desk.pushes(SHOP, PushQuery()).pushes == []
    other.close()
    push = push_of()
    assert desk.accept_one(to_list(push, 1)) == push.id
