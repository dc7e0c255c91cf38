"""How SQLite runs the journal's hot queries: by index, without a sort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from journal_fixtures import NOW, SHOP
from pushwarden.adapters.journal_pages import FLOOR, NUMBER_AT, PAGE, conditions, written
from pushwarden.adapters.sqlite.driver import open_database, sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.insert import scoped
from pushwarden.adapters.sqlite.journal.records import SAID
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.outcome import Fate
from pushwarden.core.scope import Scope
from pushwarden.ports.records import PushQuery

KEY = ("p", 1, 1)
TOTALS = (0,) * 8 + (b"",)
TELLING = {"organisation": "a", "app": "b", "after": 5, "until": 9, "limit": 9}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("plans") / "journal.db"
    migrate({"journal": path})
    connection = open_database(path)
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, statement: str, parameters: Any) -> list[str]:
    return [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)]


CLAIM = {"seat": "s", "rank": 1, "lane": "a/b/c/d/normal", "now": NOW, "limit": 9}


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        (sql.CLAIM, CLAIM, "shard_lane (rank=? AND lane=? AND due_at<?)"),
        (sql.CLAIM_ENDED, CLAIM, "shard_lane (rank=? AND lane=? AND due_at<?)"),
        (sql.CLAIM_ENDED, CLAIM, "push_id (id=?)"),
        (sql.READY, {"rank": 1}, "COVERING INDEX shard_lane (rank=? AND lane>?)"),
        (sql.READY, {"rank": 1}, "COVERING INDEX shard_lane (rank=? AND lane=?)"),
        (sql.GIVE_BACK, {"seat": "s"}, "shard_claimed (holder=?)"),
        (sql.MARK, (*TOTALS, *KEY), "shard_no (push=? AND no=?)"),
        (sql.MARK_AND_RELEASE, (*TOTALS, NOW, "ready", *KEY), "shard_no (push=? AND no=?)"),
        (sql.FINISH, {"marks": "[]"}, "shard_no (push=? AND no=?)"),
        (sql.FOLD, {"folds": "[]", "now": NOW}, "push_id (id=?)"),
        (sql.PUSH, {"id": "p"}, "push_id (id=?)"),
        (sql.LEFT, {"ids": "[]"}, "shard_no (push=?)"),
        (sql.CLAIMED, {"ids": "[]"}, "shard_no (push=?)"),
        (sql.FAILURES, {"push": "p", "after": 0, "limit": 9}, "failure_push (push=? AND rowid>?)"),
        (sql.FORGET_KEYS, {"before": NOW}, "idempotency_at (at<?)"),
        (sql.LAST_ACCEPTED, {"until": 9}, "push USING INTEGER PRIMARY KEY (rowid<?)"),
        (sql.ACCEPTED, TELLING, "push USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (sql.FINISHED, {**TELLING, "ids": "[]"}, "push_id (id=?)"),
        (sql.LAST_FAILURE, {"until": 9}, "failure USING INTEGER PRIMARY KEY (rowid<?)"),
        (sql.FAILED, TELLING, "failure USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (sql.FAILED, TELLING, "push_id (id=?)"),
    ],
)
def test_a_hot_statement_goes_by_its_index(
    connection: sqlite3.Connection, statement: str, parameters: Any, index: str
) -> None:
    steps = plan(connection, statement, parameters)
    assert any(index in step for step in steps), steps
    assert not any(step.startswith(("SCAN shard", "SCAN push", "SCAN failure")) for step in steps), steps


@pytest.mark.parametrize(("where", "index"), [(SHOP, "push_place"), (Scope("acme"), "push_organisation")])
@pytest.mark.parametrize("query", [PushQuery(), PushQuery(reason="x", outcome=Fate.REFUSED, text="a")])
def test_a_page_of_pushes_is_read_in_the_order_of_its_index(
    connection: sqlite3.Connection, where: Scope, index: str, query: PushQuery
) -> None:
    made = conditions(where, query)
    values = {**made.values, "below": 9, "above": 0, "limit": 9, "look": 9}
    for template in (PAGE.replace("/* columns */", "*"), FLOOR):
        steps = plan(connection, written(template, made).format_map(SAID), values)
        assert index in steps[0], steps
        assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in steps), steps


def test_a_moment_is_found_among_the_numbers_by_halves(connection: sqlite3.Connection) -> None:
    steps = plan(connection, NUMBER_AT.format_map(SAID), {"at": NOW})
    assert any("push USING INTEGER PRIMARY KEY (rowid>?)" in step for step in steps), steps
    assert not any("SCAN push" in step for step in steps), steps


def test_one_devices_failures_and_reports_are_found_by_their_keys(connection: sqlite3.Connection) -> None:
    statement, named = scoped(sql.FAILURES_OF, SHOP)
    steps = plan(connection, statement, {**named, "audience": 1, "seq": 2, "limit": 9})
    assert any("failure_device (audience=? AND seq=?)" in step for step in steps), steps
    for statement in (sql.COUNTS, sql.APART, sql.REPORTED, sql.REPORTED_IN_BLOCK):
        values = {"push": "p", "audience": 1, "seq": 2, "block": 0}
        steps = plan(connection, statement, values)
        assert not any("SCAN" in step for step in steps), steps


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (sql.CLAIM, CLAIM),
        (sql.CLAIM_ENDED, CLAIM),
        (sql.READY, {"rank": 1}),
        (sql.FAILURES, {"push": "p", "after": 0, "limit": 9}),
        (sql.NUMBERS_BEFORE, {"at": NOW}),
        (sql.ACCEPTED, TELLING),
        (sql.FAILED, TELLING),
    ],
)
def test_what_comes_in_order_is_not_sorted(connection: sqlite3.Connection, statement: str, parameters: Any) -> None:
    assert not any("TEMP B-TREE" in step for step in plan(connection, statement, parameters))


def test_discarding_looks_at_open_pushes_only(connection: sqlite3.Connection) -> None:
    statement, named = scoped(sql.DISCARD, SHOP)
    steps = plan(connection, statement, {**named, "before": NOW})
    assert any("push_open (organisation=? AND app=? AND environment=? AND accepted_at<?)" in step for step in steps), (
        steps
    )
    statement, named = scoped(sql.DISCARD, SHOP.__class__("a", push="p"))
    steps = plan(connection, statement, {**named, "before": NOW})
    assert any("push_id (id=?)" in step for step in steps), steps


@pytest.mark.parametrize("template", [sql.RELEASE, sql.EXPIRE, sql.WAITING])
def test_releasing_looks_at_held_shards_only(connection: sqlite3.Connection, template: str) -> None:
    statement, named = scoped(template, SHOP)
    steps = plan(connection, statement, {**named, "since": NOW, "now": NOW})
    assert any("shard_held" in step for step in steps), steps
