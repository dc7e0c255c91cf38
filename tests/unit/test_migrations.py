"""Revisions, tables and the schema for new files say the same; a file is made or upgraded once."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from pushwarden.adapters import migrations
from pushwarden.adapters.migrations import DATABASES, compose
from pushwarden.adapters.sqlite import migrate as module
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.migrate import migrate, revision
from pushwarden.adapters.sqlite.upgrade import connected, upgrade

READY = [name for name in DATABASES if migrations.revisions(name)]


def statements(path: Path) -> set[str]:
    """What a file was made with, without the spaces and the quotes SQLite puts around the name of a table made anew."""
    with contextlib.closing(open_database(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'alembic_version'")
        plain = [re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", row[0]) for row in rows]
    return {" ".join(statement.split()) for statement in plain if "sqlite_s" not in statement}


def test_every_database_that_has_revisions_is_known() -> None:
    assert "journal" in READY


@pytest.mark.parametrize("database", READY)
def test_the_revisions_make_what_a_new_file_is_made_of(database: str, tmp_path: Path) -> None:
    upgrade(tmp_path / "stepwise.db", database, migrations.target(database))
    migrate({database: tmp_path / "new.db"})
    assert statements(tmp_path / "stepwise.db") == statements(tmp_path / "new.db")
    assert revision(tmp_path / "stepwise.db") == revision(tmp_path / "new.db") == migrations.target(database)
    assert compose.dump(database) == migrations.schema(database)


@pytest.mark.parametrize("database", READY)
def test_the_revisions_make_what_the_tables_say(database: str, tmp_path: Path) -> None:
    migrate({database: tmp_path / "new.db"})
    tables = compose.metadata(database).sorted_tables
    wanted = [CreateTable(table) for table in tables]
    wanted += [CreateIndex(index) for table in tables for index in table.indexes]
    dialect = sqlite.dialect()
    assert statements(tmp_path / "new.db") == {" ".join(str(one.compile(dialect=dialect)).split()) for one in wanted}


@pytest.mark.parametrize("database", READY)
def test_revisions_follow_one_another_and_say_their_phase(database: str) -> None:
    known = migrations.revisions(database)
    assert [name.partition("_")[0] for name in known] == [f"{n:04}" for n in range(1, len(known) + 1)]
    assert {name.partition("_")[2] for name in known} <= {"before", "after"}
    assert migrations.target(database, "before").endswith("_before")


def test_a_new_file_is_made_once_and_without_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pushwarden.adapters.sqlite.upgrade", None)
    path = tmp_path / "journal.db"
    newest = migrations.target("journal")
    assert migrate({"journal": path}) == [f"journal.db: made at {newest}"]
    assert migrate({"journal": path}) == []


def test_the_second_of_two_processes_that_make_a_file_finds_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    migrate({"journal": path})
    real, answers = module.revision, [None]
    monkeypatch.setattr(module, "revision", lambda path: answers.pop() if answers else real(path))
    assert migrate({"journal": path}) == []


def test_a_file_of_a_newer_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    migrate({"journal": path})
    with contextlib.closing(open_database(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_before'")
    with pytest.raises(migrations.NewerDatabase, match="newer Pushwarden; start that version"):
        migrate({"journal": path})


HISTORY = {
    "r0001_before.py": """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sqlite_strict=True)
    op.create_table("child", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")), sqlite_strict=True)
    op.execute("INSERT INTO parent VALUES (1), (2)")
    op.execute("INSERT INTO child VALUES (1, 1), (2, 1), (3, 2)")""",
    "r0002_before.py": """
with op.batch_alter_table("parent", recreate="always", table_kwargs={"sqlite_strict": True}) as batch:
        batch.add_column(sa.Column("name", sa.Text, nullable=False, server_default=""))""",
    "r0003_after.py": """
op.execute("DELETE FROM parent WHERE id = 2")""",
}


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database `toy` whose last revision would leave an orphan."""
    versions = tmp_path / "history" / "toy" / "versions"
    versions.mkdir(parents=True)
    before = None
    for name, body in HISTORY.items():
        own = name[1:-3]
        head = f"import sqlalchemy as sa\nfrom alembic import op\nrevision = {own!r}\ndown_revision = {before!r}\n"
        (versions / name).write_text(f"{head}def upgrade():\n    {body.strip()}\n")
        before = own
    monkeypatch.setattr(migrations, "HOME", tmp_path / "history")
    return tmp_path / "toy.db"


def test_remaking_a_table_keeps_the_rows_that_point_at_it(history: Path) -> None:
    assert upgrade(history, "toy", "0002_before") == ["0001_before", "0002_before"]
    with contextlib.closing(open_database(history)) as connection:
        assert connection.execute("SELECT count(*) FROM child").fetchone() == (3,)
        assert connection.execute("SELECT strict FROM pragma_table_list WHERE name = 'parent'").fetchone() == (1,)


def test_a_revision_that_leaves_an_orphan_is_undone(history: Path) -> None:
    upgrade(history, "toy", "0002_before")
    with pytest.raises(ValueError, match="1 rows of child would point at nothing"):
        upgrade(history, "toy", "0003_after")
    assert revision(history) == "0002_before"
    with connected(history) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM parent").scalar() == 2
