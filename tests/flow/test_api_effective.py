"""What is in effect over HTTP: on which senders since when, and as YAML that reads back as what it says."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from cast import Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.situation import Situation, seen
from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.health import DAY_MS, Health, Record
from pushwarden.core.scope import Environment
from pushwarden.dataplane.feedback.counters import Counters
from pushwarden.ports.catalog import Tables

EFFECTIVE = "/v1/apps/shop/production/effective"
reader = importlib.import_module("yaml")


def run(check: Any) -> Any:
    async def whole() -> Any:
        situation = Situation()
        scene = await stage(MemoryCatalog(), situation=lambda: situation)
        now = scene.clock.now_ms()

        def work(tables: Tables) -> None:
            facts = {"not_after": now + 23 * DAY_MS, "serial": "4c19e0552b917f3a", "topics": ("com.acme.shop",)}
            made = Credential(
                "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_CERTIFICATE,
                CredentialState.ACTIVE, "SHA256:4c19", facts, b"sealed, and secret",
            )  # fmt: skip
            tables.credentials.insert(made)
            tables.healths.put(Record("acme", "shop", "c1", Health.READY, since=now, proven_at=now - 60_000))

        await scene.catalog.note(work)
        return await check(scene, situation)

    return asyncio.run(whole())


async def asked(scene: Stage, query: str = "", who: str = "bob") -> Any:
    return await scene.ask(who, "GET", EFFECTIVE + query)


def test_it_names_what_sends_and_when_it_was_last_accepted() -> None:
    async def check(scene: Stage, _: Situation) -> Any:
        return (await asked(scene)).json, scene.clock.now_ms()

    said, now = run(check)
    assert said["words"] == {"apns": "certificate ··7F3A"}
    assert said["accepted_at"] == {"apns": now - 60_000}
    assert said["loading"] == {"senders": 0, "loaded": 0, "since": 0}


def test_it_is_in_effect_since_the_last_sender_loaded_it() -> None:
    held: list[Situation] = [Situation()]

    async def whole() -> list[Any]:
        scene = await stage(MemoryCatalog(), situation=lambda: held[0])
        newest = await scene.catalog.read(lambda tables: tables.snapshots.version())
        told = []
        for one, other, at in ((newest, newest - 1, 1000), (newest, newest, 2000), (newest, newest, 3000)):
            stats = {name: {"snapshot": version, "counters": Counters().as_dict()}
                     for name, version in (("urgent", one), ("bulk-0", other))}  # fmt: skip
            held[0] = seen(held[0], newest, stats, at)
            told.append((await asked(scene)).json["loading"])
        return told

    partly, wholly, still = asyncio.run(whole())
    assert partly == {"senders": 2, "loaded": 1, "since": 0}
    assert wholly == still == {"senders": 2, "loaded": 2, "since": 2000}


def test_as_yaml_it_reads_back_as_what_is_in_effect_and_holds_no_secret() -> None:
    async def check(scene: Stage, _: Situation) -> Any:
        reply = await asked(scene, "?format=yaml")
        return reply.headers["content-type"], reply.body.decode(), (await asked(scene)).json

    kind, text, said = run(check)
    copied = reader.safe_load(text)
    assert kind.startswith("application/yaml")
    assert (copied["app"], copied["bundle_id"], copied["version"]) == ("shop", "com.acme.shop", said["version"])
    assert copied["sending"] == {"enabled": True, "test_devices_only": False, "stopped": False}
    assert copied["credentials"]["apns"] == {
        "id": "c1", "kind": "apns_certificate", "fingerprint": "SHA256:4c19", "enabled": True,
        "serial": "4c19e0552b917f3a", "topics": ["com.acme.shop"], "valid_to": "2027-02-07",
    }  # fmt: skip
    assert "secret" not in text


def test_another_form_is_refused_and_another_organisation_sees_none() -> None:
    async def check(scene: Stage, _: Situation) -> Any:
        return (await asked(scene, "?format=xml")).json, (await asked(scene, "?format=yaml", "clerk")).status

    refused, clerk = run(check)
    assert refused["detail"] == "`format` is json or yaml."
    assert clerk in (403, 404)
