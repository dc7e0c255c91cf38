"""The made-up month that pictures and measurements are taken of is a sound installation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushwarden.control import access
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import MINUTE_MS
from pushwarden.ports.catalog import StopRecord, Tables
from pushwarden.ports.records import PushQuery
from pushwarden.ports.tallies import Step
from pushwarden.settings import Settings
from pushwarden.wiring.api import Api
from pushwarden.wiring.fleet import tell
from pushwarden.wiring.fleet.company import OWNER, Company
from pushwarden.wiring.fleet.teller import DAY, ORGANISATION, Teller, ToldClock
from pushwarden.wiring.stores import stores_of

SCALE = 0.01


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings, now = Settings(data=tmp_path_factory.mktemp("fleet") / "data"), time.time_ns() // 1_000_000
    return asyncio.run(_told(settings, now))


async def _told(settings: Settings, now: int) -> dict[str, Any]:
    await tell(settings, now, SCALE)
    api = Api(settings, ToldClock(now))
    await access.load(api.catalog, api.keys, api.roll)
    await api.ring.open()
    await api.adopt()
    dana, shop = Teller(api, ToldClock(now), now).by("dana"), Scope(ORGANISATION, "acme-shop", Environment.PRODUCTION)
    try:
        return {
            "now": now,
            "apps": {app.name: app for app in (await dana.get("/v1/apps")).apps},
            "effective": await dana.get("/v1/apps/acme-shop/production/effective"),
            "chain": await dana.get("/v1/audit/verify"),
            "audit": (await dana.get("/v1/audit", limit=1000)).entries,
            "stops": (await dana.get("/v1/stop")).stops,
            "pushes": (await api.journal.pushes(shop, PushQuery(limit=1000))).pushes,
            "counts": await api.devices.counts(shop),
        }
    finally:
        await api.close()


def test_three_apps_stand_with_what_sends_them(told: dict[str, Any]) -> None:
    assert sorted(told["apps"]) == ["Acme Drivers", "Acme Shop", "Northwind Care"]
    assert told["apps"]["Northwind Care"].trial
    assert set(told["effective"].credentials) == {"apns", "fcm"}


def test_one_certificate_ends_in_23_days(told: dict[str, Any]) -> None:
    left = told["effective"].credentials["apns"].facts["not_after"] - told["now"]
    assert 22 * DAY < left < 24 * DAY


def test_the_audit_is_whole_and_in_the_order_of_time(told: dict[str, Any]) -> None:
    assert told["chain"].intact
    times = [entry["at"] for entry in told["audit"]]
    assert times == sorted(times, reverse=True)
    assert {"done", "forbidden"} == {entry["outcome"] for entry in told["audit"]}


def test_the_incident_is_over(told: dict[str, Any]) -> None:
    assert told["stops"] == []
    assert {"stop.stop", "stop.resume"} <= {entry["action"] for entry in told["audit"]}


def test_every_push_has_ended_and_is_conserved(told: dict[str, Any]) -> None:
    assert len(told["pushes"]) > 100
    assert all(one.finished_at and one.planned == sum(one.fates.values()) for one in told["pushes"])


def test_devices_are_counted_as_the_story_says(told: dict[str, Any]) -> None:
    assert told["counts"]["live"] == round(51_905 * SCALE) + round(32_302 * SCALE) + 3
    assert told["counts"]["test"] == 3


def kept(company: Company, work: Callable[[Tables], Any]) -> Any:
    async def note() -> Any:
        stores = stores_of(company.settings, "test")
        try:
            return await stores.catalog.note(work)
        finally:
            await stores.close()

    return asyncio.run(note())


def minutes(company: Company, app: str, since: int) -> list[int]:
    where = Scope(ORGANISATION, app, Environment.PRODUCTION)
    found = kept(company, lambda tables: tables.tallies.of(where, Step.MINUTE, since, since + DAY))
    return [(one.at - since) // MINUTE_MS for one in found if one.provider == "fcm"]


def test_the_company_of_a_demo_goes_on_once_a_minute_and_not_where_it_is_stopped(tmp_path: Path) -> None:
    company, now = Company(tmp_path), time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    assert not company.there
    company.tell(now + 20_000, SCALE)
    for passed in (30_000, 2 * MINUTE_MS, 2 * MINUTE_MS + 1000, 4 * MINUTE_MS):
        company.go_on(now + passed)
    assert minutes(company, "acme-shop", now) == [0, 1, 2, 3]
    shop = Scope(ORGANISATION, "acme-shop")
    kept(company, lambda tables: tables.stops.put(StopRecord("stop-1", shop, "usr_dana", "", now)))
    company.go_on(now + 6 * MINUTE_MS)
    assert minutes(company, "acme-shop", now) == [0, 1, 2, 3]
    assert minutes(company, "acme-drivers", now) == [0, 1, 2, 3, 4, 5]
    assert kept(company, lambda tables: tables.people.by_email(OWNER)).bindings[0].scope == Scope()
