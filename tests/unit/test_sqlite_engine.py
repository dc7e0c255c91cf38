"""The writer thread, the readers and checkpoints, on a real file."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pushwarden.adapters.sqlite import driver, writer
from pushwarden.adapters.sqlite.engine import Reader, Writer, checkpoint, open_database, sqlite3
from pushwarden.core.errors import Busy, StoreFull


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection = open_database(tmp_path / "a.db")
    connection.execute("CREATE TABLE word (word TEXT PRIMARY KEY)")
    connection.close()
    return tmp_path / "a.db"


@pytest.fixture
def store(path: Path) -> Iterator[Writer]:
    store = Writer(path)
    yield store
    store.close()


def add(word: str) -> Callable[[sqlite3.Connection], str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO word VALUES (?)", (word,))
        return word

    return work


def words(path: Path) -> list[str]:
    reader = Reader(path)
    try:
        return [row[0] for row in reader.rows("SELECT word FROM word ORDER BY rowid")]
    finally:
        reader.close()


def test_an_sqlite_with_the_wal_reset_bug_is_refused_with_a_sentence() -> None:
    with pytest.raises(RuntimeError, match=r"SQLite 3\.40\.1 can corrupt .* install pysqlite3"):
        driver.require((3, 40, 1))


def test_a_new_file_is_its_owners_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_in_a_missing_directory_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="Check the data directory"):
        open_database(tmp_path / "none" / "a.db")


def test_reading_a_file_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="cannot be opened"):
        Reader(tmp_path / "a.db")
    assert not (tmp_path / "a.db").exists()


def test_a_reader_cannot_write(path: Path) -> None:
    reader = Reader(path)
    with pytest.raises(sqlite3.OperationalError, match="attempt to write"):
        reader.connection.execute("DELETE FROM word")
    reader.close()


async def answers_of(store: Writer, *names: str) -> list[str | BaseException]:
    return await asyncio.gather(*(store.run(add(name)) for name in names), return_exceptions=True)


def test_one_failure_sinks_only_itself(store: Writer, path: Path) -> None:
    one, two, again, three = asyncio.run(answers_of(store, "one", "two", "one", "three"))
    assert (one, two, three) == ("one", "two", "three")
    assert isinstance(again, sqlite3.IntegrityError)
    assert words(path) == ["one", "two", "three"]


def test_what_is_queued_during_a_commit_shares_the_next_one(store: Writer) -> None:
    sizes: list[int] = []

    def count(connection: sqlite3.Connection, items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return [item * 2 for item in items]

    async def main() -> list[list[int]]:
        return await asyncio.gather(*(store.batch(count, [n, n + 1]) for n in range(200)))

    assert asyncio.run(main()) == [[2 * n, 2 * n + 2] for n in range(200)]
    assert sum(sizes) == 400
    assert len(sizes) < 200


def test_a_merged_call_that_fails_is_run_again_one_by_one(store: Writer, path: Path) -> None:
    def insert(connection: sqlite3.Connection, items: Sequence[str]) -> Sequence[str]:
        connection.executemany("INSERT INTO word VALUES (?)", [(item,) for item in items])
        return items

    async def main() -> list[list[str] | BaseException]:
        calls = (store.batch(insert, names) for names in (["a", "b"], ["c", "a"], ["d"]))
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert (first, third) == (["a", "b"], ["d"])
    assert isinstance(second, sqlite3.IntegrityError)
    assert words(path) == ["a", "b", "d"]


def test_a_locked_file_is_busy_after_the_limit_and_nothing_is_written(
    store: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BUSY_LIMIT", 0.02)
    other = open_database(path)
    other.execute("BEGIN IMMEDIATE")
    (busy,) = asyncio.run(answers_of(store, "one"))
    other.execute("ROLLBACK")
    assert isinstance(busy, Busy)
    assert asyncio.run(answers_of(store, "two")) == ["two"]
    other.close()
    assert words(path) == ["two"]


def test_a_full_file_is_store_full_and_room_makes_it_write_again(store: Writer) -> None:
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count={pages}")
    long = "x" * 20_000
    assert [type(answer) for answer in asyncio.run(answers_of(store, long, "short"))] == [StoreFull, StoreFull]
    store.connection.execute("PRAGMA max_page_count=1000")
    assert asyncio.run(answers_of(store, long)) == [long]


def write_in_another_process(path: Path, count: int) -> None:
    async def main() -> None:
        store = Writer(path)
        for n in range(count):
            await store.run(add(f"{os.getpid()}-{n}"))
        store.close()

    asyncio.run(main())


def test_two_processes_write_one_file_and_lose_nothing(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=write_in_another_process, args=(path, 200)) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(words(path)) == 400


def test_a_snapshot_sees_one_commit_throughout(store: Writer, path: Path) -> None:
    reader = Reader(path)
    with reader.snapshot() as connection:
        before = connection.execute("SELECT count(*) FROM word").fetchone()
        asyncio.run(answers_of(store, "one"))
        assert connection.execute("SELECT count(*) FROM word").fetchone() == before
    assert reader.row("SELECT count(*) FROM word") == (1,)
    reader.close()


def test_a_long_query_runs_beside_the_loop(store: Writer, path: Path) -> None:
    async def main() -> int:
        await store.run(add("one"))
        reader = Reader(path)
        found: int = await reader.long(lambda connection: connection.execute("SELECT count(*) FROM word").fetchone()[0])
        reader.close()
        return found

    assert asyncio.run(main()) == 1


def test_nothing_is_checkpointed_until_chores_do(store: Writer, path: Path) -> None:
    asyncio.run(answers_of(store, *(f"{n}" for n in range(2000))))
    wal = path.with_name("a.db-wal")
    assert wal.stat().st_size > path.stat().st_size
    kept = checkpoint(path)
    assert kept.complete
    assert kept.wal_bytes == wal.stat().st_size > 0
    assert checkpoint(path, truncate_above=0).wal_bytes == 0


def test_closing_finishes_what_is_queued_and_frees_the_descriptors(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))

    async def main() -> None:
        store = Writer(path)
        last = store.run(add("last"))
        store.close()
        store.close()
        assert await last == "last"

    asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before


def add_all(connection: sqlite3.Connection, names: Sequence[str]) -> list[str]:
    connection.executemany("INSERT INTO word VALUES (?)", [(name,) for name in names])
    return list(names)


def test_work_begun_here_is_answered_after_its_commit_in_the_order_it_came(store: Writer, path: Path) -> None:
    async def body() -> None:
        first, second = store.begin_here(add_all, ["a"]), store.begin_here(add_all, ["b"])
        third = store.run(add("c"))
        assert [await first, await second, await third] == [["a"], ["b"], "c"]
        assert words(path) == ["a", "b", "c"]

    asyncio.run(body())


def test_work_begun_here_that_fails_fails_alone_and_leaves_nothing_open(store: Writer, path: Path) -> None:
    async def body() -> None:
        await store.begin_here(add_all, ["a"])
        with pytest.raises(sqlite3.IntegrityError):
            await store.begin_here(add_all, ["b", "a"])
        await store.begin_here(add_all, ["c"])

    asyncio.run(body())
    assert words(path) == ["a", "c"]


def test_work_is_not_begun_here_while_another_process_writes(
    store: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BUSY_LIMIT", 0.05)
    other = open_database(path)
    other.execute("BEGIN IMMEDIATE")

    async def body() -> None:
        with pytest.raises(Busy):
            await store.begin_here(add_all, ["a"])
        other.execute("ROLLBACK")
        await store.begin_here(add_all, ["b"])

    asyncio.run(body())
    other.close()
    assert words(path) == ["b"]
