"""How a search of the audit is run over many rows: by an index, newest first without a sort."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy.dialects import sqlite

import postgres_server
from pushwarden.adapters import statements_audit as sql
from pushwarden.adapters.postgres.dialect import Dialect
from pushwarden.adapters.postgres.engine import connect_now
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.migrate import migrate

ROWS = 20_000
VALUES: dict[str, Any] = {
    "organisation": "acme", "actor": "k7", "action": "app.change", "app": "shop3", "environment": "production",
    "outcome": "forbidden", "target": "c19", "since": 5, "until": 9_000_000, "least": 3, "before": 15_000, "limit": 50,
}  # fmt: skip
FILL_SQLITE = f"""
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
INSERT INTO audit (organisation, sequence, at, actor, action, app, outcome, target, body, hash, environment)
SELECT iif(n % 9, 'acme', 'beta'), n, n * 10, 'k' || (n % 40),
  CASE n % 5 WHEN 0 THEN 'app.change' ELSE 'push.x' || (n % 30) END,
  'shop' || (n % 9), iif(n % 50, 'done', 'forbidden'), 'c' || (n % 300), x'7b7d', x'00', 'production' FROM n;
"""
FILL_POSTGRES = (
    FILL_SQLITE.replace(f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})\n", "")
    .replace("iif(n % 9, 'acme', 'beta')", "CASE WHEN n % 9 > 0 THEN 'acme' ELSE 'beta' END")
    .replace("iif(n % 50, 'done', 'forbidden')", "CASE WHEN n % 50 > 0 THEN 'done' ELSE 'forbidden' END")
    .replace("FROM n;", f"FROM generate_series(1, {ROWS}) n")
    .replace("x'7b7d', x'00'", "'\\x7b7d'::bytea, '\\x00'::bytea")
)


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("audit") / "control.db"
    migrate({"control": path})
    with contextlib.closing(open_database(path)) as connection:
        connection.executescript(FILL_SQLITE)
        yield connection


@pytest.fixture(scope="module")
def postgres() -> Iterator[psycopg.Connection[Any]]:
    with connect_now(postgres_server.fresh_database(), "test", "control") as connection:
        connection.execute(FILL_POSTGRES)
        connection.execute("VACUUM ANALYZE")
        connection.execute("SET random_page_cost = 1.1")
        yield connection


@pytest.mark.parametrize("lead", sql.LEADS)
@pytest.mark.parametrize("beside", [(), ("environment", "since", "until")], ids=["alone", "with others"])
def test_a_search_goes_by_the_index_of_what_it_names(
    lite: sqlite3.Connection, lead: str, beside: tuple[str, ...]
) -> None:
    plan = _sqlite(lite, sql.page(lead, frozenset(beside)))
    assert f"USING INDEX audit_{lead} (organisation=? AND ({lead},sequence)>(?,?) AND ({lead},sequence)<(?,?))" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("filters", [(), ("environment",), ("since", "until")])
def test_what_has_no_index_walks_the_key_between_two_sequences(
    lite: sqlite3.Connection, filters: tuple[str, ...]
) -> None:
    plan = _sqlite(lite, sql.page("", frozenset(filters)))
    assert "USING PRIMARY KEY (organisation=? AND sequence>? AND sequence<?)" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("lead", ["", *sql.LEADS])
@pytest.mark.parametrize("beside", [(), ("environment", "since", "until")], ids=["alone", "with others"])
def test_on_postgresql_it_goes_by_the_same_index_without_a_sort(
    postgres: psycopg.Connection[Any], lead: str, beside: tuple[str, ...]
) -> None:
    done = sql.page(lead, frozenset(beside)).compile(dialect=Dialect())  # type: ignore[no-untyped-call]
    found = postgres.execute("EXPLAIN " + str(done), {**done.params, **VALUES}).fetchall()
    plan = "\n".join(row[0] for row in found)
    assert f"Index Scan Backward using audit_{lead or 'pkey'}" in plan
    assert "Sort" not in plan


def _sqlite(connection: sqlite3.Connection, statement: Any) -> str:
    done = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    found = connection.execute("EXPLAIN QUERY PLAN " + str(done), {**done.params, **VALUES})
    return "\n".join(row[3] for row in found)
