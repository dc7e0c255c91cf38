"""The overview over HTTP: every app and environment in one answer, from a few look-ups, for those who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from cast import Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.publish import publish
from pushwarden.control.situation import Situation, seen
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.health import DAY_MS, Health, Record
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import HOUR_MS, MINUTE_MS, Amounts
from pushwarden.dataplane.feedback.counters import Counters
from pushwarden.ports.catalog import Changed, StopRecord, Tables
from pushwarden.ports.tallies import Step

T = TypeVar("T")
SHOP = Scope("acme", "shop", Environment.PRODUCTION)
SIZES = {("shop", "production", "apns"): 84_210, ("other", "sandbox", "apns"): 3}


class CountedCatalog(MemoryCatalog):
    """How often somebody looked."""

    looks = 0

    async def read(self, work: Callable[[Tables], T]) -> T:
        self.looks += 1
        return await super().read(work)


class Running:
    """A snapshot and a situation in the test's hand."""

    def __init__(self) -> None:
        self.snapshot, self.situation = Snapshot(0), Situation()

    async def adopt(self, scene: Stage, **senders: int) -> None:
        self.snapshot = await scene.catalog.read(lambda tables: tables.snapshots.get()) or Snapshot(0)
        stats = {name: {"snapshot": version, "counters": Counters().as_dict()} for name, version in senders.items()}
        self.situation = seen(self.situation, self.snapshot.version, stats, scene.clock.now_ms())


async def sizes(organisation: str) -> dict[tuple[str, str, str], int]:
    return SIZES if organisation == "acme" else {}


async def opened() -> tuple[Stage, Running]:
    running = Running()
    parts: dict[str, Any] = {
        "snapshot": lambda: running.snapshot, "situation": lambda: running.situation, "sizes": sizes,
    }  # fmt: skip
    scene = await stage(CountedCatalog(), **parts)
    await running.adopt(scene)
    return scene, running


async def change(scene: Stage, work: Callable[[Tables], None]) -> None:
    entry = AuditEntry(scene.clock.now_ms(), "test", "app.change", Scope("acme", "shop"))

    def whole(tables: Tables) -> Changed[None]:
        work(tables)
        publish(tables, entry)
        return Changed(None)

    await scene.catalog.change(entry, whole)


def a_certificate(scene: Stage, id: str, state: CredentialState, days: int) -> Credential:
    now = scene.clock.now_ms()
    return Credential(
        "acme", "shop", Environment.PRODUCTION, id, "apns", CredentialKind.APNS_CERTIFICATE, state, f"SHA256:{id}",
        {"not_after": now + days * DAY_MS}, activated_at=now,
    )  # fmt: skip


async def working(scene: Stage, running: Running) -> None:
    """The shop sends by a certificate with 23 days left; a proven one stands by."""
    now = scene.clock.now_ms()

    def work(tables: Tables) -> None:
        for id, state, days in (("c1", CredentialState.ACTIVE, 23), ("c2", CredentialState.STANDBY, 300)):
            tables.credentials.insert(a_certificate(scene, id, state, days))
            tables.healths.put(Record("acme", "shop", id, Health.READY, since=now, proven_at=now))
        for at, good, bad in ((now, 40, 1), (now - MINUTE_MS, 2104, 9), (now - 2 * HOUR_MS, 9999, 9999)):
            endings = {("accepted", ""): good, ("refused", "Unregistered"): bad}
            tables.tallies.add(SHOP, "apns", Step.MINUTE, at - at % MINUTE_MS, Amounts(endings))

    await change(scene, work)
    scene.clock.ms += 5000
    await running.adopt(scene, urgent=running.snapshot.version + 1)


async def places(scene: Stage, who: str = "bob") -> dict[tuple[str, str], dict[str, Any]]:
    said = (await scene.ask(who, "GET", "/v1/overview")).json
    return {(one["app"], one["environment"]): one for one in said["places"]}


def test_one_answer_says_of_every_environment_how_it_stands() -> None:
    async def run() -> Any:
        scene, running = await opened()
        await working(scene, running)
        return await places(scene)

    found = asyncio.run(run())
    assert sorted(found) == [
        ("other", "production"), ("other", "sandbox"), ("shop", "production"), ("shop", "sandbox"),
    ]  # fmt: skip
    shop = found["shop", "production"]
    assert (shop["verdict"]["state"], shop["verdict"]["word"], shop["verdict"]["heading"]) == (
        "attention", "Attention", "active",
    )  # fmt: skip
    assert shop["verdict"]["todo"].startswith("the Apple certificate expires in 23 days")
    assert shop["verdict"]["relief"] == "A verified certificate is waiting in standby."
    assert (shop["per_minute"], shop["accepted"][-1], len(shop["accepted"]), shop["refused"]) == (2104, 40, 60, 10)
    assert shop["devices"] == {"apns": 84_210}
    assert [(one["name"], one["health"]) for one in shop["credentials"]] == [("Apple", "attention")]
    assert found["other", "production"]["verdict"]["state"] == "nothing"
    assert found["other", "sandbox"]["verdict"]["todo"] == "3 devices cannot be reached: there is no Apple credential."


def test_what_stands_beside_the_tabs_agrees_with_the_pages_behind_them() -> None:
    async def run() -> Any:
        scene, running = await opened()
        await working(scene, running)
        path = "/v1/apps/shop/production"
        counts = (await scene.ask("bob", "GET", f"{path}/counts")).json
        day = (await scene.ask("bob", "GET", f"{path}/series?range=24h")).json
        carol = await scene.ask("carol", "GET", "/v1/apps/other/production/counts")
        return counts, day, carol.status

    counts, day, carol = asyncio.run(run())
    assert counts == {"attention": 1, "devices": 84_210, "refused": day["totals"]["refused"]}
    assert carol == 404


