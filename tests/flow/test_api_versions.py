"""Versions of an app's configuration over HTTP: who changed what, what differs, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cast import Stage, stage
from catalog_fixtures import KINDS, opened
from pushwarden.control.versions import FOUND, begin
from pushwarden.core.app import App
from pushwarden.ports.catalog import Catalog

SHOP = "/v1/apps/shop"
CREDENTIALS = f"{SHOP}/production/credentials"
UNPROVEN = {"confirm": ["unproven"]}


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


async def done(scene: Stage, method: str, path: str, body: Any = None, who: str = "alice") -> Any:
    reply = await scene.ask(who, method, path, body)
    assert reply.status < 300, reply.body
    return reply.json if reply.body else None


async def sending(scene: Stage, text: str) -> str:
    """A credential that was uploaded and activated."""
    made = await done(scene, "POST", CREDENTIALS, {"provider": "apns", "text": text, "key_id": text})
    found: str = made["credential"]["id"]
    await done(scene, "POST", f"{CREDENTIALS}/{found}/activate", UNPROVEN)
    return found


def test_each_change_of_what_is_in_effect_is_a_version_with_who_and_what(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await done(scene, "PATCH", SHOP, {"version": 1, "name": "Acme Shop", "contacts": ["dana@acme.example"]})
        await sending(scene, "ABC123DEFG")
        await done(scene, "POST", f"{SHOP}/callbacks", {"url": "https://acme.example/hook"})
        found = (await done(scene, "GET", f"{SHOP}/versions", who="bob"))["versions"]
        assert [(one["number"], one["action"], one["actor_name"]) for one in found] == [
            (4, "callback.create", "alice"), (3, "credential.activate", "alice"), (2, "app.change", "alice"),
            (1, "stage.set", "test"),
        ]  # fmt: skip
        words = {one["name"]: (one["before"], one["after"]) for row in found for one in row["changed"]}
        assert words == {
            "Callback to https://acme.example/hook": ("nothing", "told 10 events"),
            "Apple in Production": ("nothing", "key ABC123DEFG"),
            "Name": ("Shop", "Acme Shop"),
            "Told by mail": ("nothing", "dana@acme.example"),
        }
        assert (await done(scene, "GET", f"{SHOP}/production/effective"))["version"] == 4
        page = await done(scene, "GET", f"{SHOP}/versions?limit=2")
        assert [one["number"] for one in page["versions"]] == [4, 3]
        rest = await done(scene, "GET", f"{SHOP}/versions?limit=2&before={page['next']}")
        assert ([one["number"] for one in rest["versions"]], rest["next"]) == ([2, 1], None)

    asyncio.run(run())


def test_what_changes_nothing_in_effect_is_no_version(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await done(scene, "PATCH", SHOP, {"version": 1, "name": "Shop"})
        await done(scene, "POST", CREDENTIALS, {"provider": "apns", "text": "spare"})
        assert (await done(scene, "GET", f"{SHOP}/production/effective"))["version"] == 1
        refused = await scene.ask("bob", "PATCH", SHOP, {"version": 2, "name": "No"})
        assert refused.status == 403
        assert len((await done(scene, "GET", f"{SHOP}/versions"))["versions"]) == 1

    asyncio.run(run())


def test_a_restore_is_told_first_and_then_is_a_version_of_its_own(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        one = await sending(scene, "ONE")
        two = await sending(scene, "TWO")
        await done(scene, "PATCH", SHOP, {"version": 1, "enabled": False})
        way = f"{SHOP}/versions/2/restore"
        told = await done(scene, "POST", f"{way}?dry_run=true", {"version": 4})
        assert (told["done"], told["lost"]) == (False, [])
        assert {(row["name"], row["before"], row["after"]) for row in told["differences"]} == {
            ("Sending", "off", "on"), ("Apple in Production", "key TWO", "key ONE"),
        }  # fmt: skip
        assert (await done(scene, "GET", SHOP))["enabled"] is False
        restored = await done(scene, "POST", way, {"version": 4})
        assert (restored["done"], restored["version"], restored["restored"]) == (True, 5, 2)
        states = {row["id"]: row["state"] for row in (await done(scene, "GET", CREDENTIALS))["credentials"]}
        assert states == {one: "active", two: "previous"}
        assert (await done(scene, "GET", f"{SHOP}/versions/2/diff"))["differences"] == []
        entry = (await done(scene, "GET", "/v1/audit?limit=1"))["entries"][0]
        assert (entry["action"], entry["before"]["Sending"], entry["after"]["restored"]) == ("app.restore", "off", 2)

    asyncio.run(run())


def test_a_version_is_copied_as_yaml_without_a_secret(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await sending(scene, "ABC123DEFG")
        reply = await scene.ask("bob", "GET", f"{SHOP}/versions/2?format=yaml")
        assert (reply.status, reply.headers["content-type"]) == (200, "application/yaml; charset=utf-8")
        assert "made_by: alice" in reply.body.decode() and "called: key ABC123DEFG" in reply.body.decode()
        assert (await scene.ask("bob", "GET", f"{SHOP}/versions/2?format=xml")).status == 422

    asyncio.run(run())


def test_why_something_was_restored_stands_in_the_audit(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await done(scene, "PATCH", SHOP, {"version": 1, "name": "B"})
        await done(scene, "POST", f"{SHOP}/versions/1/restore", {"version": 2, "reason": "B was a mistake"})
        (entry,) = (await done(scene, "GET", "/v1/audit?action=app.restore"))["entries"]
        assert entry["reason"] == "B was a mistake"

    asyncio.run(run())


def test_a_version_that_is_not_there_is_said_before_the_body_is_read(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        for path in (f"{SHOP}/versions/9/restore", "/v1/apps/nowhere/versions/1/restore"):
            assert (await scene.ask("alice", "POST", path, {"nonsense": True})).status == 404

    asyncio.run(run())


def test_of_two_who_restore_at_once_one_is_told_of_the_other(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await done(scene, "PATCH", SHOP, {"version": 1, "name": "B"})
        await done(scene, "POST", f"{SHOP}/versions/1/restore", {"version": 2})
        late = await scene.ask("alice", "POST", f"{SHOP}/versions/1/restore", {"version": 2})
        assert (late.status, late.json["code"], late.json["version"]) == (409, "conflict", 3)

    asyncio.run(run())


def test_what_was_destroyed_is_said_before_and_the_rest_comes_back_when_confirmed(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        one = await sending(scene, "ONE")
        two = await sending(scene, "TWO")
        await done(scene, "PATCH", SHOP, {"version": 1, "name": "Later"})
        await done(scene, "DELETE", f"{CREDENTIALS}/{one}")
        way = f"{SHOP}/versions/2/restore"
        lost = [
            {"field": "credentials/production/apns/", "name": "Apple in Production", "sentence": "Key ONE was deleted."}
        ]
        assert (await done(scene, "POST", f"{way}?dry_run=true", {"version": 4}))["lost"] == lost
        refused = await scene.ask("alice", "POST", way, {"version": 4})
        assert (refused.status, refused.json["code"], refused.json["lost"]) == (409, "confirmation_needed", lost)
        await done(scene, "POST", way, {"version": 4, "confirm": ["lost"]})
        effective = await done(scene, "GET", f"{SHOP}/production/effective")
        assert (effective["app"]["name"], effective["credentials"]["apns"]["id"]) == ("Shop", two)

    asyncio.run(run())


def test_a_callback_that_is_brought_back_has_a_new_secret_and_that_is_said(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        told = await done(scene, "POST", f"{SHOP}/callbacks", {"url": "https://acme.example/hook"})
        name = told["callback"]["id"]
        await done(scene, "DELETE", f"{SHOP}/callbacks/{name}")
        restored = await done(scene, "POST", f"{SHOP}/versions/2/restore", {"version": 3})
        assert restored["notes"] == ["https://acme.example/hook gets a new signing secret; rotate it to see one."]
        assert (await done(scene, "GET", f"{SHOP}/callbacks/{name}"))["url"] == "https://acme.example/hook"
        kept = await catalog.read(lambda tables: tables.callbacks.get("acme", "shop", name))
        assert kept is not None and kept.sealed == f"sealed:{kept.label}".encode()

    asyncio.run(run())


def test_only_those_who_may_change_an_app_restore_it_and_strangers_see_nothing(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        for method, path in (("GET", ""), ("GET", "/1"), ("GET", "/1/diff"), ("POST", "/1/restore")):
            body = {"version": 1} if method == "POST" else None
            for who in ("carol", "clerk"):
                reply = await scene.ask(who, method, f"/v1/apps/other{path}".replace("other", "shop/versions"), body)
                assert b"com.acme" not in reply.body
                assert reply.status in (200, 404) and (who == "carol" or reply.status == 404)
        assert (await scene.ask("bob", "POST", f"{SHOP}/versions/1/restore", {"version": 1})).status == 403
        assert (await scene.ask("alice", "GET", f"{SHOP}/versions/nine")).status == 404
        assert (await scene.ask("alice", "GET", f"{SHOP}/versions/1/diff?to=9")).status == 404

    asyncio.run(run())


def test_apps_of_before_versions_were_kept_begin_with_one(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await catalog.note(lambda tables: tables.apps.insert(App("acme", "old", "Old")))
        await begin(catalog, scene.clock.ms)
        await begin(catalog, scene.clock.ms)
        (only,) = (await done(scene, "GET", "/v1/apps/old/versions"))["versions"]
        assert (only["number"], only["action"], only["changed"]) == (1, FOUND, [])

    asyncio.run(run())
