"""Deleted apps: nothing is sent, a week to put them back, and then nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cast import stage
from catalog_fixtures import KINDS, opened
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.control.emptying import WEEK_MS, empty
from pushwarden.core.app import CredentialState
from pushwarden.core.device import Device
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Catalog, Tables

CREDENTIALS = "/v1/apps/shop/production/credentials"
SHOP = Scope("acme", "shop", Environment.PRODUCTION)
OTHER = Scope("acme", "other", Environment.PRODUCTION)


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


def test_a_deleted_app_sends_nothing_keeps_its_name_and_comes_back_as_it_was(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        made = (await scene.ask("alice", "POST", CREDENTIALS, {"provider": "apns", "text": "k"})).json
        way = f"{CREDENTIALS}/{made['credential']['id']}/activate"
        assert (await scene.ask("alice", "POST", way, {"confirm": ["unproven"]})).status == 200
        before = (await scene.ask("alice", "GET", "/v1/apps/shop/versions/2")).json["configuration"]
        assert (await scene.ask("alice", "DELETE", "/v1/apps/shop?version=1")).status == 204
        snapshot = await catalog.read(lambda tables: tables.snapshots.get())
        assert snapshot is not None
        assert (snapshot.app("acme", "shop"), snapshot.active) == (None, ())
        assert (await scene.ask("robot", "GET", "/v1/apps/shop")).status == 404
        again = await scene.ask("alice", "POST", "/v1/apps", {"id": "shop"})
        assert (again.status, "in the bin; put it back" in again.json["detail"]) == (409, True)
        (one,) = (await scene.ask("alice", "GET", "/v1/bin")).json["apps"]
        assert (one["app"]["id"], one["until"] - one["deleted_at"]) == ("shop", WEEK_MS)
        assert (await scene.ask("carol", "GET", "/v1/bin")).json["apps"] == []
        assert (await scene.ask("carol", "POST", "/v1/bin/shop")).status == 404
        assert (await scene.ask("alice", "POST", "/v1/bin/shop")).json["id"] == "shop"
        last = await catalog.read(lambda tables: tables.versions.last("acme", "shop"))
        assert last is not None and last.configuration == before
        snapshot = await catalog.read(lambda tables: tables.snapshots.get())
        assert snapshot is not None and len(snapshot.active) == 1
        assert (await scene.ask("alice", "POST", "/v1/bin/shop")).status == 404

    asyncio.run(run())


def test_after_a_week_nothing_is_left_but_the_audit(catalog: Catalog) -> None:
    async def run() -> None:
        scene, devices = await stage(catalog), MemoryDevices()
        for where in (SHOP, OTHER):
            await devices.register(where, [Device("i1", "apns", "ab" * 32)], 1)
        await scene.ask("alice", "POST", CREDENTIALS, {"provider": "apns", "text": "k"})
        await scene.ask("alice", "DELETE", "/v1/apps/shop?version=1")
        now = scene.clock.ms
        assert await empty(catalog, devices, now + WEEK_MS - 1) == 0
        assert (await devices.counts(SHOP))["live"] == 1
        scene.clock.ms = now + WEEK_MS
        assert await empty(catalog, devices, scene.clock.ms) == 1
        assert ((await devices.counts(SHOP))["live"], (await devices.counts(OTHER))["live"]) == (0, 1)
        kept = await catalog.read(lambda tables: tables.credentials.in_state(*CredentialState))
        assert kept == []
        assert await catalog.read(lambda tables: tables.apps.binned()) == []
        assert await empty(catalog, devices, scene.clock.ms) == 0
        rows = await catalog.read(lambda tables: tables.audit.facets("acme", "action"))
        assert "app.destroy" in [row.value for row in rows]

    asyncio.run(run())


def test_who_comes_when_the_week_is_over_is_told_so(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await scene.ask("alice", "DELETE", "/v1/apps/shop?version=1")

        def age(tables: Tables) -> None:
            (app,) = tables.apps.binned("acme")
            tables.apps.update(replace(app, deleted_at=app.deleted_at - WEEK_MS, version=app.version + 1))

        await catalog.note(age)
        late = await scene.ask("alice", "POST", "/v1/bin/shop")
        assert (late.status, late.json["detail"]) == (409, "Its week is over, and it is being destroyed; make it anew.")

    asyncio.run(run())