def test_a_stop_is_said_with_who_made_it() -> None:
    async def run() -> Any:
        scene, running = await opened()
        await working(scene, running)
        [alice] = [key for key in await scene.catalog.read(lambda tables: tables.keys.all()) if key.name == "alice"]
        stop = StopRecord("s1", Scope("acme", "shop"), alice.id, "crash loop", scene.clock.now_ms())
        await change(scene, lambda tables: tables.stops.put(stop))
        await running.adopt(scene, urgent=running.snapshot.version + 1)
        one = (await scene.ask("bob", "GET", "/v1/apps/shop/production/verdict")).json
        return one, await places(scene)

    one, all_places = asyncio.run(run())
    assert one["verdict"]["state"] == "stopped"
    assert one["verdict"]["rest"] == "Nothing is sent. alice stopped it: “crash loop”."
    assert all_places["shop", "sandbox"]["verdict"]["state"] == "stopped"
    assert all_places["other", "production"]["verdict"]["state"] == "nothing"


def test_a_sender_that_did_not_load_the_newest_in_time_is_named() -> None:
    async def run() -> list[dict[str, Any]]:
        scene, running = await opened()
        await working(scene, running)
        newest = running.snapshot.version
        told = []
        for _ in range(2):
            await running.adopt(scene, urgent=newest, slow=newest - 1)
            told.append((await places(scene))["shop", "production"]["verdict"])
            scene.clock.ms += 5000
        await running.adopt(scene)
        return [*told, (await places(scene))["shop", "production"]["verdict"]]

    first, then, none = asyncio.run(run())
    assert then["todo"] == "slow has not loaded it."
    assert (first["state"], then["state"], none["state"]) == ("attention", "drift", "drift")
    assert none["sentence"] == "No sender is running."


def test_carol_sees_only_her_own_and_the_clerk_only_his_app() -> None:
    async def run() -> tuple[Any, ...]:
        scene, running = await opened()
        await working(scene, running)
        refused = await scene.ask("carol", "GET", "/v1/apps/other/production/verdict")
        return await places(scene, "carol"), await places(scene, "clerk"), await places(scene, "robot"), refused.status

    carol, clerk, robot, refused = asyncio.run(run())
    assert {app for app, _ in carol} == {"shop"}
    assert all(one["accepted"] == [0] * 60 and one["devices"] == {} for one in carol.values())
    assert {app for app, _ in clerk} == {"other"}
    assert {app for app, _ in robot} == {"shop"}
    assert refused == 404


def test_the_last_change_of_each_app_is_for_those_who_may_read_the_audit() -> None:
    async def run() -> list[Any]:
        scene, running = await opened()
        await working(scene, running)
        for app, words in (("shop", "Everything"), ("other", "Else"), ("shop", "Everything more")):
            version = (await scene.ask("alice", "GET", f"/v1/apps/{app}")).json["version"]
            await scene.ask("alice", "PATCH", f"/v1/apps/{app}", {"version": version, "description": words})
            scene.clock.ms += 1000
        return [(await scene.ask(who, "GET", "/v1/overview")).json["changes"] for who in ("bob", "robot")]

    bob, robot = asyncio.run(run())
    assert [(one["by"], one["action"], one["app"]) for one in bob] == [
        ("alice", "app.change", "shop"), ("alice", "app.change", "other"),
    ]  # fmt: skip
    assert bob[0]["at"] == bob[1]["at"] + 1000
    assert robot == []


def test_a_hundred_apps_need_no_more_look_ups_than_one() -> None:
    def many(tables: Tables) -> None:
        for number in range(100):
            tables.apps.insert(App("acme", f"app{number}", f"App {number}"))

    async def looks(scene: Stage, running: Running) -> tuple[int, int]:
        catalog = scene.catalog
        assert isinstance(catalog, CountedCatalog)
        await running.adopt(scene)
        before = catalog.looks
        return len(await places(scene)), catalog.looks - before

    async def run() -> Any:
        scene, running = await opened()
        few = await looks(scene, running)
        await change(scene, many)
        return few, await looks(scene, running)

    (few, least), (hundred, most) = asyncio.run(run())
    assert (few, hundred) == (4, 204)
    assert least == most <= 3


def test_what_was_accepted_has_a_time_once_it_is_seen_to_grow() -> None:
    counters, families = Counters(), "acme/shop/production/apns/"
    counters.endings[families, "accepted", ""] = 5
    stats = {"urgent": {"snapshot": 7, "counters": counters.as_dict()}}
    first = seen(Situation(), 7, stats, 1000)
    counters.endings[families, "accepted", ""] = 6
    then = seen(first, 7, {"urgent": {"snapshot": 7, "counters": counters.as_dict()}}, 2000)
    later = seen(then, 7, {"urgent": {"snapshot": 7, "counters": counters.as_dict()}}, 3000)
    assert first.accepted == {}
    assert later.accepted == then.accepted == {("acme", "shop", "production", "apns"): 2000}
    assert (later.in_effect_since, later.since) == (1000, 1000)
    behind = seen(later, 8, stats, 4000)
    assert (behind.in_effect_since, behind.since) == (0, 4000)
