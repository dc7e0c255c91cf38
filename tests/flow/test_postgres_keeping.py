"""doctor, migrate, backup and restore over a real PostgreSQL, by the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import postgres_server
from pushwarden.adapters.postgres.engine import connect_now
from pushwarden.wiring.local_postgres import programs


@pytest.fixture
def house(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation on an empty database, prepared as `serve` does it."""
    dsn = postgres_server.fresh_database(migrated=False)
    environ = {
        "PUSHWARDEN_DATA": str(tmp_path / "data"),
        "PUSHWARDEN_STORE": dsn,
        "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pushwarden.wiring.run", "--role", "prepare"], env={**os.environ, **environ}, check=False
    )
    assert done.returncode == 0
    yield environ


def cli(environ: dict[str, str], *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pushwarden.cli.main", *arguments],
        env={**os.environ, **environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_doctor_names_what_is_wrong_with_the_server(house: dict[str, str]) -> None:
    said = cli(house, "doctor", expect=1)  # no senders run, and the tests' server does not sync
    assert "answers; the database takes" in said
    assert "✕ PostgreSQL has fsync and full_page_writes off" in said
    assert "✓ The database `journal` is at revision" in said
    assert not (Path(house["PUSHWARDEN_DATA"]) / "control.db").exists(), "nothing is kept in files beside it"


def test_an_empty_database_is_named_and_left_empty(house: dict[str, str]) -> None:
    empty = house | {"PUSHWARDEN_STORE": postgres_server.fresh_database(migrated=False)}
    assert "The database `control` does not exist; `pushwarden migrate` makes it." in cli(empty, "doctor", expect=1)
    assert "not of this version; run `pushwarden migrate`" in cli(empty, "serve", "--role", "chores", expect=1)
    assert "control: 0001_before" in cli(empty, "migrate")
    assert "Nothing to do" in cli(empty, "migrate")


def test_a_server_nobody_finds_is_refused_with_a_sentence(house: dict[str, str]) -> None:
    lost = house | {"PUSHWARDEN_STORE": "postgresql://push:pa55word@127.0.0.1:1/none"}
    for command in (("migrate",), ("doctor",), ("serve",)):
        said = cli(lost, *command, expect=1)
        assert "look at PUSHWARDEN_STORE" in said
        assert "pa55word" not in said


def test_a_backup_goes_into_an_empty_database_whole(house: dict[str, str], tmp_path: Path) -> None:
    with connect_now(house["PUSHWARDEN_STORE"], "test", "control") as connection:
        connection.execute("INSERT INTO organisation VALUES ('acme', 'Acme', 1, 5)")
    assert "pushwarden.pgdump" in cli(house, "backup", str(tmp_path / "copy"), "--with-keys")
    other = house | {
        "PUSHWARDEN_DATA": str(tmp_path / "other"),
        "PUSHWARDEN_STORE": postgres_server.fresh_database(migrated=False),
    }
    cli(other, "restore", str(tmp_path / "copy"))
    assert "Nothing to do" in cli(other, "migrate")
    with connect_now(other["PUSHWARDEN_STORE"], "test", "control") as connection:
        assert connection.execute("SELECT name FROM organisation").fetchall() == [("Acme",)]
    assert (tmp_path / "other" / "keys" / "private" / "vault.key").exists()
    assert "holds Pushwarden's tables already" in cli(other, "restore", str(tmp_path / "copy"), expect=1)
    files = {name: value for name, value in other.items() if name != "PUSHWARDEN_STORE"}
    said = cli(files | {"PUSHWARDEN_DATA": str(tmp_path / "third")}, "restore", str(tmp_path / "copy"), expect=1)
    assert "no backup of SQLite files" in said


def test_without_the_servers_programs_a_backup_says_what_to_install(house: dict[str, str], tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    said = cli(house | {"PATH": str(bare)}, "backup", str(tmp_path / "copy"), expect=1)
    assert "pg_dump is not on PATH; install PostgreSQL's client programs" in said
