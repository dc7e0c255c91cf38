"""Who may do what over HTTP, for every route there is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cast import WHO, Stage, stage
from catalog_fixtures import opened
from people import signed_in_here
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.control.access import bootstrap, follow, load
from pushwarden.control.people.roll import Roll
from pushwarden.core import apikey
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Busy
from pushwarden.core.hold import Hold
from pushwarden.core.principal import Permission, Role
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed
from pushwarden.web.access import KeyRing
from pushwarden.web.routes import Route, Within

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# What each kind of key is for, written down once more and on purpose apart from the code.
_VIEW = {"app:read", "credential:read", "credential:expiry", "device:read", "push:read"}
MAY = {
    "admin": {permission.value for permission in Permission} - {"organisation:write"},
    "send": _VIEW | {"push:send", "push:test", "device:write", "device:register", "stop:stop"},
    "read": _VIEW | {"audit:read", "audit:export", "system:read"},
    "stop": {"stop:stop"},
    "device": {"device:register"},
    "feed": {"credential:expiry"},
}


INVITED = {"email": "ann@acme.example", "roles": [{"role": "viewer"}]}


async def set_stage() -> Stage:
    return await stage(MemoryCatalog())


async def with_things(scene: Stage) -> dict[str, str]:
    """One of each in acme; path parameters that lead to them."""
    made = await scene.ask("alice", "POST", "/v1/apps/other/production/credentials", {"provider": "apns", "text": "k"})
    asked = await scene.ask("alice", "POST", "/v1/apps/other/production/credentials/requests", {})
    told = await scene.ask("alice", "POST", "/v1/apps/other/callbacks", {"url": "https://acme.example/hook"})
    who = await signed_in_here(scene, Role.VIEWER, Scope("acme"))
    invited = await scene.ask("alice", "POST", "/v1/invitations", INVITED)
    hold = Hold("h1", "acme/other/production/apns/bulk", "mass_invalidation", 5)

    def work(tables: Any) -> Changed[None]:
        tables.holds.put(hold)
        return Changed(None)

    await scene.catalog.change(AuditEntry(1, "bulk-0", "hold.open", Scope("acme")), work)
    return {
        "app": "other",
        "env": "production",
        "credential": made.json["credential"]["id"],
        "probe": made.json["probe"]["id"],
        "key": scene.keys["clerk"][4:16],
        "callback": told.json["callback"]["id"],
        "request": asked.json["request"]["id"],
        "hold": "h1",
        "version": "1",
        "organisation": "acme",
        "person": who.person.id,
        "session": (await scene.ask("alice", "GET", "/v1/sessions")).json["sessions"][0]["id"],
        "invitation": invited.json["view"]["id"],
    }


def filled(route: Route, things: dict[str, str]) -> str:
    path = route.path
    for name, value in things.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"no example for {route.path}"
    return path


def routes() -> list[Route]:
    return asyncio.run(set_stage()).app.router.routes


TABLE = routes()
GOOD: dict[str, dict[str, Any]] = {
    "PATCH /v1/organisations/{organisation}": {"version": 1},
    "PATCH /v1/users/{person}": {"version": 1},
    "POST /v1/invitations": {"email": "eve@carol.example", "roles": [{"role": "viewer"}]},
    "PATCH /v1/apps/{app}": {"version": 1},
    "POST /v1/apps/{app}/callbacks": {"url": "https://carol.example/hook"},
    "PATCH /v1/apps/{app}/callbacks/{callback}": {"version": 1},
    "POST /v1/apps/{app}/{env}/credentials": {"provider": "apns", "text": "k"},
    "PATCH /v1/apps/{app}/{env}/credentials/{credential}": {"version": 1, "enabled": True},
    "POST /v1/apps/{app}/versions/{version}/restore": {"version": 1},
    "POST /v1/holds/{hold}/release": {"verdict": "apply"},
}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_route_declares_its_permission_and_only_health_is_open() -> None:
    assert {route.path for route in TABLE if route.permission is None} == {"/healthz", "/readyz"}
    assert all(isinstance(route.permission, Permission) for route in TABLE if route.path not in ("/healthz", "/readyz"))


def test_every_route_that_changes_something_says_what_the_audit_calls_it() -> None:
    assert [named(route) for route in TABLE if route.method in MUTATING and not route.action] == []


def test_every_route_says_what_it_is_for() -> None:
    assert [named(route) for route in TABLE if not route.summary] == []


@pytest.mark.parametrize("route", TABLE, ids=named)
def test_without_a_key_only_health_answers(route: Route) -> None:
    async def run() -> None:
        scene = await set_stage()
        reply = await scene.ask("", route.method, filled(route, await with_things(scene)), {})
        assert reply.status == (401 if route.permission else 200)
        if route.permission:
            assert reply.headers["www-authenticate"].startswith("Bearer")
            assert reply.json["code"] == "unauthenticated"

    asyncio.run(run())


@pytest.mark.parametrize("route", [route for route in TABLE if route.permission], ids=named)
def test_each_kind_of_key_may_do_what_it_is_for_and_no_more(route: Route) -> None:
    async def run() -> None:
        scene = await set_stage()
        path = filled(route, await with_things(scene))
        for who, (kind, scope) in WHO.items():
            if who == "carol":
                continue
            reply = await scene.ask(who, route.method, path, {})
            granted = route.permission in MAY[kind.value]
            if route.permission is Permission.ORGANISATION_WRITE:
                granted = who == "root"
            inside = scope == Scope() or route.within is not Within.INSTALLATION
            inside = inside and (route.within is not Within.PATH or scope.app in ("", "other"))
            assert (reply.status == 403) == (not granted), (who, reply.body)
            if granted and not inside and scope.organisation:
                assert reply.status == 404, (who, reply.body)
            assert reply.status < 500

    asyncio.run(run())


@pytest.mark.parametrize("route", [route for route in TABLE if route.permission], ids=named)
def test_carol_never_learns_that_anything_of_acme_is_there(route: Route) -> None:
    async def run() -> None:
        scene = await set_stage()
        things = await with_things(scene)
        path = filled(route, things)
        reply = await scene.ask("carol", route.method, path, GOOD.get(named(route), {}))
        if "{" in route.path:
            assert reply.status in ((403,) if route.permission is Permission.ORGANISATION_WRITE else (404,)), reply.body
        nothing = await scene.ask("carol", route.method, path, {}, {"Pushwarden-Organisation": "nowhere"})
        theirs = await scene.ask("carol", route.method, path, {}, {"Pushwarden-Organisation": "acme"})
        if route.within is not Within.INSTALLATION:
            assert theirs.status == 404
            assert _without_id(theirs.json) == _without_id(nothing.json)
        for said in (reply.body, theirs.body):
            assert b"acme" not in said.replace(path.encode(), b"").replace(b"/v1/organisations", b"")
            assert things["credential"].encode() not in said

    asyncio.run(run())


def _without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


def test_a_key_of_one_app_does_not_see_its_sister() -> None:
    async def run() -> None:
        scene = await set_stage()
        assert (await scene.ask("robot", "GET", "/v1/apps/shop")).status == 200
        assert (await scene.ask("robot", "GET", "/v1/apps/other")).status == 404
        listed = (await scene.ask("robot", "GET", "/v1/apps")).json["apps"]
        assert [(app["organisation"], app["id"]) for app in listed] == [("acme", "shop")]
        assert (await scene.ask("clerk", "POST", "/v1/apps", {"id": "third"})).status == 404
        assert (await scene.ask("clerk", "POST", "/v1/keys", {"name": "n", "kind": "admin"})).status == 404
        assert (
            await scene.ask("clerk", "POST", "/v1/keys", {"name": "n", "kind": "send", "app": "other"})
        ).status == 201

    asyncio.run(run())


def test_no_key_can_make_one_that_reaches_further_than_itself() -> None:
    async def run() -> None:
        scene = await set_stage()
        wide = {"name": "n", "kind": "admin", "installation": True}
        assert (await scene.ask("alice", "POST", "/v1/keys", wide)).status == 404
        made = await scene.ask("root", "POST", "/v1/keys", wide)
        assert made.json["view"]["organisation"] == ""
        assert made.json["view"]["id"] not in (await scene.ask("alice", "GET", "/v1/keys")).body.decode()

    asyncio.run(run())


def test_an_installation_key_names_the_organisation_it_means() -> None:
    async def run() -> None:
        scene = await set_stage()
        beta = {"Pushwarden-Organisation": "beta"}
        assert (await scene.ask("root", "GET", "/v1/apps")).json["apps"] == []
        assert [
            app["organisation"] for app in (await scene.ask("root", "GET", "/v1/apps", None, beta)).json["apps"]
        ] == ["beta"]
        assert (await scene.ask("root", "GET", "/v1/apps", None, {"Pushwarden-Organisation": "none"})).status == 404

    asyncio.run(run())


def test_a_new_organisation_can_be_used_at_once() -> None:
    async def run() -> None:
        scene = await set_stage()
        assert (await scene.ask("root", "POST", "/v1/organisations", {"id": "gamma", "name": "G"})).status == 201
        gamma = {"Pushwarden-Organisation": "gamma"}
        assert (await scene.ask("root", "POST", "/v1/apps", {"id": "a"}, gamma)).status == 201

    asyncio.run(run())


def test_a_revoked_key_is_refused_at_once_and_a_rotated_one_after_its_overlap() -> None:
    async def run() -> None:
        scene = await set_stage()
        made = (await scene.ask("alice", "POST", "/v1/keys", {"name": "n", "kind": "read"})).json
        scene.keys["new"] = made["key"]
        one = f"/v1/keys/{made['view']['id']}"
        assert (await scene.ask("new", "GET", "/v1/apps")).status == 200
        turned = (await scene.ask("alice", "POST", one + "/rotate", {"overlap_seconds": 60})).json
        scene.keys["next"] = turned["key"]
        assert turned["view"]["rotated_from"] == made["view"]["id"]
        scene.clock.ms += 59_999
        assert (await scene.ask("new", "GET", "/v1/apps")).status == 200
        scene.clock.ms += 1
        assert (await scene.ask("new", "GET", "/v1/apps")).status == 401
        assert (await scene.ask("next", "GET", "/v1/apps")).status == 200
        assert (await scene.ask("alice", "POST", one + "/rotate", {})).json["code"] == "in_use"
        revoked = await scene.ask("alice", "POST", f"/v1/keys/{turned['view']['id']}/revoke")
        assert revoked.json["revoked_at"] == scene.clock.ms
        assert (await scene.ask("next", "GET", "/v1/apps")).status == 401

    asyncio.run(run())


@pytest.fixture
def file_catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    with opened("sqlite", tmp_path) as found:
        assert isinstance(found, SqliteCatalog)
        yield found


def test_another_process_learns_of_a_revocation(file_catalog: SqliteCatalog, tmp_path: Path) -> None:
    async def run() -> None:
        scene = await stage(file_catalog)
        elsewhere = SqliteCatalog(tmp_path / "control.db")
        ring = KeyRing(scene.clock)
        following = asyncio.create_task(follow(elsewhere, ring, Roll(scene.clock)))
        headers = [(b"authorization", f"Bearer {scene.keys['bob']}".encode())]
        await _until(lambda: "bob" in _name(ring, headers))
        await scene.ask("alice", "POST", f"/v1/keys/{scene.keys['bob'][4:16]}/revoke")
        await _until(lambda: _name(ring, headers) == "")
        following.cancel()
        elsewhere.close()

    asyncio.run(run())


async def _until(true: Any) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not become true")


def _name(ring: KeyRing, headers: list[tuple[bytes, bytes]]) -> str:
    try:
        return ring.authenticate(headers).name
    except Exception:
        return ""


def test_a_key_is_known_while_the_database_is_locked_and_a_change_is_busy(
    file_catalog: SqliteCatalog, tmp_path: Path
) -> None:
    from pushwarden.adapters.sqlite.engine import open_database

    async def run() -> None:
        scene = await stage(file_catalog)
        other = open_database(tmp_path / "control.db")
        other.execute("BEGIN IMMEDIATE")
        headers = [(b"authorization", f"Bearer {scene.keys['brake']}".encode())]
        assert scene.services.ring.authenticate(headers).name == "brake"
        reply = await scene.ask("alice", "POST", "/v1/apps", {"id": "new"})
        assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (503, "busy", "1")
        other.execute("ROLLBACK")
        other.close()
        assert (await scene.ask("alice", "POST", "/v1/apps", {"id": "new"})).status == 201

    asyncio.run(run())


class Locked:
    """A catalog whose file is locked."""

    async def version(self) -> int:
        raise Busy


def test_a_ring_keeps_what_it_knows_when_the_catalog_cannot_be_read() -> None:
    async def run() -> None:
        scene = await set_stage()
        following = asyncio.create_task(follow(Locked(), scene.services.ring, scene.services.roll))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert (await scene.ask("bob", "GET", "/v1/apps")).status == 200
        following.cancel()

    asyncio.run(run())


def test_the_first_key_is_made_once_and_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    async def run() -> None:
        catalog, clock = MemoryCatalog(), (await set_stage()).clock
        file = tmp_path / "keys" / "admin.key"
        assert await bootstrap(catalog, clock, file) == file
        assert file.stat().st_mode & 0o777 == 0o600
        assert await bootstrap(catalog, clock, file) is None
        ring = KeyRing(clock)
        await load(catalog, ring, Roll(clock))
        principal = ring.authenticate([(b"authorization", b"Bearer " + file.read_bytes().strip())])
        assert principal.may(Permission.ORGANISATION_WRITE, Scope())
        assert ring.organisation(principal, []) == "default"
        (row,) = await catalog.read(lambda tables: tables.audit.after("", 0, 10))
        said = json.loads(row.body)
        assert (said["action"], said["actor"]) == ("key.create", "bootstrap")
        clock.ms += 366 * apikey.DAY_MS
        assert await bootstrap(catalog, clock, file) == file

    asyncio.run(run())


def test_no_answer_and_no_audit_row_holds_a_secret() -> None:
    async def run() -> None:
        scene = await set_stage()
        material = "-----BEGIN PRIVATE KEY----- canary"
        body = {"provider": "apns", "text": material, "password": "canary-word"}
        said = (await scene.ask("alice", "POST", "/v1/apps/shop/production/credentials", body)).body
        made = (await scene.ask("alice", "POST", "/v1/keys", {"name": "n", "kind": "send"})).json["key"]
        for path in ("/v1/apps/shop/production/credentials", "/v1/keys", "/v1/audit?limit=1000", "/v1/audit/export",
                     "/v1/apps/shop/production/effective"):  # fmt: skip
            said += (await scene.ask("alice", "GET", path)).body
        secret = apikey.parse(made)
        assert secret is not None
        for word in (b"canary", b"sealed:", secret[1].encode(), apikey.digest(secret[1]).hex().encode()):
            assert word not in said

    asyncio.run(run())


def test_expiry_is_a_year_at_most() -> None:
    async def run() -> None:
        scene = await set_stage()
        reply = await scene.ask("alice", "POST", "/v1/keys", {"name": "n", "kind": "send", "expires_in_days": 367})
        assert (reply.status, reply.json["field"]) == (422, "expires_in_days")
        made = (await scene.ask("alice", "POST", "/v1/keys", {"name": "n", "kind": "send"})).json["view"]
        assert made["expires_at"] - made["created_at"] == 365 * apikey.DAY_MS

    asyncio.run(run())


def test_last_use_reaches_the_list_of_keys() -> None:
    async def run() -> None:
        scene = await set_stage()
        await scene.ask("bob", "GET", "/v1/apps")
        await scene.catalog.note_used(scene.services.ring.take_used())
        keys = {key["name"]: key for key in (await scene.ask("alice", "GET", "/v1/keys")).json["keys"]}
        assert keys["bob"]["last_used_at"] == scene.clock.ms
        assert keys["robot"]["last_used_at"] is None

    asyncio.run(run())
