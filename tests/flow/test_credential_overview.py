"""How credentials stand over HTTP, the calendar of when they end, and who may see either."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from cast import HeldClock, Stage, stage
from pushwarden.adapters.health import CatalogHealths
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.control.calendar import folded
from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.device import Device
from pushwarden.core.health import DAY_MS, Event
from pushwarden.core.scope import Environment, Scope

NOW = HeldClock().ms
ACTIVE, STANDBY = CredentialState.ACTIVE, CredentialState.STANDBY
ICS = "/v1/credentials/expiry.ics"


def credential(id: str, app: str = "shop", *, days: int = 0, **fields: Any) -> Credential:
    """days: until its certificate ends; 0 for a key."""
    facts = {"not_after": NOW + days * DAY_MS} if days else {}
    made = Credential(
        "acme", app, Environment.PRODUCTION, id, "apns", CredentialKind.APNS_CERTIFICATE, ACTIVE, f"SHA256:{id}", facts
    )  # fmt: skip
    return replace(made, **fields)


async def scene_with(*credentials: Credential) -> Stage:
    devices = MemoryDevices()
    where = Scope("acme", "shop", Environment.PRODUCTION)
    await devices.register(where, [Device(f"p{number}", "apns", f"{number:064x}") for number in range(7)], NOW)
    scene = await stage(MemoryCatalog(), audiences=devices.audiences)
    for one in credentials:
        await scene.catalog.note(lambda tables, one=one: tables.credentials.insert(one))
    return scene


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_the_most_urgent_comes_first_with_its_words_and_its_devices() -> None:
    async def check() -> None:
        gone, soon = credential("gone", days=-3), credential("soon", "other", days=20)
        refused = credential("refused", slot="voip")
        spare = credential("spare", days=400, state=STANDBY)
        foreign = credential("foreign", organisation="beta")
        scene = await scene_with(spare, soon, gone, refused, foreign)
        healths = CatalogHealths(scene.catalog, "sender-normal")
        for one in (soon, spare):
            await healths.proven(one, NOW)
        await healths.heard(refused, Event.REFUSED, NOW)
        found = (await scene.ask("bob", "GET", "/v1/credentials")).json["credentials"]
        assert [one["credential"]["id"] for one in found] == ["gone", "refused", "soon", "spare"]
        assert [one["credential"]["health"]["state"] for one in found] == ["failing", "failing", "attention", "ready"]
        first = found[0]
        assert (first["app"], first["environment"], first["devices"]) == ("shop", "production", 7)
        assert first["not_after"] == NOW - 3 * DAY_MS
        health = first["credential"]["health"]
        assert (health["shape"], health["reason"]) == ("✕", "cert.expired")
        assert health["checks"][0]["title"] == "Expired 3 days ago"
        assert found[2]["credential"]["health"]["checks"][0]["title"] == "Expires in 20 days"
        assert found[3]["devices"] == 0

    run(check())


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("expiring_within=60d", ["gone", "soon"]),
        ("expiring_within=10", ["gone"]),
        ("expiring_within=0d", ["gone"]),
        ("expiring_within=500d", ["gone", "soon", "late"]),
        ("health=failing", ["gone"]),
        ("health=attention,unproven", ["soon", "key", "late"]),
        ("health=retired", ["old"]),
        ("health=attention&expiring_within=60d", ["soon"]),
    ],
)
def test_a_filter_leaves_what_it_names(query: str, ids: list[str]) -> None:
    async def check() -> None:
        gone, soon, late = credential("gone", days=-1), credential("soon", days=20), credential("late", days=400)
        places = {"gone": "sandbox", "soon": "production", "late": "simulated"}
        kept = [replace(one, environment=Environment(places[one.id])) for one in (gone, soon, late)]
        scene = await scene_with(*kept, credential("key", "other"), credential("old", state=CredentialState.RETIRED))
        await CatalogHealths(scene.catalog, "s").proven(kept[1], NOW)
        reply = await scene.ask("alice", "GET", f"/v1/credentials?{query}")
        assert sorted(one["credential"]["id"] for one in reply.json["credentials"]) == sorted(ids), reply.json

    run(check())


@pytest.mark.parametrize(
    "query", ["expiring_within=soon", "expiring_within=-1d", "expiring_within=99999d", "health=ill", "health="]
)
def test_a_filter_that_means_nothing_is_refused_by_name(query: str) -> None:
    async def check() -> None:
        reply = await (await scene_with()).ask("alice", "GET", f"/v1/credentials?{query}")
        assert (reply.status, reply.json["field"]) == (422, query.partition("=")[0])

    run(check())


def test_the_list_of_an_app_says_how_each_stands_and_can_be_filtered() -> None:
    async def check() -> None:
        scene = await scene_with(credential("a", days=20), credential("b", state=STANDBY, enabled=False))
        path = "/v1/apps/shop/production/credentials"
        found = (await scene.ask("bob", "GET", path)).json["credentials"]
        assert {one["id"]: one["health"]["state"] for one in found} == {"a": "unproven", "b": "disabled"}
        found = (await scene.ask("bob", "GET", f"{path}?health=disabled")).json["credentials"]
        assert [one["id"] for one in found] == ["b"]

    run(check())


def test_effective_says_how_the_active_one_stands_and_what_is_missing() -> None:
    async def check() -> None:
        scene = await scene_with(credential("a", days=20, environment=Environment.SANDBOX))
        here = (await scene.ask("bob", "GET", "/v1/apps/shop/sandbox/effective")).json
        assert here["credentials"]["apns"]["health"]["word"] == "Saved, not proven"
        assert here["absent"] == {}
        there = (await scene.ask("bob", "GET", "/v1/apps/shop/production/effective")).json
        assert there["credentials"] == {}
        absent = there["absent"]["apns"]
        assert (absent["state"], absent["reason"], absent["shape"]) == ("none", "none", "○")
        assert absent["checks"][0]["title"] == "No Apple credential yet"
        assert list(there["absent"]) == ["apns"]  # the app has no name at Google

    run(check())


# --- the calendar


def parsed(text: str) -> list[tuple[str, str]]:
    """Names and values, unfolded, by RFC 5545 §3.1; written for this test alone."""
    assert text.endswith("\r\n")
    raw = text[:-2].split("\r\n")
    assert all("\n" not in line and len(line.encode()) <= 75 for line in raw)
    lines: list[str] = []
    for line in raw:
        if line.startswith(" "):
            lines[-1] += line[1:]
        else:
            lines.append(line)
    pairs = []
    for line in lines:
        found = re.fullmatch(r"([A-Z-]+)((?:;[A-Z-]+=[^:;]+)*):(.*)", line)
        assert found, line
        pairs.append((found[1], found[3]))
    return pairs


def tree(pairs: list[tuple[str, str]]) -> list[Any]:
    """Components as (name, properties, components); BEGIN and END match."""
    stack: list[tuple[str, dict[str, str], list[Any]]] = [("", {}, [])]
    for name, value in pairs:
        if name == "BEGIN":
            stack.append((value, {}, []))
        elif name == "END":
            done = stack.pop()
            assert done[0] == value
            stack[-1][2].append(done)
        else:
            assert name not in stack[-1][1], f"{name} twice"
            stack[-1][1][name] = value
    [(_, none, found)] = stack
    assert not none
    return found


def test_the_calendar_is_valid_and_has_an_event_with_alarms_for_each_end() -> None:
    async def check() -> None:
        ends = credential("soon", days=20)
        scene = await scene_with(
            ends, credential("later", "other", days=90), credential("key", slot="voip"),
            credential("spare", days=3, state=STANDBY), credential("off", days=3, enabled=False, slot="complication"),
        )  # fmt: skip
        reply = await scene.ask("bob", "GET", ICS)
        assert reply.headers["content-type"] == "text/calendar; charset=utf-8"
        [(name, head, events)] = tree(parsed(reply.body.decode()))
        assert (name, head["VERSION"]) == ("VCALENDAR", "2.0") and head["PRODID"]
        assert [one[1]["UID"] for one in events] == [
            "soon.shop.acme@pushwarden", "later.other.acme@pushwarden"
        ]  # fmt: skip
        _, event, alarms = events[0]
        assert {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "DESCRIPTION"} <= event.keys()
        assert re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTART"])
        assert event["DESCRIPTION"].startswith("7 devices would go silent.\\nCredential soon\\, acme/shop.")
        assert [alarm["TRIGGER"] for _, alarm, _ in alarms] == ["-P60D", "-P30D", "-P14D", "-P7D", "-P3D", "-P1D"]
        assert all(alarm["ACTION"] == "DISPLAY" and alarm["DESCRIPTION"] for _, alarm, _ in alarms)
        again = await scene.ask("bob", "GET", ICS)
        assert again.body == reply.body

    run(check())


def test_a_calendar_of_nothing_is_a_valid_one_too() -> None:
    async def check() -> None:
        reply = await (await scene_with()).ask("bob", "GET", ICS)
        [(name, _, parts)] = tree(parsed(reply.body.decode()))
        assert name == "VCALENDAR" and [part[0] for part in parts] == ["VTIMEZONE"]

    run(check())


@pytest.mark.parametrize("text", ["a" * 75, "a" * 76, "ä" * 100, "SUMMARY:" + "😀" * 60, "", "a" * 300])
def test_a_long_line_is_folded_between_characters(text: str) -> None:
    parts = list(folded(text))
    assert all(len(part.encode()) <= 75 for part in parts)
    assert parts[0] + "".join(part[1:] for part in parts[1:]) == text
    assert all(part.startswith(" ") for part in parts[1:])


def test_only_a_feeds_key_may_stand_in_the_address_and_it_reads_nothing_else() -> None:
    async def check() -> None:
        scene = await scene_with(credential("soon", days=20), credential("other", "other", days=20))
        made = await scene.ask("alice", "POST", "/v1/keys", {"name": "calendar", "kind": "feed", "app": "shop"})
        key = made.json["key"]
        reply = await scene.ask("", "GET", f"{ICS}?key={key}")
        assert reply.status == 200
        assert b"UID:soon." in reply.body and b"UID:other." not in reply.body
        by_header = await scene.ask("", "GET", ICS, headers={"authorization": f"Bearer {key}"})
        assert by_header.body == reply.body
        for path in ("/v1/credentials", "/v1/apps", "/v1/apps/shop/production/credentials", "/metrics"):
            assert (await scene.ask("", "GET", f"{path}?key={key}")).status == 401, path
            asked = await scene.ask("", "GET", path, headers={"authorization": f"Bearer {key}"})
            assert asked.status == 403, path
        wrong = await scene.ask("", "GET", f"{ICS}?key={scene.keys['alice']}")
        assert (wrong.status, "kind feed" in wrong.json["detail"]) == (403, True)
        assert (await scene.ask("", "GET", f"{ICS}?key=pwk_nonsense")).status == 401
        assert (await scene.ask("", "GET", f"{ICS}?key=%C2%80&x=1")).status == 401
        await scene.ask("alice", "POST", f"/v1/keys/{made.json['view']['id']}/revoke")
        assert (await scene.ask("", "GET", f"{ICS}?key={key}")).status == 401

    run(check())


def test_carol_sees_no_end_of_anothers_credential() -> None:
    async def check() -> None:
        scene = await scene_with(credential("soon", days=20))
        assert (await scene.ask("carol", "GET", "/v1/credentials")).json == {"credentials": []}
        assert b"UID:" not in (await scene.ask("carol", "GET", ICS)).body
        assert (await scene.ask("clerk", "GET", "/v1/credentials")).json == {"credentials": []}

    run(check())


# --- contacts


def test_contacts_are_addresses_and_change_with_the_apps_version() -> None:
    async def check() -> None:
        scene = await scene_with()
        wanted = ["ada@acme.example", "ops+push@acme.example"]
        made = await scene.ask("alice", "POST", "/v1/apps", {"id": "new", "contacts": wanted})
        assert (made.status, made.json["contacts"]) == (201, wanted)
        path = "/v1/apps/new"
        changed = await scene.ask("alice", "PATCH", path, {"version": 1, "contacts": ["bob@acme.example"]})
        assert changed.json["contacts"] == ["bob@acme.example"]
        assert (await scene.ask("alice", "PATCH", path, {"version": 1, "contacts": []})).status == 409
        kept = await scene.ask("alice", "PATCH", path, {"version": 2, "name": "New"})
        assert kept.json["contacts"] == ["bob@acme.example"]
        assert (await scene.ask("alice", "PATCH", path, {"version": 3, "contacts": []})).json["contacts"] == []

    run(check())


@pytest.mark.parametrize("contact", ["ada", "ada@acme.example\n", "a@b\r\nBcc: x@y.example", "", "a@b@c", "x" * 255, 7])
def test_what_is_no_address_is_no_contact(contact: Any) -> None:
    async def check() -> None:
        scene = await scene_with()
        reply = await scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "contacts": [contact]})
        assert reply.status == 422
        reply = await scene.ask("alice", "PATCH", "/v1/apps/shop", {"version": 1, "contacts": ["a@b.example"] * 21})
        assert reply.status == 422

    run(check())
