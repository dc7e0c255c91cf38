"""Switching credentials over HTTP: what it would take from whom is told first, and two at once do not both win."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cast import Reply, Stage, stage
from catalog_fixtures import KINDS, opened
from pushwarden.control.retiring import retire
from pushwarden.core.app import CredentialState
from pushwarden.core.device import Audience
from pushwarden.core.health import Event, heard, record_of
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.secret import Secret
from pushwarden.core.slots import WEEK_MS
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.providers.port import Report

BASE = "/v1/apps/shop/production/credentials"
TOPIC = "com.acme.shop"
Story = Callable[[Stage], Awaitable[None]]


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


async def inspect(_: str, data: bytes, password: Secret | None, hints: Mapping[str, str]) -> Report:
    """The file is JSON: its facts."""
    return Report("apns_token", (), json.loads(data), data.hex(), Secret(data), "apns")


def phones(calls: int = 7) -> Callable[[Scope], Awaitable[Sequence[Audience]]]:
    async def audiences(where: Scope) -> Sequence[Audience]:
        assert where.environment is Environment.PRODUCTION
        place = ("acme", "shop", Environment.PRODUCTION, "apns")
        return [Audience(1, *place, "alert", 40, 40), Audience(2, *place, "voip", calls, calls)]

    return audiences


def tell(catalog: Catalog, story: Story, calls: int = 7) -> None:
    async def whole() -> None:
        scene = await stage(catalog, inspect=inspect, audiences=phones(calls))
        await story(scene)

    asyncio.run(whole())


async def upload(scene: Stage, **facts: Any) -> str:
    reply = await scene.ask("alice", "POST", BASE, {"provider": "apns", "text": json.dumps(facts)})
    assert reply.status == 201, reply.body
    return str(reply.json["credential"]["id"])


async def activate(scene: Stage, name: str, query: str = "", who: str = "alice", **fields: Any) -> Reply:
    return await scene.ask(who, "POST", f"{BASE}/{name}/activate{query}", fields or None)


async def listed(scene: Stage) -> dict[str, Any]:
    return {one["id"]: one for one in (await scene.ask("bob", "GET", BASE)).json["credentials"]}


def test_two_slots_have_their_own_active_and_previous(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        key, calls, other = await upload(scene), await upload(scene, slots=["voip"]), await upload(scene, n=2)
        for name in (key, calls, other):
            assert (await activate(scene, name)).status == 200
        kept = await listed(scene)
        assert {name: (one["slot"], one["state"]) for name, one in kept.items()} == {
            key: ("", "previous"), calls: ("voip", "active"), other: ("", "active"),
        }  # fmt: skip
        effective = (await scene.ask("bob", "GET", "/v1/apps/shop/production/effective")).json["credentials"]
        assert {seat: one["id"] for seat, one in effective.items()} == {"apns": other, "apns/voip": calls}

    tell(catalog, story)


def test_what_would_lose_devices_their_pushes_is_told_and_done_only_when_confirmed(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        key, alerts = await upload(scene), await upload(scene, slots=[""])
        assert (await activate(scene, key)).json["consequences"] == []
        dry = (await activate(scene, alerts, "?dry_run=true")).json
        told = {"what": "topics", "devices": 7}
        assert (dry["done"], dry["replaced"], len(dry["consequences"])) == (False, key, 1)
        assert told.items() <= dry["consequences"][0].items()
        refused = await activate(scene, alerts)
        assert (refused.status, refused.json["code"]) == (409, "confirmation_needed")
        assert (refused.json["confirm"], refused.json["consequences"]) == (["topics"], dry["consequences"])
        assert "voip pushes, for which 7 devices" in refused.json["detail"]
        assert (await activate(scene, alerts, confirm=["team"])).status == 409
        assert (await listed(scene))[key]["state"] == "active"
        done = (await activate(scene, alerts, confirm=["topics"])).json
        assert (done["done"], done["state"], done["replaced"]) == (True, "active", key)
        back = await scene.ask("alice", "POST", f"{BASE}/{key}/switch-back")
        assert (back.status, back.json["state"]) == (200, "active")

    tell(catalog, story)


def test_topics_that_no_device_uses_need_no_confirmation(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        key, alerts = await upload(scene), await upload(scene, slots=[""])
        assert (await activate(scene, key)).status == 200
        assert (await activate(scene, alerts)).status == 200

    tell(catalog, story, calls=0)


@pytest.mark.parametrize(("fact", "what"), [("team_id", "team"), ("project_id", "project")])
def test_another_owner_of_the_tokens_is_told_with_how_many_there_are(catalog: Catalog, fact: str, what: str) -> None:
    async def story(scene: Stage) -> None:
        one, two = await upload(scene, **{fact: "ONE"}), await upload(scene, **{fact: "TWO"})
        assert (await activate(scene, one)).status == 200
        refused = (await activate(scene, two)).json
        assert (refused["confirm"], refused["consequences"][0]["devices"]) == ([what], 47)
        assert "TWO" in refused["detail"] and "ONE" in refused["detail"]
        assert (await activate(scene, two, confirm=[what])).status == 200

    tell(catalog, story)


def test_a_certificate_may_be_used_for_calls_alone_and_beyond_its_topics_when_confirmed(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        key, both, alerts = (
            await upload(scene),
            await upload(scene, slots=["", "voip"]),
            await upload(scene, slots=[""]),
        )
        assert (await activate(scene, key)).status == 200
        used = (await activate(scene, both, slot="voip")).json
        assert (used["slot"], used["state"], used["replaced"]) == ("voip", "active", "")
        assert (await listed(scene))[key]["state"] == "active"
        assert (await activate(scene, alerts, slot="voip")).json["confirm"] == ["topics"]
        wrong = await activate(scene, alerts, slot="nonsense")
        assert (wrong.status, wrong.json["field"]) == (422, "slot")

    tell(catalog, story)


def test_of_two_who_activate_at_once_one_wins(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        names = [await upload(scene, n=n) for n in range(3)]
        assert (await activate(scene, names[0], version=1)).status == 200
        version = (await listed(scene))[names[1]]["version"]
        replies = await asyncio.gather(*(activate(scene, name, version=version) for name in names[1:]))
        assert sorted(reply.status for reply in replies) == [200, 409]
        late = next(reply for reply in replies if reply.status == 409).json
        assert (late["code"], late["version"]) == ("conflict", version + 1)
        assert [one["state"] for one in (await listed(scene)).values()].count("active") == 1

    tell(catalog, story)


def test_a_person_disables_and_enables_and_the_senders_are_told(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        one = await upload(scene)
        assert (await activate(scene, one)).status == 200
        version = (await listed(scene))[one]["version"]
        off = await scene.ask("alice", "PATCH", f"{BASE}/{one}", {"version": version, "enabled": False})
        assert (off.json["enabled"], off.json["state"]) == (False, "active")
        snapshot = await scene.catalog.read(lambda tables: tables.snapshots.get())
        assert snapshot is not None
        assert [credential.enabled for credential in snapshot.active] == [False]
        late = await scene.ask("alice", "PATCH", f"{BASE}/{one}", {"version": version, "enabled": True})
        assert (late.status, late.json["version"]) == (409, version + 1)
        two = await upload(scene, n=2)
        patch = {"version": version + 1, "enabled": False}
        assert (await scene.ask("alice", "PATCH", f"{BASE}/{two}", patch)).status == 200
        assert (await activate(scene, two)).json["code"] == "in_use"

    tell(catalog, story)


def test_a_week_after_it_was_replaced_its_material_is_gone_and_the_rest_stays(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        one, two = await upload(scene), await upload(scene, n=2)
        for name in (one, two):
            await activate(scene, name)
        until = (await listed(scene))[one]["previous_until"]
        assert until == scene.clock.ms + WEEK_MS
        assert await retire(catalog, until - 1) == 0
        assert await retire(catalog, until) == 1
        assert await retire(catalog, until + WEEK_MS) == 0
        kept = await catalog.read(lambda tables: tables.credentials.get("acme", "shop", one))
        assert kept is not None
        assert (kept.state, kept.sealed) == (CredentialState.RETIRED, b"")
        assert (await listed(scene))[one]["fingerprint"] == (b"{}").hex()
        rows = await catalog.read(lambda tables: tables.audit.page(AuditQuery("acme", action="credential.retire")))
        assert [json.loads(row.body)["target"] for row in rows] == [one]
        for path in ("activate", "switch-back"):
            assert (await scene.ask("alice", "POST", f"{BASE}/{one}/{path}")).json["code"] == "in_use"
        version = kept.revision
        patch = await scene.ask("alice", "PATCH", f"{BASE}/{one}", {"version": version, "enabled": False})
        assert patch.json["code"] == "in_use"
        assert await upload(scene) != one

    tell(catalog, story)


def test_the_key_of_a_request_goes_with_the_last_credential_that_used_it(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        made = CertificateRequest("acme", "shop", Environment.PRODUCTION, "r1", "Shop", "pem", "ff", b"sealed")
        one, two = await upload(scene), await upload(scene, n=2)
        await catalog.note(lambda tables: _made_from(tables, made, (one, two)))
        for name in (one, two, await upload(scene, n=3)):
            await activate(scene, name)
            scene.clock.ms += 1
        for ahead, left in ((0, made), (5, None)):
            await retire(catalog, scene.clock.ms + WEEK_MS - 2 + ahead)
            assert await catalog.read(lambda tables: tables.requests.get("acme", "shop", "r1")) == left

    tell(catalog, story)


def _made_from(tables: Tables, request: CertificateRequest, names: Sequence[str]) -> None:
    tables.requests.insert(request)
    for name in names:
        kept = tables.credentials.get("acme", "shop", name)
        assert kept is not None
        tables.credentials.update(replace(kept, request=request.id))


def test_one_replaced_before_that_was_written_down_has_its_week_from_now(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        one, two = await upload(scene), await upload(scene, n=2)
        for name in (one, two):
            await activate(scene, name)
        old = await catalog.read(lambda tables: tables.credentials.get("acme", "shop", one))
        assert old is not None
        await catalog.note(lambda tables: tables.credentials.update(replace(old, previous_until=0)))
        assert await retire(catalog, 5) == 0
        assert (await listed(scene))[one]["previous_until"] == 5 + WEEK_MS

    tell(catalog, story)


def test_what_the_provider_has_not_proven_or_refuses_is_used_only_when_confirmed(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        name = await upload(scene)
        for event, refused in ((Event.UPLOADED, False), (Event.UNREACHED, True), (Event.REFUSED, True)):
            await catalog.note(lambda tables, event=event: _hear(tables, name, event, scene.clock.ms))
            reply = await activate(scene, name, "?dry_run=true")
            assert [one["what"] for one in reply.json["consequences"]] == (["unproven"] if refused else [])
        assert (await activate(scene, name)).json["confirm"] == ["unproven"]
        assert (await activate(scene, name, confirm=["unproven"])).status == 200

    tell(catalog, story)


def _hear(tables: Tables, name: str, event: Event, now_ms: int) -> None:
    credential = tables.credentials.get("acme", "shop", name)
    assert credential is not None
    tables.healths.put(heard(tables.healths.get("acme", name) or record_of(credential), event, now_ms))


def test_an_ended_certificate_is_not_activated(catalog: Catalog) -> None:
    async def story(scene: Stage) -> None:
        name = await upload(scene, not_after=scene.clock.ms)
        reply = await activate(scene, name, confirm=["topics", "unproven"])
        assert (reply.status, reply.json["code"]) == (422, "unusable_credential")

    tell(catalog, story)


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("?dry_run=1", None, 422),
        ("?dry=true", None, 422),
        ("", {"confirm": ["everything"]}, 422),
        ("", {"confirm": "topics"}, 422),
        ("", {"slot": 1}, 422),
        ("", {"version": 0}, 422),
        ("", {"verison": 1}, 422),
        ("", b"nonsense", 400),
    ],
)
def test_a_switch_that_cannot_be_read_changes_nothing(query: str, body: Any, status: int, tmp_path: Path) -> None:
    with opened("memory", tmp_path) as catalog:

        async def story(scene: Stage) -> None:
            name = await upload(scene)
            assert (await scene.ask("alice", "POST", f"{BASE}/{name}/activate{query}", body)).status == status
            assert (await listed(scene))[name]["state"] == "standby"

        tell(catalog, story)
