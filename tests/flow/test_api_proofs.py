"""Asking for live proofs over HTTP: who waits, who does not, and where nothing may be asked. Senders are played."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from cast import Stage, stage
from pushwarden.adapters.health import CatalogHealths
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.probes import CatalogProbes
from pushwarden.control.proofs import ask, due
from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.check import Check
from pushwarden.core.health import Event, Health
from pushwarden.core.probe import DAY_MS, HOUR_MS
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Tables

BASE = "/v1/apps/shop/production/credentials"
GOOD = Check.of("live.accepted", provider="Apple", environment="Production")
BAD = Check.of("p8.refused", answer="InvalidProviderToken", team="TEAMTEAM12", kid="ABCDEFGHIJ")


def tell(story: Callable[[Stage], Awaitable[None]], **parts: Any) -> None:
    async def run() -> None:
        await story(await stage(MemoryCatalog(), **parts))

    asyncio.run(run())


def there() -> dict[str, bool]:
    return {"senders": True}


async def uploaded(scene: Stage, text: str = "key", query: str = "") -> Any:
    reply = await scene.ask("alice", "POST", BASE + query, {"provider": "apns", "text": text})
    assert reply.status == 201, reply.body
    return reply.json


async def found(scene: Stage, *checks: Check) -> None:
    """A sender takes what waits, and finds this."""
    probes = CatalogProbes(scene.catalog)
    while (task := await probes.claim("sender-normal", scene.clock.ms)) is None:
        await asyncio.sleep(0.001)
    assert await probes.finish(task.probe, checks, scene.clock.ms)


def test_an_upload_asks_at_once_and_says_where_to_look() -> None:
    async def story(scene: Stage) -> None:
        made = await uploaded(scene)
        probe = made["probe"]
        assert (probe["finding"], probe["says"]) == ("verifying", "Apple is being asked.")
        record = await scene.catalog.read(lambda tables: tables.healths.get("acme", made["credential"]["id"]))
        assert record is not None and record.health is Health.VERIFYING
        await found(scene, GOOD)
        seen = (await scene.ask("bob", "GET", probe["url"])).json
        assert (seen["finding"], [check["id"] for check in seen["checks"]]) == ("proven", ["live.accepted"])

    tell(story, health=there)


def test_who_waits_gets_the_finding_with_the_upload() -> None:
    async def story(scene: Stage) -> None:
        asked, _ = await asyncio.gather(uploaded(scene, query="?wait=5"), found(scene, BAD))
        assert (asked["probe"]["finding"], asked["probe"]["checks"][0]["id"]) == ("refused", "p8.refused")

    tell(story, health=there)


def test_verify_waits_for_a_sender_and_gives_the_report() -> None:
    async def story(scene: Stage) -> None:
        one = f"{BASE}/{(await uploaded(scene))['credential']['id']}"
        await found(scene, BAD)
        verified, _ = await asyncio.gather(scene.ask("alice", "POST", one + "/verify"), found(scene, GOOD))
        assert (verified.status, verified.json["finding"]) == (200, "proven")
        assert verified.json["asked_by"] == scene.keys["alice"][4:16]

    tell(story, health=there)


def test_who_does_not_wait_is_told_where_to_look_and_asks_no_second_time() -> None:
    async def story(scene: Stage) -> None:
        one = f"{BASE}/{(await uploaded(scene))['credential']['id']}"
        first, second = [await scene.ask("alice", "POST", one + "/verify?wait=0") for _ in range(2)]
        assert (first.status, first.json["finding"]) == (202, "verifying")
        assert first.headers["location"] == first.json["url"] == second.json["url"]
        assert len(await scene.catalog.read(lambda tables: tables.probes.open())) == 1

    tell(story, health=there)


def test_without_a_sender_nobody_waits_and_the_sentence_says_so() -> None:
    async def story(scene: Stage) -> None:
        one = f"{BASE}/{(await uploaded(scene))['credential']['id']}"
        answer = await scene.ask("alice", "POST", one + "/verify")
        assert (answer.status, answer.json["finding"]) == (200, "unproven")
        (check,) = answer.json["checks"]
        assert (check["id"], check["result"]) == ("live.no_sender", "unproven")
        assert "No sender is running" in check["message"]
        await found(scene, GOOD)  # it is made all the same once a sender comes
        assert (await scene.ask("bob", "GET", answer.json["url"])).json["finding"] == "proven"

    tell(story)


def test_where_sending_is_stopped_nothing_is_asked() -> None:
    stopped = True

    async def story(scene: Stage) -> None:
        nonlocal stopped
        made = await uploaded(scene)
        assert made["probe"] is None
        assert made["checks"][-1]["id"] == "live.stopped"
        one = f"{BASE}/{made['credential']['id']}"
        refused = await scene.ask("alice", "POST", one + "/verify")
        assert (refused.status, refused.json["code"]) == (409, "stopped")
        assert await scene.catalog.read(lambda tables: tables.probes.open()) == []
        stopped = False
        assert (await scene.ask("alice", "POST", one + "/verify?wait=0")).status == 202

    tell(story, health=there, stopped=lambda where: stopped and where.app == "shop")


def test_a_credential_that_is_enabled_again_is_asked_for() -> None:
    async def story(scene: Stage) -> None:
        one = f"{BASE}/{(await uploaded(scene))['credential']['id']}"
        await found(scene, GOOD)
        for version, enabled in enumerate((False, True), 1):
            changed = await scene.ask("alice", "PATCH", one, {"version": version, "enabled": enabled})
            assert changed.status == 200, changed.body
            waiting = await scene.catalog.read(lambda tables: tables.probes.open())
            assert len(waiting) == enabled

    tell(story, health=there)


def test_a_disabled_app_and_a_retired_credential_are_not_asked_for() -> None:
    async def story(scene: Stage) -> None:
        credential = (await uploaded(scene))["credential"]["id"]
        one = f"{BASE}/{credential}"
        await scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "enabled": False})
        off = await scene.ask("alice", "POST", one + "/verify?wait=0")
        assert (off.status, off.json["code"]) == (409, "app_disabled")

        def retire(tables: Tables) -> None:
            tables.credentials.update(replace(kept(tables, credential), state=CredentialState.RETIRED))

        await scene.catalog.note(retire)
        gone = await scene.ask("alice", "POST", one + "/verify?wait=0")
        assert (gone.status, gone.json["code"]) == (409, "in_use")

    tell(story, health=there)


def test_a_probe_is_seen_only_below_its_own_credential() -> None:
    async def story(scene: Stage) -> None:
        first, second = await uploaded(scene, "one"), await uploaded(scene, "two")
        probe = first["probe"]["id"]
        assert (await scene.ask("bob", "GET", f"{BASE}/{first['credential']['id']}/probes/{probe}")).status == 200
        assert (await scene.ask("bob", "GET", f"{BASE}/{second['credential']['id']}/probes/{probe}")).status == 404
        sandbox = f"/v1/apps/shop/sandbox/credentials/{first['credential']['id']}/probes/{probe}"
        assert (await scene.ask("bob", "GET", sandbox)).status == 404
        assert (await scene.ask("alice", "POST", f"{BASE}/nothing/verify")).status == 404
        assert (await scene.ask("alice", "POST", f"{BASE}/{first['credential']['id']}/verify?wait=31")).status == 422

    tell(story, health=there)


# --- daily


def kept(tables: Tables, credential: str) -> Credential:
    found = tables.credentials.get("acme", "shop", credential)
    assert found is not None
    return found


async def due_now(scene: Stage, stopped: Callable[[Scope], bool] = lambda _: False) -> list[str]:
    return [one.id for one in await scene.catalog.read(lambda tables: due(tables, scene.clock.ms, stopped))]


def test_a_credential_is_asked_for_again_a_day_after_its_last_word_within_an_hour() -> None:
    async def story(scene: Stage) -> None:
        credential = (await uploaded(scene))["credential"]["id"]
        await found(scene, GOOD)
        scene.clock.ms += DAY_MS - 1
        assert await due_now(scene) == []
        scene.clock.ms += HOUR_MS
        assert await due_now(scene) == [credential]
        assert await due_now(scene, lambda where: where.app == "shop") == []

    tell(story)


def test_a_fresh_key_apple_does_not_know_is_asked_for_again_for_a_quarter_of_an_hour() -> None:
    async def story(scene: Stage) -> None:
        credential = (await uploaded(scene))["credential"]["id"]
        one = await scene.catalog.read(lambda tables: kept(tables, credential))
        began, asked = scene.clock.ms, []
        while scene.clock.ms < began + HOUR_MS:
            if await scene.catalog.read(lambda tables: tables.probes.open()):
                await found(scene, BAD)
                healths = CatalogHealths(scene.catalog, "sender-normal")
                await healths.heard(one, Event.REFUSED, scene.clock.ms, reason="p8.refused", checks=(BAD,))
            scene.clock.ms += 60_000
            if await due_now(scene):
                asked.append((scene.clock.ms - began) // 60_000)
                await scene.catalog.note(lambda tables: ask(tables, one, "chores", scene.clock.ms))
        assert asked == [5, 10, 15]

    tell(story)


def test_where_pushes_go_out_nothing_is_asked() -> None:
    async def story(scene: Stage) -> None:
        credential = (await uploaded(scene))["credential"]["id"]
        await found(scene, GOOD)
        sent_with = await scene.catalog.read(lambda tables: kept(tables, credential))
        scene.clock.ms += DAY_MS
        await CatalogHealths(scene.catalog, "sender-bulk-0").proven(sent_with, scene.clock.ms)
        scene.clock.ms += HOUR_MS
        assert await due_now(scene) == []

    tell(story)


def test_of_each_host_one_is_asked_at_a_time() -> None:
    async def story(scene: Stage) -> None:
        for number in range(5):
            await uploaded(scene, f"key {number}")
            await found(scene, GOOD)
        scene.clock.ms += DAY_MS + HOUR_MS
        (first,) = await due_now(scene)
        await scene.catalog.note(lambda tables: ask(tables, kept(tables, first), "chores", scene.clock.ms))
        assert await due_now(scene) == []
        await found(scene, GOOD)
        (second,) = await due_now(scene)
        assert second != first

    tell(story)


def test_a_disabled_app_is_not_asked_for_daily() -> None:
    async def story(scene: Stage) -> None:
        await uploaded(scene)
        await found(scene, GOOD)
        scene.clock.ms += DAY_MS + HOUR_MS
        assert len(await due_now(scene)) == 1

        def disable(tables: Tables) -> None:
            app = tables.apps.get("acme", "shop")
            assert app is not None
            tables.apps.update(replace(app, enabled=False, version=2))

        await scene.catalog.note(disable)
        assert await due_now(scene) == []

    tell(story)
