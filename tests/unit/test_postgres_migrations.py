"""The same revisions on PostgreSQL: they make what the tables say, once, and only forwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Integer, create_engine
from sqlalchemy.pool import NullPool

import postgres_server
from pushwarden.adapters import migrations
from pushwarden.adapters.migrations import DATABASES, compose
from pushwarden.adapters.postgres.dialect import NUMBERED
from pushwarden.adapters.postgres.engine import connect_now
from pushwarden.adapters.postgres.migrate import migrate, revisions


@pytest.fixture
def dsn() -> str:
    return postgres_server.fresh_database(migrated=False)


def one(dsn: str, query: str, schema: str = "public") -> object:
    with connect_now(dsn, "test", schema) as connection:
        return connection.execute(query).fetchone()[0]


def test_an_empty_database_is_made_once(dsn: str) -> None:
    assert revisions(dsn) == dict.fromkeys(DATABASES)
    done = migrate(dsn)
    assert done == [f"{database}: {name}" for database in DATABASES for name in migrations.revisions(database)]
    assert migrate(dsn) == []
    assert revisions(dsn) == {database: migrations.target(database) for database in DATABASES}


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.filterwarnings("ignore:Computed default on:UserWarning")
def test_the_revisions_make_what_the_tables_say(database: str) -> None:
    dsn = postgres_server.fresh_database()
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connect_now(dsn, "test", database), poolclass=NullPool
    )
    with engine.connect() as connection:
        options = {"compare_type": unlike, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, compose.metadata(database))
    unexpected = [one for one in differences if getattr(one[1], "name", "") not in NUMBERED]
    assert unexpected == []


def test_an_index_read_in_the_order_of_its_rows_ends_with_their_number() -> None:
    dsn = postgres_server.fresh_database()
    with connect_now(dsn, "test", "journal") as connection:
        rows = connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'journal'")
        made = {name: said for name, said in rows.fetchall() if name in NUMBERED}
    assert len(made) == len(NUMBERED)
    assert all(said.endswith(", number)") for said in made.values())


def test_a_page_of_devices_is_read_from_the_key_alone() -> None:
    dsn = postgres_server.fresh_database()
    assert str(
        one(dsn, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'devices' AND indexname = 'device_pkey'")
    ).endswith("(audience, seq) INCLUDE (token, state)")


def unlike(context: Any, column: Any, said: Any, found: Any, wanted: Any) -> bool | None:
    """Alembic's own judgement, but every number is wide here (the next test)."""
    return False if isinstance(found, BigInteger) and isinstance(wanted, Integer) else None


@pytest.mark.parametrize("database", DATABASES)
def test_every_number_has_64_bits_and_every_partial_index_its_condition(database: str) -> None:
    dsn = postgres_server.fresh_database()
    narrow = f"SELECT count(*) FROM information_schema.columns WHERE table_schema = '{database}' AND data_type IN "
    assert one(dsn, f"{narrow} ('integer', 'smallint')") == 0
    with connect_now(dsn, "test", database) as connection:
        rows = connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %s", (database,))
        made = dict(rows.fetchall())
    for table in compose.metadata(database).sorted_tables:
        for index in table.indexes:
            partial = index.dialect_options["sqlite"]["where"] is not None
            assert (" WHERE " in made[index.name]) == partial, index.name


def test_two_processes_that_migrate_at_once_make_it_once(dsn: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(migrate, [dsn, dsn])
    assert sorted(first + second) == sorted(
        f"{database}: {name}" for database in DATABASES for name in migrations.revisions(database)
    )


def test_a_database_of_a_newer_version_is_refused_with_a_sentence() -> None:
    dsn = postgres_server.fresh_database()
    with connect_now(dsn, "test", "journal") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_before'")
    with pytest.raises(migrations.NewerDatabase, match="newer Pushwarden; start that version"):
        migrate(dsn)


def test_the_end_of_a_token_is_its_last_eight_bytes(dsn: str) -> None:
    migrate(dsn)
    with connect_now(dsn, "test", "devices") as connection:
        columns = (
            "audience, seq, installation, token, person, app_version, build, tags, test, state, registered_at, version"
        )
        for seq, token in enumerate((b"", b"short", b"0123456789abcdef")):
            values = (1, seq, bytes([seq]), token, "", "", "", "", 0, 0, 0, 1)
            connection.execute(f"INSERT INTO device ({columns}) VALUES ({', '.join(['%s'] * 12)})", values)
        ends = connection.execute("SELECT token_end FROM device ORDER BY seq").fetchall()
    assert ends == [(b"",), (b"short",), (b"89abcdef",)]
