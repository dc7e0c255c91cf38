"""Anchors kept beside the store: a chain that was cut or written anew in the store itself is found by them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from test_console_history import House

import tampering
from cast import Stage, stage
from pushwarden.adapters.anchor_file import AnchorFile
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.control.anchoring import Anchoring
from pushwarden.core.audit import AuditEntry
from pushwarden.core.chain import Anchor
from pushwarden.core.scope import Scope

ROWS = 6
Damage = Callable[[sqlite3.Connection], object]


def cut(connection: sqlite3.Connection) -> object:
    return connection.execute("DELETE FROM audit WHERE organisation = 'acme' AND sequence > 4")


def empty(connection: sqlite3.Connection) -> object:
    return connection.execute("DELETE FROM audit WHERE organisation = 'acme'")


def edit(connection: sqlite3.Connection) -> object:
    change = "replace(CAST(body AS TEXT), 'app.change', 'app.remove')"
    return connection.execute(f"UPDATE audit SET body = CAST({change} AS BLOB) WHERE sequence = 3")


def rewrite(connection: sqlite3.Connection) -> object:
    """Every hash anew, with a row less."""
    kept = connection.execute(
        "SELECT sequence, body, hash FROM audit WHERE organisation = 'acme' ORDER BY 1"
    ).fetchall()
    anew = tampering.linked([row for row in kept if row[0] != 2], 1, tampering.genesis("acme"))
    for sequence, body, made in anew:
        connection.execute(
            "UPDATE audit SET body = ?, hash = ? WHERE sequence = ? AND organisation = 'acme'", (body, made, sequence)
        )
    return connection.execute("DELETE FROM audit WHERE organisation = 'acme' AND sequence > ?", (len(anew),))


@pytest.mark.parametrize("damage", [cut, empty, edit, rewrite])
def test_damage_in_the_store_is_found_by_verify_and_by_the_next_anchoring(tmp_path: Path, damage: Damage) -> None:
    async def run() -> None:
        async with _house(tmp_path) as (scene, anchoring, path):
            assert await anchoring.step(1) == []
            good = (await scene.ask("bob", "GET", "/v1/audit/verify")).json
            assert (good["intact"], good["anchors"]) == (True, 1)
            with contextlib.closing(open_database(path)) as connection:
                damage(connection)
            found = (await scene.ask("bob", "GET", "/v1/audit/verify")).json
            assert found["intact"] is False
            if damage is not edit:  # whose row is not the anchored one
                (sentence,) = await anchoring.step(2)
                assert "no longer has row 6 as it was anchored" in sentence
                assert anchoring.anchors.last()["acme"].sequence == ROWS

    asyncio.run(run())


@pytest.mark.parametrize("damage", [None, cut, empty, edit, rewrite])
def test_the_page_says_of_the_chain_what_the_command_line_is_told(tmp_path: Path, damage: Damage | None) -> None:
    async def run() -> None:
        async with _house(tmp_path) as (scene, anchoring, path):
            await anchoring.step(1)
            with contextlib.closing(open_database(path)) as connection:
                _ = damage(connection) if damage else None
            told = (await scene.ask("bob", "GET", "/v1/audit/verify")).json
            snapshot = await scene.catalog.read(lambda tables: tables.snapshots.get())
            assert snapshot is not None
            page = await House(scene, snapshot).see("/audit?verify=1", "bob")
            if damage is None:
                assert f"The chain holds. {told['entries']} entries" in page and told["anchor"] in page
            else:
                assert f"The chain is broken at entry {told['broken_at']}. {told['problem']}." in page

    asyncio.run(run())


def test_a_head_that_was_kept_elsewhere_finds_what_the_file_beside_it_no_longer_can(tmp_path: Path) -> None:
    async def run() -> None:
        async with _house(tmp_path) as (scene, anchoring, path):
            head = (await scene.ask("bob", "GET", "/v1/audit/verify")).json["anchor"]
            await anchoring.step(1)
            (tmp_path / "heads").unlink()
            with contextlib.closing(open_database(path)) as connection:
                rewrite(connection)
            alone = (await scene.ask("bob", "GET", "/v1/audit/verify")).json
            assert (alone["intact"], alone["anchors"]) == (True, 0)
            assert (await scene.ask("bob", "GET", f"/v1/audit/verify?head={head}")).json["intact"] is False
            assert (await scene.ask("bob", "GET", "/v1/audit/verify?head=7")).status == 422

    asyncio.run(run())


def test_only_new_heads_are_kept_and_each_survives_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        async with _house(tmp_path) as (scene, anchoring, _):
            for _ in range(3):
                await anchoring.step(1)
            await scene.catalog.record(AuditEntry(9, "k1", "app.change", Scope("beta")))
            await Anchoring(scene.catalog, AnchorFile(tmp_path / "heads")).step(2)
            kept = (tmp_path / "heads").read_text().splitlines()
            assert len(kept) == 3  # acme's, the installation's, and beta's
            assert AnchorFile(tmp_path / "heads").of("beta")[0].sequence == 1

    asyncio.run(run())


def test_a_line_that_broke_off_is_passed_over(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path / "heads")
    assert file.of("acme") == []
    file.keep(Anchor("acme", 3, b"\x01" * 32, 5))
    with (tmp_path / "heads").open("a") as lines:
        lines.write('{"organisation": "acme", "seq\n')
    file.keep(Anchor("acme", 4, b"\x02" * 32, 6))
    assert [one.text for one in file.of("acme")] == ["3:" + "01" * 32, "4:" + "02" * 32]


@contextlib.asynccontextmanager
async def _house(folder: Path):
    path = folder / "control.db"
    migrate({"control": path})
    with contextlib.closing(SqliteCatalog(path)) as catalog:
        file = AnchorFile(folder / "heads")
        scene: Stage = await stage(catalog, anchors=file.of)
        for at in range(ROWS):
            await catalog.record(AuditEntry(at, "k1", "app.change", Scope("acme")))
        yield scene, Anchoring(catalog, file), path
