"""What a change over HTTP leaves behind: its row, its audit entry, and the snapshot the senders read."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cast import Stage, stage
from catalog_fixtures import KINDS, opened
from people import signed_in_here
from pushwarden.adapters.holds import CatalogHolds
from pushwarden.adapters.sqlite.engine import open_database
from pushwarden.adapters.sqlite.snapshot import SqliteSnapshots
from pushwarden.control.audit import verified, verified_file
from pushwarden.core.callback import Callback, made
from pushwarden.core.hold import Hold
from pushwarden.core.principal import Permission, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import route

CREDENTIALS = "/v1/apps/shop/production/credentials"


HOOK = "https://acme.example/hook"


def put_message(tables: Tables, callback: str) -> None:
    tables.courses.put(Callback("acme", "shop", callback, HOOK, ()), made("push.finished", "shop", [], 5))


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


async def upload(scene: Stage, text: str, where: str = CREDENTIALS) -> str:
    reply = await scene.ask("alice", "POST", where, {"provider": "apns", "text": text})
    assert reply.status == 201, reply.body
    found: str = reply.json["credential"]["id"]
    return found


async def states(scene: Stage) -> dict[str, str]:
    return {one["id"]: one["state"] for one in (await scene.ask("bob", "GET", CREDENTIALS)).json["credentials"]}


def test_every_change_and_every_refused_attempt_is_in_the_audit(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        hold = Hold("h1", "acme/shop/production/apns/bulk", "mass_invalidation", 5, "bulk-0", {"dead": 900})
        await CatalogHolds(catalog).open(hold)
        one, two = await upload(scene, "one"), await upload(scene, "two")
        key = (await scene.ask("alice", "POST", "/v1/keys", {"name": "n", "kind": "send"})).json["view"]["id"]
        told = (await scene.ask("alice", "POST", "/v1/apps/shop/callbacks", {"url": HOOK})).json["callback"]["id"]
        callback = f"/v1/apps/shop/callbacks/{told}"
        asked = (await scene.ask("alice", "POST", f"{CREDENTIALS}/requests", {})).json["request"]["id"]
        await catalog.note(lambda tables: put_message(tables, told))
        who = await signed_in_here(scene, Role.VIEWER, Scope("acme"))
        wanted = {"email": "ann@acme.example", "roles": [{"role": "viewer"}]}
        invited = (await scene.ask("alice", "POST", "/v1/invitations", wanted)).json["view"]["id"]
        session = (await scene.ask("alice", "GET", "/v1/sessions")).json["sessions"][0]["id"]
        person = f"/v1/users/{who.person.id}"
        steps: list[tuple[str, str, Any]] = [
            ("POST", "/v1/apps/shop/callbacks", {"url": f"{HOOK}/two"}),
            ("PATCH", callback, {"version": 1, "events": ["push.finished"]}),
            ("POST", f"{callback}/rotate", {}),
            ("POST", f"{callback}/test", None),
            ("POST", f"{callback}/retry", None),
            ("POST", f"{callback}/skip", {}),
            ("DELETE", callback, None),
            ("POST", "/v1/apps", {"id": "new"}),
            ("PATCH", "/v1/apps/new", {"version": 1, "name": "New"}),
            ("POST", "/v1/apps/new/versions/1/restore", {"version": 2}),
            ("DELETE", "/v1/apps/new", None),
            ("POST", "/v1/bin/new", None),
            ("POST", f"{CREDENTIALS}/{one}/activate", None),
            ("POST", f"{CREDENTIALS}/{two}/activate", None),
            ("POST", f"{CREDENTIALS}/{one}/switch-back", None),
            ("POST", f"{CREDENTIALS}/{one}/verify?wait=0", None),
            ("POST", f"{CREDENTIALS}/requests", {}),
            ("DELETE", f"{CREDENTIALS}/requests/{asked}", None),
            ("PATCH", f"{CREDENTIALS}/{one}", {"version": 4, "enabled": False}),
            ("DELETE", f"{CREDENTIALS}/{two}", None),
            ("POST", f"/v1/keys/{key}/rotate", {}),
            ("POST", f"/v1/keys/{key}/revoke", None),
            ("POST", "/v1/invitations", wanted),
            ("DELETE", f"/v1/invitations/{invited}", None),
            ("DELETE", f"/v1/sessions/{session}", None),
            ("POST", "/v1/mail/test", {"recipient": who.person.email}),
            ("PATCH", person, {"version": 1, "roles": [{"role": "operator", "app": "shop"}]}),
            ("POST", f"{person}/signin-link", None),
            ("DELETE", person, None),
            ("POST", "/v1/holds/h1/release", {"verdict": "discard", "reason": "wrong key"}),
        ]
        for method, path, body in steps:
            assert (await scene.ask("alice", method, path, body)).status < 300, path
        for method, path, body in steps:
            assert (await scene.ask("bob", method, path, body)).status == 403, path
        root = {"Pushwarden-Organisation": "acme"}
        assert (await scene.ask("root", "POST", "/v1/organisations", {"id": "g", "name": "G"})).status == 201
        assert (
            await scene.ask("root", "PATCH", "/v1/organisations/g", {"version": 1, "name": "H"}, root)
        ).status == 200
        rows = await catalog.read(lambda tables: tables.audit.page(AuditQuery("acme", limit=1000)))
        rows += await catalog.read(lambda tables: tables.audit.page(AuditQuery("", limit=1000)))
        said = [json.loads(row.body) for row in rows]
        done = {entry["action"] for entry in said if entry["outcome"] == "done"}
        elsewhere = {"credential.answer"}  # takes a certificate: tests/flow/test_api_requests.py
        assert done | elsewhere >= {route.action for route in scene.app.router.routes if route.action}
        refused = [entry["action"] for entry in said if entry["outcome"] == "forbidden"]
        assert len(refused) == len(steps)
        assert {entry["actor"] for entry in said if entry["outcome"] == "forbidden"} == {scene.keys["bob"][4:16]}
        assert (await verified(catalog, "acme")).intact
        assert (await verified(catalog, "")).intact

    asyncio.run(run())


def test_the_edit_of_an_old_version_changes_nothing(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        first = await scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "description": "a"})
        assert first.json["version"] == 2
        late = await scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "description": "b"})
        assert (late.status, late.json["code"], late.json["version"]) == (409, "conflict", 2)
        assert (await scene.ask("alice", "DELETE", "/v1/apps/shop?version=1")).json["version"] == 2
        assert (await scene.ask("bob", "GET", "/v1/apps/shop")).json["description"] == "a"
        assert (await scene.ask("alice", "DELETE", "/v1/apps/shop?version=2")).status == 204
        assert (await scene.ask("bob", "GET", "/v1/apps/shop")).status == 404

    asyncio.run(run())


def test_of_two_who_edit_at_once_one_wins(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        edits = [scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "name": f"n{n}"}) for n in range(8)]
        assert sorted(reply.status for reply in await asyncio.gather(*edits)) == [200] + [409] * 7

    asyncio.run(run())


def test_one_credential_is_active_and_the_one_before_is_a_click_away(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        one, two, three = [await upload(scene, text) for text in ("one", "two", "three")]
        for name in (one, two, three):
            assert (await scene.ask("alice", "POST", f"{CREDENTIALS}/{name}/activate")).status == 200
        assert await states(scene) == {one: "previous", two: "previous", three: "active"}
        assert (await scene.ask("alice", "POST", f"{CREDENTIALS}/{two}/switch-back")).json["state"] == "active"
        assert await states(scene) == {one: "previous", two: "active", three: "previous"}
        assert (await scene.ask("alice", "POST", f"{CREDENTIALS}/{two}/switch-back")).json["code"] == "in_use"
        assert (await scene.ask("alice", "DELETE", f"{CREDENTIALS}/{two}")).json["code"] == "in_use"
        assert (await scene.ask("alice", "DELETE", f"{CREDENTIALS}/{two}?force=true")).status == 204
        again = await scene.ask("alice", "POST", CREDENTIALS, {"provider": "apns", "text": "one"})
        assert again.json["code"] == "already_exists"

    asyncio.run(run())


def test_a_credential_of_another_environment_is_not_found_here(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        one = await upload(scene, "one", CREDENTIALS.replace("production", "sandbox"))
        assert (await scene.ask("alice", "POST", f"{CREDENTIALS}/{one}/activate")).status == 404
        assert await states(scene) == {}

    asyncio.run(run())


def test_the_snapshot_holds_what_is_active_under_the_label_it_was_sealed_to(tmp_path: Path) -> None:
    async def run() -> None:
        with opened("sqlite", tmp_path) as catalog:
            scene = await stage(catalog)
            reader = SqliteSnapshots(tmp_path / "control.db")
            first = await reader.load_if_newer(0)
            assert first is not None
            assert await reader.load_if_newer(first.version) is None
            assert first.credential("acme", "shop", Environment.PRODUCTION, "apns") is None
            one = await upload(scene, "one")
            waiting = await reader.load_if_newer(first.version)
            assert waiting is not None
            assert waiting.active == ()
            await scene.ask("alice", "POST", f"{CREDENTIALS}/{one}/activate")
            await scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "enabled": False})
            second = await reader.load_if_newer(first.version)
            assert second is not None
            app, credential = (
                second.app("acme", "shop"),
                second.credential("acme", "shop", Environment.PRODUCTION, "apns"),
            )
            assert app is not None
            assert not app.enabled
            assert credential is not None
            assert credential.sealed == b"sealed:" + credential.label.encode() == f"sealed:acme|shop|{one}|1".encode()
            effective = (await scene.ask("bob", "GET", "/v1/apps/shop/production/effective")).json
            assert effective["snapshot"] == second.version
            assert effective["credentials"]["apns"]["id"] == one
            await scene.ask("alice", "DELETE", "/v1/apps/shop")
            third = await reader.load_if_newer(second.version)
            assert third is not None
            assert third.app("acme", "shop") is None
            assert third.app("beta", "shop") is not None
            reader.close()

    asyncio.run(run())


def test_a_lane_is_held_once_until_someone_lets_it_go(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        holds = CatalogHolds(catalog)
        hold = Hold("h1", "acme/shop/production/apns/bulk", "mass_invalidation", 5, "bulk-0", {"dead": 900}, {"410": 3})
        assert await holds.open(hold) == hold
        assert await holds.open(replace(hold, id="h2", opened_at=6)) == hold
        assert await holds.held() == [replace(hold, evidence={})]
        assert [one["id"] for one in (await scene.ask("bob", "GET", "/v1/holds?open=true")).json["holds"]] == ["h1"]
        assert (await scene.ask("robot", "GET", "/v1/holds")).json["holds"][0]["counts"] == {"dead": 900}
        assert (await scene.ask("carol", "GET", "/v1/holds")).json["holds"] == []
        reply = await scene.ask("alice", "POST", "/v1/holds/h1/release", {"verdict": "apply"})
        assert (reply.json["release"], reply.json["released_at"]) == ("apply", scene.clock.ms)
        assert (await scene.ask("alice", "POST", "/v1/holds/h1/release", {"verdict": "discard"})).json[
            "code"
        ] == "in_use"
        assert await holds.held() == []
        assert [one.id for one in await holds.released(scene.clock.ms)] == ["h1"]
        assert await holds.released(scene.clock.ms + 1) == []

    asyncio.run(run())


def test_the_audit_is_read_in_pages_and_exported_whole(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        for n in range(7):
            await scene.ask("alice", "POST", "/v1/apps", {"id": f"a{n}", "name": "=cmd()"})
        page = (await scene.ask("bob", "GET", "/v1/audit?limit=5&action=app.")).json
        rest = (await scene.ask("bob", "GET", f"/v1/audit?limit=5&before={page['next']}")).json
        assert [entry["target"] for entry in page["entries"] + rest["entries"]] == [f"a{n}" for n in range(6, -1, -1)]
        assert rest["next"] is None
        lines = (await scene.ask("bob", "GET", "/v1/audit/export")).body.decode().splitlines()
        assert verified_file("acme", lines).intact
        assert len(lines) == 7
        rows = list(
            csv.reader(io.StringIO((await scene.ask("bob", "GET", "/v1/audit/export?format=csv")).body.decode()))
        )
        assert [row[5] for row in rows[1:]] == [f"a{n}" for n in range(7)]
        assert (await scene.ask("bob", "GET", "/v1/audit/verify")).json["entries"] == 7
        assert (await scene.ask("bob", "GET", "/v1/audit?chain=installation")).status == 404
        assert (await scene.ask("root", "GET", "/v1/audit?chain=installation")).json["entries"][0][
            "action"
        ] == "stage.set"

    asyncio.run(run())


def test_an_audit_row_changed_in_the_file_is_found(tmp_path: Path) -> None:
    async def run() -> None:
        with opened("sqlite", tmp_path) as catalog:
            scene = await stage(catalog)
            for n in range(5):
                await scene.ask("alice", "POST", "/v1/apps", {"id": f"a{n}"})
            connection = open_database(tmp_path / "control.db")
            connection.execute("UPDATE audit SET body = CAST(replace(body, 'a2', 'b2') AS BLOB) WHERE sequence = 3")
            connection.close()
            verdict = (await scene.ask("bob", "GET", "/v1/audit/verify")).json
            assert (verdict["intact"], verdict["broken_at"]) == (False, 3)

    asyncio.run(run())


def test_a_cell_that_would_be_a_formula_is_text(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        hold = Hold("h1", "acme/shop/production/apns/bulk", "mass_invalidation", 5)
        await CatalogHolds(catalog).open(hold)
        await scene.ask("alice", "POST", "/v1/holds/h1/release", {"verdict": "apply", "reason": "=HYPERLINK(1)"})
        text = (await scene.ask("bob", "GET", "/v1/audit/export?format=csv")).body.decode()
        assert "'=HYPERLINK(1)" in text

    asyncio.run(run())


def test_what_changes_outside_the_catalog_is_noted_by_the_frame(catalog: Catalog) -> None:
    async def imported(_: Call) -> Answer:
        return Answer(status=204)

    path = "/v1/apps/{app}/{env}/things/{thing}"
    row = route("POST", path, imported, permission=Permission.DEVICE_WRITE, action="thing.import", noted=True)

    async def run() -> None:
        scene = await stage(catalog, [row])
        for who in ("robot", "bob"):
            await scene.ask(who, "POST", "/v1/apps/shop/production/things/t1")
        found = (await scene.ask("alice", "GET", "/v1/audit?action=thing.")).json["entries"]
        assert [(one["outcome"], one["target"], one["extra"]["actor_name"]) for one in found] == [
            ("forbidden", "t1", "bob"),
            ("done", "t1", "robot"),
        ]

    asyncio.run(run())


def test_health_says_nothing_to_strangers_and_names_the_parts_to_those_who_may_know() -> None:
    async def run() -> None:
        with opened("memory", Path()) as catalog:
            scene = await stage(catalog, health=lambda: {"journal": False}, metrics=lambda: "pushes_total 1\n")
            assert (await scene.ask("", "GET", "/healthz")).json == {"status": "ok"}
            stranger = await scene.ask("", "GET", "/readyz")
            assert (stranger.status, stranger.json) == (503, {"status": "not ready"})
            assert (await scene.ask("bob", "GET", "/readyz")).json == {"status": "not ready"}
            assert (await scene.ask("root", "GET", "/readyz")).json["parts"] == {"journal": False}
            assert (await scene.ask("root", "GET", "/metrics")).body == b"pushes_total 1\n"
            assert (await scene.ask("bob", "GET", "/metrics")).status == 404

    asyncio.run(run())
