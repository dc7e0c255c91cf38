"""The series of an app over HTTP: points, totals, reasons, times and what changed, for those who may see it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from cast import Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.tallying import take_over
from pushwarden.core.audit import AuditEntry
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import HOUR_MS, MINUTE_MS
from pushwarden.dataplane.feedback.counters import Counters

SERIES = "/v1/apps/shop/production/series"
FAMILY = "acme/shop/production/apns"


async def told(scene: Stage, at_ms: int, ms: float = 30, **counts: int) -> None:
    """By reason; `accepted` is none."""
    counters = Counters()
    for reason, count in counts.items():
        if reason == "accepted":
            counters.endings[FAMILY, "accepted", ""] += count
            counters.answered(FAMILY, ms, count)
        else:
            counters.endings[FAMILY, "refused", reason] += count
    stats = {"sender-normal": {"counters": counters.as_dict()}}
    await scene.catalog.note(partial(take_over, stats=stats, now_ms=at_ms))


def test_an_hour_is_sixty_minutes_with_what_was_counted_in_each() -> None:
    async def run() -> Any:
        scene = await stage(MemoryCatalog())
        now = scene.clock.now_ms()
        await told(scene, now, accepted=9, Unregistered=1, ServiceUnavailable=2)
        await told(scene, now - 5 * MINUTE_MS, accepted=4)
        await told(scene, now - HOUR_MS, accepted=40, Unregistered=3)
        return (await scene.ask("bob", "GET", SERIES + "?range=1h")).json

    said = asyncio.run(run())
    assert len(said["points"]) == 60
    last, before = said["points"][-1], said["points"][-6]
    assert (last["accepted"], last["retried"], last["refused"], before["accepted"]) == (9, 2, 1, 4)
    assert said["totals"] == {"accepted": 13, "retried": 2, "refused": 1, "unknown": 0}
    assert said["before"]["accepted"] == 40
    assert said["providers"]["apns"] == said["totals"]
    first, second = said["reasons"]
    assert (first["reason"], first["count"], first["title"]) == ("ServiceUnavailable", 2, "Apple had trouble")
    assert (second["reason"], second["count"], second["before"]) == ("Unregistered", 1, 3)
    assert 20 < said["theirs"]["p50"] <= 50
    assert said["points"][0]["theirs"] == {"p50": None, "p95": None, "p99": None}


def test_each_range_has_its_own_step_and_covers_now() -> None:
    async def run() -> dict[str, Any]:
        scene = await stage(MemoryCatalog())
        await told(scene, scene.clock.now_ms(), accepted=1)
        return {name: (await scene.ask("bob", "GET", f"{SERIES}?range={name}")).json for name in ("24h", "7d", "30d")}

    for said, count in zip(asyncio.run(run()).values(), (96, 168, 120), strict=True):
        assert len(said["points"]) == count
        assert said["points"][-1]["accepted"] == 1


def test_stops_resumes_and_changes_stand_in_the_series_of_what_they_cover() -> None:
    async def run() -> Any:
        scene = await stage(MemoryCatalog())
        now = scene.clock.now_ms()
        shop, other = Scope("acme", "shop", Environment.PRODUCTION), Scope("acme", "other")
        for at, action, where in (
            (1, "stop.stop", Scope("acme", "shop")), (2, "stop.resume", Scope("acme", "shop")),
            (3, "app.change", Scope("acme", "shop")), (4, "credential.activate", shop),
            (5, "app.change", other), (6, "stop.stop", Scope()), (7, "credential.verify", shop),
        ):  # fmt: skip
            await scene.catalog.record(AuditEntry(now - 1000 + at, "k1", action, where, extra={"actor_name": "Dana"}))
        await scene.catalog.record(AuditEntry(now, "k1", "app.change", Scope("acme", "shop"), outcome="conflict"))
        return (await scene.ask("bob", "GET", SERIES + "?range=1h")).json

    events = asyncio.run(run())["events"]
    assert [(event["kind"], event["by"]) for event in events] == [
        ("stop", "Dana"), ("resume", "Dana"), ("change", "Dana"), ("credential", "Dana"), ("stop", "Dana")
    ]  # fmt: skip


def test_every_environment_of_ones_own_apps_has_a_line_and_carol_sees_none_of_it() -> None:
    async def run() -> tuple[Any, Any, Any, int, int]:
        scene = await stage(MemoryCatalog())
        await told(scene, scene.clock.now_ms(), accepted=7, Unregistered=2)
        everyone, carols, clerks = [
            (await scene.ask(who, "GET", "/v1/series?range=1h")).json for who in ("bob", "carol", "clerk")
        ]
        refused = (await scene.ask("bob", "GET", SERIES + "?range=2h")).status
        return everyone, carols, clerks, (await scene.ask("brake", "GET", SERIES)).status, refused

    everyone, carols, clerks, brake, refused = asyncio.run(run())
    lines = {(line["app"], line["environment"]): line for line in everyone["lines"]}
    shop = lines["shop", "production"]
    assert (shop["accepted"][-1], shop["failed"][-1], len(shop["accepted"])) == (7, 2, 60)
    assert all(line["totals"]["accepted"] == 0 for line in carols["lines"])
    assert {line["app"] for line in clerks["lines"]} == {"other"}
    assert (brake, refused) == (403, 422)
