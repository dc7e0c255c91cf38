"""How PostgreSQL runs the hot statements on filled tables: by index, without a sort, left to itself in the choice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.devices_fixtures import device, entry, imported, made_postgres, uuid_of

import postgres_server
from journal_fixtures import NOW, SHOP
from pushwarden.adapters.journal_pages import FLOOR, PAGE, conditions, written
from pushwarden.adapters.postgres.devices import counting, importing, invalidations, reads, searching, writes
from pushwarden.adapters.postgres.engine import connect_now
from pushwarden.adapters.postgres.journal import sql, sql_asked
from pushwarden.adapters.postgres.journal.records import SAID
from pushwarden.adapters.postgres.journal.schema import scoped
from pushwarden.core.device_search import Way
from pushwarden.core.outcome import Fate
from pushwarden.core.scope import Scope
from pushwarden.ports.records import PushQuery

FILL_JOURNAL = """
INSERT INTO push SELECT n, 'p' || n, 'acme', 'shop', 'production', 'alert', 'bulk', '{}', n, n + 9, 0, '', '', '', '',
  '', CASE WHEN n % 50 > 0 THEN 'done' ELSE 'open' END, '', '', 1, 9, 9, 0, 0, 0, 0, 0, n
  FROM generate_series(1, 6000) n;
INSERT INTO shard SELECT n, 'p' || n / 3, n % 3, 'acme', 'range', 1, 'lane' || n % 40 || '/bulk', 2,
  (ARRAY['ready', 'ready', 'claimed', 'held'])[n % 4 + 1], n, 0, 8192, 0, 0, CASE WHEN n % 4 = 2 THEN 's' || n % 9
  ELSE '' END, 1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, '', '' FROM generate_series(1, 9000) n;
INSERT INTO roster SELECT n, '\\x00' FROM generate_series(1, 3000, 9) n;
INSERT INTO failure SELECT n, CASE WHEN n % 80 = 0 THEN 'p1' ELSE 'p' || n % 900 END, 1,
  n, 'refused', 'x', 400, n, '' FROM generate_series(1, 9000) n;
INSERT INTO idempotency SELECT 'acme', 'shop', 'production', 'k' || n, '\\x00', 'p' || n, n
  FROM generate_series(1, 6000) n;
INSERT INTO sender VALUES ('s1', 1, 5), ('s2', 1, 5);
"""
FILL_DEVICES = """
INSERT INTO audience (organisation, app, environment, provider, token_kind, size, next_seq)
SELECT 'acme', 'shop' || n, 'production', 'apns', 'alert', 600, 600 FROM generate_series(1, 50) n;
INSERT INTO device (audience, seq, installation, token, person, app_version, build, tags, test, state, registered_at,
                    gone_at, gone_reason, version)
SELECT n % 50 + 1, n / 50, decode('00' || md5('i' || n), 'hex'), decode('00' || md5('a' || n) || md5('b' || n), 'hex'),
  'u' || n, '5.3', '512', ',ios,', 0, (n % 97 = 0)::int, n, CASE WHEN n % 97 = 0 THEN n END, '', 1
  FROM generate_series(0, 29999) n;
INSERT INTO invalidation SELECT n, 'acme', 'shop' || n % 50, 'production', 'apns', 'alert', md5('' || n), 'gone', '',
  '', '', n, n, '' FROM generate_series(1, 9000) n;
