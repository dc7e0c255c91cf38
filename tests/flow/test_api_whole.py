"""The whole API as the api process serves it: every part's routes, held to the same rules."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from cast import Reply, enrol, request
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.adapters.vault.keys import make_keys
from pushwarden.control.access import load
from pushwarden.core.principal import Permission
from pushwarden.settings import Settings
from pushwarden.web.frame import Frame
from pushwarden.web.routes import Route, Within
from pushwarden.wiring.api import Api

OPEN = {"/healthz", "/readyz", "/v1/apps/{app}/{env}/signals"}
MUTATING = {"POST", "PUT", "PATCH", "DELETE"}
READS = {  # a POST that changes nothing
    "POST /v1/apps/{app}/{env}/pushes/preview",
    "POST /v1/apps/{app}/{env}/devices/import/preview",
}
THINGS = {"app": "other", "env": "production", "organisation": "acme", "credential": "c1", "key": "k1", "hold": "h1",
          "callback": "cb_1", "request": "r1", "probe": "p1",
          "id": "0" * 20, "installation_id": "i1", "audience": "1", "import": "imp_1", "version": "1", "person": "p1",
          "session": "s1", "invitation": "i1", "ramp": "r1", "receipt": "r1"}  # fmt: skip
GOOD: dict[str, Any] = {
    "PATCH /v1/apps/{app}": {"version": 1},
    "POST /v1/apps/{app}/callbacks": {"url": "https://carol.example/hook"},
    "PATCH /v1/apps/{app}/callbacks/{callback}": {"version": 1},
    "POST /v1/apps/{app}/{env}/credentials": {"provider": "apns", "text": "k"},
    "PATCH /v1/apps/{app}/{env}/credentials/{credential}": {"version": 1, "enabled": True},
    "POST /v1/holds/{hold}/release": {"verdict": "apply"},
    "POST /v1/apps/{app}/{env}/pushes": {"to": {"all": True}, "type": "background"},
    "POST /v1/apps/{app}/{env}/pushes/preview": {"to": {"all": True}, "type": "background"},
    "PUT /v1/apps/{app}/{env}/devices/{installation_id}": {"provider": "apns", "token": "ab" * 32},
    "PATCH /v1/organisations/{organisation}": {"version": 1},
    "POST /v1/apps/{app}/versions/{version}/restore": {"version": 1},
    "PATCH /v1/users/{person}": {"version": 1},
    "POST /v1/stop": {"app": "other"},
    "POST /v1/resume": {"app": "other"},
}
EMPTY = (b'{"devices":[]}',)  # the same for an app that nobody has
# One answer an item or a line: what is refused is inside.
ITEMISED = ("pushes:batch", "devices/import")


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Frame, dict[str, str]]]:
    """The api process' parts in a folder of their own, with the cast's keys; no sender runs."""
    settings = Settings(data=folder)
    make_keys(settings.keys, {})
    settings.run.mkdir(mode=0o700)
    migrate({"control": settings.control_db, "devices": settings.devices_db, "journal": settings.journal_db})
    api = Api(settings)
    keys = await enrol(api.catalog, api.clock.now_ms())
    await load(api.catalog, api.keys, api.roll)
    await api.ring.open()
    await api.adopt()
    try:
        yield api.frame(), keys
    finally:
        await api.close()


def filled(route: Route) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: THINGS[found[1]], route.path)
    return path + ("?user=u1" if route.path.endswith("/devices") else "")


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


async def ask(app: Frame, route: Route, key: str = "", **headers: str) -> Reply:
    body = msgspec.json.encode(GOOD.get(named(route), {})) if route.method in MUTATING else b""
    own = {"Authorization": f"Bearer {key}"} if key else {}
    return await request(app, route.method, filled(route), body, own | headers)


def test_every_route_of_every_part_declares_permission_action_and_purpose(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as (app, _):
            table = app.router.routes
            assert {route.path for route in table if route.permission is None} == OPEN
            assert [named(route) for route in table if not route.summary] == []
            silent = [named(route) for route in table if route.method in MUTATING and not route.action]
            assert set(silent) <= READS

    asyncio.run(run())


def test_nothing_but_health_answers_a_stranger(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as (app, _):
            for route in app.router.routes:
                reply = await ask(app, route)
                assert (reply.status == 401) == (route.permission is not None), named(route)

    asyncio.run(run())


def test_carol_finds_nothing_of_acme_on_any_route(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as (app, keys):
            for route in app.router.routes:
                if route.permission is None:
                    continue
                theirs = await ask(app, route, keys["carol"], **{"Pushwarden-Organisation": "acme"})
                if route.within is not Within.INSTALLATION:
                    assert theirs.status == 404, (named(route), theirs.body)
                if "{" in route.path and not route.path.endswith(ITEMISED):
                    hers = await ask(app, route, keys["carol"])
                    expected = 403 if route.permission is Permission.ORGANISATION_WRITE else 404
                    assert hers.status == expected or hers.body in EMPTY, (named(route), hers.status, hers.body)

    asyncio.run(run())


NONSENSE = (b"", b"{", b"[]", b"7", b"\xff", b"[" * 300_000, b'{"nonsense":1}', b"1," * 500_000)


def test_no_route_of_any_part_answers_nonsense_with_a_5xx(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as (app, keys):
            headers = {"Authorization": f"Bearer {keys['root']}", "Pushwarden-Organisation": "acme"}
            for route, body in product(app.router.routes, NONSENSE):
                if route.method in MUTATING:
                    reply = await request(app, route.method, filled(route), body, headers)
                    assert reply.status < 500, (named(route), reply.body)

    asyncio.run(run())


def test_imports_and_exports_of_devices_stand_in_the_audit(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as (app, keys):
            alice = {"Authorization": f"Bearer {keys['alice']}"}
            line = b'{"installation_id":"i1","provider":"apns","token":"' + b"ab" * 32 + b'"}\n'
            base = "/v1/apps/shop/production/devices"
            imported = await request(
                app, "POST", base + "/import", line, alice | {"Content-Type": "application/x-ndjson"}
            )
            exported = await request(app, "GET", base + "/export", b"", alice)
            assert (imported.status, exported.status) == (200, 200), (imported.body, exported.body)
            found = (await request(app, "GET", "/v1/audit?action=device.", b"", alice)).json["entries"]
            assert [(one["action"], one["outcome"]) for one in found] == [
                ("device.export", "done"),
                ("device.import", "done"),
            ]
            assert b"abab" not in json.dumps(found).encode()

    asyncio.run(run())
