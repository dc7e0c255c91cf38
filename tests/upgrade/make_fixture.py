"""Writes what a release leaves on disk: run once at each tag, `python -m tests.upgrade.make_fixture v0.1.0`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pushwarden.adapters.sqlite.driver import open_database, sqlite3
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.shard import Failure, Mark, NewShard, ShardKind
from pushwarden.ports.journal import Acceptance

HOME = Path(__file__).parent
NOW = 1_700_000_000_000
LANE = "acme/shop/production/apns/normal"
DONE, UNDER_WAY, HELD = (f"{number:020x}" for number in (1, 2, 3))


def push_of(push_id: str) -> Push:
    return Push(
        push_id, "acme", "shop", Environment.PRODUCTION, PushType.ALERT, Class.NORMAL,
        Message(title="Grüße, 世界", data={"n": 1}), NOW, NOW + 3_600_000, collapse_id="c",
    )  # fmt: skip


def to_list(push_id: str, count: int, *, held: bool = False) -> Acceptance:
    members = b"".join(seq.to_bytes(8, "little") for seq in range(count))
    shard = NewShard(push_id, "acme", ShardKind.LIST, 1, LANE, NOW, 0, count, members)
    return Acceptance(push_of(push_id), (shard,), f"{count} users", f"key {push_id}", b"\x01" * 32, "robot", held)


async def fill_journal(path: Path) -> None:
    """A push that is done, one under way in a sender that is about to be updated, and one held."""
    journal = SqliteJournal(path, lambda: NOW + 5)
    await journal.enlist("bulk-0", NOW)
    await journal.accept([to_list(DONE, 2)])
    ((shard, _),) = await journal.claim("bulk-0", {LANE: 1}, NOW)
    counts = {Fate.ACCEPTED: 1, Fate.REFUSED: 1}
    failure = Failure(DONE, 1, 1, Fate.REFUSED, "Unregistered", 410, NOW, b"ab" * 32)
    done = Mark(DONE, shard.no, shard.fence, 2, b"\x03", counts, 0, failures=(failure,), finished=True)
    await journal.mark([done])
    await journal.accept([to_list(UNDER_WAY, 300), to_list(HELD, 1, held=True)])
    ((shard, _),) = await journal.claim("bulk-0", {LANE: 1}, NOW)
    half = Mark(UNDER_WAY, shard.no, shard.fence, 200, b"\xff" * 12, {Fate.ACCEPTED: 96}, 0)
    await journal.mark([half, replace(half, fence=99)])
    journal.close()


def dumped(connection: sqlite3.Connection) -> Iterator[str]:
    """The statements that make the database again, rows and all."""
    schema = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    for kind, name, statement in schema.fetchall():
        if name.startswith("sqlite_"):
            continue
        yield f"{statement};"
        if kind == "table":
            columns = [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))]
            quoted = ", ".join(f'quote("{column}")' for column in columns)
            for row in connection.execute(f'SELECT {quoted} FROM "{name}"'):
                yield f'INSERT INTO "{name}" VALUES ({", ".join(row)});'


def main() -> None:
    (version,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "journal.db"
        migrate({"journal": path})
        asyncio.run(fill_journal(path))
        with contextlib.closing(open_database(path)) as connection:
            text = "\n".join(dumped(connection)) + "\n"
    (HOME / version).mkdir(exist_ok=True)
    (HOME / version / "journal.sql").write_text(text)


if __name__ == "__main__":
    main()