"""

Plan = list[str]


def filled(schema: str, script: str) -> Iterator[psycopg.Connection[Any]]:
    with connect_now(postgres_server.fresh_database(), "test", schema) as connection:
        for statement in script.split(";"):
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE")
        connection.execute("SET random_page_cost = 1.1")  # everything is in memory, as on a warm server
        yield connection


@pytest.fixture(scope="module")
def journal() -> Iterator[psycopg.Connection[Any]]:
    yield from filled("journal", FILL_JOURNAL)


@pytest.fixture(scope="module")
def devices() -> Iterator[psycopg.Connection[Any]]:
    yield from filled("devices", FILL_DEVICES)


def plan(connection: psycopg.Connection[Any], statement: str, values: Any) -> Plan:
    rows = connection.execute("EXPLAIN (COSTS OFF) " + statement, values)  # type: ignore[arg-type]
    return [row[0].strip() for row in rows]


def reads_whole(steps: Plan) -> Plan:
    return [
        step for step in steps if re.search(r"Seq Scan on (push|shard|failure|idempotency|device|invalidation)", step)
    ]


PLACE = {"organisation": "acme", "app": "shop", "environment": "production"}
TURN = {"lanes": ["lane1/bulk"], "ranks": [2], "shares": [9], "now": NOW, "seat": "s1"}
MARK = '[{"push": "p1", "no": 0, "fence": 1, "done": ""}]'
RECORDED = {"marks": MARK, "failures": "[]", "retries": "[]"}
TELLING = {"organisation": "acme", "app": "shop", "after": 100, "until": 9000, "limit": 50}
QUIET = {**TELLING, "app": "quiet"}
SENT = {"pushes": "[]", "shards": "[]", "keys": "[]", "keyed": [], "life": 1}


@pytest.mark.parametrize(
    ("statement", "values", "step"),
    [
        (sql.CLAIM, TURN, "((rank = turn.rank) AND (lane = turn.lane) AND (due_at <="),
        (sql.CLAIM_ENDED, TURN, "((rank = turn.rank) AND (lane = turn.lane) AND (due_at <="),
        (sql.READY, {"ranks": [2]}, "shard_lane"),
        (sql.GIVE_BACK, {"seats": ["s1"]}, "shard_claimed"),
        (sql.FREEZE, {"members": b"", "planned": 1, "push": "p1", "no": 0, "fence": 1}, "shard_no"),
        (sql.MARK, {"marks": MARK}, "shard_no"),
        (sql.RECORD, RECORDED, "shard_no"),
        (sql.LOCK_PUSHES, {"ids": ["p1"]}, "push_id"),
        (sql.CLOSE, {"ids": ["p1"], "now": NOW}, "shard_no"),
        (sql.SEEN_IDS, {"ids": ["p1"]}, "push_id"),
        (sql_asked.PUSH, {"id": "p1"}, "push_id"),
        (sql_asked.LEFT, {"ids": ["p1"]}, "shard_no"),
        (sql_asked.CLAIMED, {"ids": ["p1"]}, "shard_no"),
        (sql_asked.FAILURES, {"push": "p1", "after": 0, "limit": 50}, "failure_push"),
        (sql.FORGET_KEYS, {"before": 9}, "idempotency_at"),
        (sql_asked.NUMBERS_BEFORE, {"at": NOW}, "Index Scan Backward using push_pkey"),
        (sql_asked.NUMBERS_BEFORE, {"at": NOW}, "Index Scan Backward using failure_pkey"),
        (sql_asked.ACCEPTED, TELLING, "Index Scan using push_pkey"),
        (sql_asked.ACCEPTED, QUIET, "Index Scan using push_pkey"),
        (sql_asked.FINISHED, {**TELLING, "ids": ["p1", "p2"]}, "push_id"),
        (sql_asked.FAILED, TELLING, "Index Scan using failure_pkey"),
        (sql_asked.FAILED, QUIET, "Index Scan using failure_pkey"),
        (sql_asked.FAILED, TELLING, "push_id"),
    ],
)
def test_a_hot_statement_of_the_journal_goes_by_its_index(
    journal: psycopg.Connection[Any], statement: str, values: Any, step: str
) -> None:
    steps = plan(journal, statement, values)
    assert any(step in one for one in steps), steps
    assert not reads_whole(steps), steps


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (sql.READY, {"ranks": [2]}),
        (sql_asked.FAILURES, {"push": "p1", "after": 0, "limit": 50}),
        (sql_asked.NUMBERS_BEFORE, {"at": NOW}),
        (sql_asked.ACCEPTED, TELLING),
        (sql_asked.ACCEPTED, QUIET),
        (sql_asked.FAILED, TELLING),
        (sql_asked.FAILED, QUIET),
    ],
)
def test_what_comes_in_order_is_not_sorted(journal: psycopg.Connection[Any], statement: str, values: Any) -> None:
    steps = plan(journal, statement, values)
    assert not [step for step in steps if step.startswith(("Sort", "->  Sort", "->  Incremental Sort"))], steps


def test_the_shards_to_claim_are_not_sorted(journal: psycopg.Connection[Any]) -> None:
    steps = plan(journal, sql.CLAIM, TURN)
    chosen = steps[steps.index("CTE chosen") : next(at for at, step in enumerate(steps) if step == "CTE claimed")]
    assert any("LockRows" in step for step in chosen)
    assert not [step for step in chosen if "Sort" in step], steps


def test_discarding_and_releasing_look_at_what_is_open_and_held_only(journal: psycopg.Connection[Any]) -> None:
    statement, named = scoped(sql.DISCARD, SHOP)
    assert any("push_open" in step for step in plan(journal, statement, {**named, "before": NOW}))
    statement, named = scoped(sql.DISCARD, Scope("acme", push="p1"))
    assert any("push_id" in step for step in plan(journal, statement, {**named, "before": NOW}))
    for template in (sql.RELEASE, sql.EXPIRE, sql.WAITING):
        statement, named = scoped(template, Scope("acme", push="p1"))
        steps = plan(journal, statement, {**named, "since": NOW, "now": NOW})
        assert any("shard_held" in step or "shard_no" in step for step in steps)


WORDS = {"audience": 1, "words": "[]", "now": 9, "before": 9}
FOUND = {**PLACE, "app": "shop1", "kind": "", "users": ["u1", "u2"], "installations": [b"\0"]}


@pytest.mark.parametrize(
    ("statement", "values", "step"),
    [
        (reads.PAGE, (7, 100, 400), "Index Only Scan using device_pkey on device"),
        (reads.MEMBERS, (7, 100, 400), "Index Only Scan using device_pkey on device"),
        (reads.PICK, (7, [1, 2, 3]), "device_pkey"),
        (reads.EXPORT, (7, 100, 50), "device_pkey"),
        (reads.FIND, FOUND, "device_person"),
        (reads.FIND, FOUND, "device_installation"),
        (reads.FIND_EACH, FOUND, "device_person"),
        (reads.GET, {**PLACE, "app": "shop1", "installation": b"\0"}, "device_installation"),
        (writes.TOUCHED, {"audience": 1, "installations": [b"1"], "tokens": [b"2"], "ends": [b"2"]}, "device_token"),
        (writes.REMOVE, ([1, 2], b"1"), "device_installation"),
        (writes.BURY, WORDS, "device_pkey"),
        (writes.DOUBT, WORDS, "device_pkey"),
        (writes.EXHUME, {"audience": 1, "since": 9, "reason": "", "limit": 9}, "device_gone"),
        (writes.RETAIN, {"audience": 1, "before": 9, "limit": 9}, "device_gone"),
        (searching.statement(Way.ALL, "true"), (7, 100, 50, 9), "device_pkey"),
        (searching.statement(Way.TEST, "true"), (7, 100, 50, 9), "device_test"),
        (searching.statement(Way.USER, "true"), (7, "u8", 100, 50, 9), "device_person"),
        (searching.statement(Way.GONE, "true"), (7, 99, 99, 9, 50, 9), "device_gone"),
        (searching.statement(Way.TOKEN, "true"), (7, b"\0ab", b"\0ab", 50, 9), "device_token"),
        (searching.statement(Way.INSTALLATION, "true"), (7, b"\0", 50, 9), "device_installation"),
        (searching.last_looked_at(Way.ALL), (7, 100, 49), "device_pkey"),
        (searching.MARK, {"audiences": [1, 2], "installation": b"\0", "test": 2}, "device_installation"),
        (searching.CLEAR, {"audience": 1, "before": 9, "reason": "", "limit": 9}, "device_gone"),
        (searching.COUNT_GONE, {"audience": 1, "before": 9, "reason": ""}, "device_gone"),
        (counting.SLICE, (9, 7, 100, 400), "device_pkey"),
        (counting.SAID, (8000, 9000), "invalidation_pkey"),
        (invalidations.LAST, {**PLACE, "provider": "apns", "tokens": ["a"]}, "invalidation_token"),
        (invalidations.LISTED, {**PLACE, "after": 9, "limit": 9}, "invalidation_"),
        (invalidations.NUMBER_BEFORE, (9,), "invalidation_at"),
        (invalidations.NAMES, (1, [1, 2]), "device_pkey"),
        (invalidations.FORGET, (9, 9), "invalidation_at"),
    ],
)
def test_a_hot_statement_of_the_devices_goes_by_its_index(
    devices: psycopg.Connection[Any], statement: str, values: Any, step: str
) -> None:
    steps = plan(devices, statement, values)
    assert any(step in one for one in steps), steps
    assert not reads_whole(steps), steps


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (reads.PAGE, (7, 100, 400)),
        (reads.EXPORT, (7, 100, 50)),
        (searching.statement(Way.ALL, "true"), (7, 100, 50, 9)),
        (searching.statement(Way.TEST, "true"), (7, 100, 50, 9)),
    ],
)
def test_a_page_is_not_sorted(devices: psycopg.Connection[Any], statement: str, values: Any) -> None:
    assert not [step for step in plan(devices, statement, values) if "Sort" in step]


def test_an_import_looks_each_line_up_though_the_table_was_never_analysed() -> None:
    with connect_now(postgres_server.fresh_database(), "test", "devices") as connection, connection.transaction():
        for statement in FILL_DEVICES.split(";")[:2]:
            connection.execute(statement)  # type: ignore[arg-type]
        connection.execute(importing.STAGING)  # type: ignore[arg-type]
        connection.execute("INSERT INTO incoming (installation, token) SELECT '', '' FROM generate_series(1, 30000)")
        steps = plan(connection, importing.MERGE, {"audience": 1, "next": 9})
    lookups = [step for step in steps if step.startswith("Index Cond: ((audience = ")]
    assert any("(installation = line.installation)" in step for step in lookups), steps
    assert any("(token_end = " in step for step in lookups), steps


def test_a_list_much_longer_than_its_audience_goes_in_before_the_server_gives_up() -> None:
    async def scene() -> None:
        store = made_postgres()
        await store.register(SHOP, [device(f"d{n}") for n in range(7)], NOW)
        lines = [entry(uuid_of(n), uuid_of(n).replace("-", "") * 2) for n in range(20_000)]
        assert (await imported(store, SHOP, lines)).created == 20_000
        await store.close()

    asyncio.run(scene())


@pytest.mark.parametrize("where", [SHOP, Scope("acme")])
@pytest.mark.parametrize("query", [PushQuery(), PushQuery(reason="x", outcome=Fate.REFUSED, text="a")])
def test_a_page_of_pushes_is_read_in_the_order_of_its_index(
    journal: psycopg.Connection[Any], where: Scope, query: PushQuery
) -> None:
    made = conditions(where, query)
    values = {**made.values, "below": 5000, "above": 100, "limit": 9, "look": 9}
    for template in (PAGE.replace("/* columns */", "*"), FLOOR):
        steps = plan(journal, written(template, made).format_map(SAID), values)
        assert not reads_whole(steps), steps
        assert not [step for step in steps if "Sort" in step], steps


def test_one_devices_failures_are_found_by_its_number(journal: psycopg.Connection[Any]) -> None:
    statement, named = scoped(sql_asked.FAILURES_OF, SHOP)
    steps = plan(journal, statement, {**named, "audience": 1, "seq": 2, "limit": 9})
    assert any("failure_device" in step for step in steps), steps
