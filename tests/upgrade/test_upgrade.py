"""What an earlier release left on disk goes on under this one."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from pushwarden.adapters import migrations
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.adapters.sqlite.migrate import migrate, revision
from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushState
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.journal import Accepted
from tests.upgrade.make_fixture import DONE, HELD, HOME, LANE, NOW, UNDER_WAY, push_of, to_list

RELEASES = sorted(path.parent.name for path in HOME.glob("v*/journal.sql"))
SHOP = Scope("acme", "shop", Environment.PRODUCTION)


@pytest.fixture(params=RELEASES)
def left_behind(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with contextlib.closing(open_database(path)) as connection:
        connection.executescript((HOME / request.param / "journal.sql").read_text())
    return path


async def go_on(path: Path) -> None:
    """A sender comes back, finishes what was under way, and a caller repeats its request."""
    journal = SqliteJournal(path)
    assert await journal.enlist("bulk-0", NOW) == 2
    ((shard, push),) = await journal.claim("bulk-0", {LANE: 9}, NOW)
    assert push == push_of(UNDER_WAY)
    assert (shard.crashes, shard.issued, shard.counts[Fate.ACCEPTED], shard.done) == (1, 200, 96, b"\xff" * 12)
    assert shard.members == to_list(UNDER_WAY, 300).shards[0].members
    assert await journal.accept([to_list(HELD, 1)]) == [Accepted(HELD, replayed=True)]
    assert await journal.release(SHOP) == 1
    done = await journal.progress(SHOP, DONE)
    assert done is not None
    assert (done.push.state, done.planned, done.refusals) == (PushState.DONE, 2, {"Unregistered": 1})
    ((_, failure),) = await journal.failures(SHOP, DONE)
    assert (failure.seq, failure.reason, len(failure.token)) == (1, "Unregistered", 16)
    left = await journal.progress(SHOP, UNDER_WAY)
    assert left is not None
    assert (left.planned, left.in_flight, left.pending) == (300, 104, 100)
    journal.close()


def test_a_release_left_a_fixture() -> None:
    assert "v0.1.0" in RELEASES


def test_an_upgraded_journal_goes_on_where_it_was(left_behind: Path) -> None:
    migrate({"journal": left_behind})
    assert revision(left_behind) == migrations.target("journal")
    asyncio.run(go_on(left_behind))
