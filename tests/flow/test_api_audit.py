"""The audit over HTTP: searched by qualifiers, counted by day, exported as found; in every store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cast import Stage, stage
from catalog_fixtures import KINDS, opened
from people import SignedIn, signed_in_here
from pushwarden.control import audit, audit_finding
from pushwarden.control.audit import verified_file
from pushwarden.core.audit import AuditEntry
from pushwarden.core.principal import Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Catalog
from pushwarden.web.call import Answer

DAY = 86_400_000
ENROLLED = "stage.person"


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


async def filled(scene: Stage) -> None:
    """A week of acme: dana changes, erik is refused."""
    now = scene.clock.ms
    where = Scope("acme", "shop", Environment.PRODUCTION)
    for age, actor, name, action, outcome, target in (
        (6, "k_dana", "Dana K.", "credential.create", "done", "c1"),
        (5, "k_dana", "Dana K.", "credential.activate", "done", "c1"),
        (2, "k_erik", "Erik", "credential.activate", "forbidden", "c2"),
        (1, "k_erik", "Erik", "stop.stop", "done", "s1"),
        (0, "k_dana", "Dana K.", "app.change", "done", "shop"),
    ):
        entry = AuditEntry(now - age * DAY, actor, action, where, target, outcome, extra={"actor_name": name})
        await scene.catalog.record(entry)


async def search(scene: Stage, text: str, who: str = "bob") -> list[str]:
    reply = await scene.ask(who, "GET", f"/v1/audit?q={quote(text)}")
    assert reply.status == 200, reply.body
    return [f"{one['extra'].get('actor_name')} {one['action']} {one['outcome']}" for one in reply.json["entries"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("actor:dana action:credential", ["Dana K. credential.activate done", "Dana K. credential.create done"]),
        ("actor:k_erik", ["Erik stop.stop done", "Erik credential.activate forbidden"]),
        ("outcome:refused", ["Erik credential.activate forbidden"]),
        ("outcome:forbidden target:c2", ["Erik credential.activate forbidden"]),
        ("since:36h app:shop", ["Dana K. app.change done", "Erik stop.stop done"]),
        ("since:7d until:3d", ["Dana K. credential.activate done", "Dana K. credential.create done"]),
        ("env:production action:stop", ["Erik stop.stop done"]),
        ("env:sandbox", []),
        ("actor:nobody", []),
        ("C1 dana", ["Dana K. credential.activate done", "Dana K. credential.create done"]),
    ],
)
def test_a_search_finds_what_its_qualifiers_say(catalog: Catalog, text: str, found: list[str]) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        assert await search(scene, text) == found

    asyncio.run(run())


def test_a_search_that_is_not_understood_says_what_to_type(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        reply = await scene.ask("bob", "GET", "/v1/audit?q=sinse:7d")
        assert (reply.status, reply.json["field"]) == (422, "q")
        assert "there are actor:" in reply.json["detail"]
        twice = await scene.ask("bob", "GET", "/v1/audit?q=app:shop&app=shop")
        assert (twice.status, twice.json["field"]) == (422, "app")

    asyncio.run(run())


def test_a_long_search_stops_and_says_from_where_to_go_on(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_finding, "WINDOW", 2)

    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        query = AuditQuery("acme", target="c1")
        first = await catalog.browse(lambda tables: audit_finding.find(tables, query, lambda: True))
        assert (list(first.rows), first.looked) == ([], 2)
        seen, place, rounds = [], first.next, 0
        while place:
            more = AuditQuery("acme", target="c1", before=place)
            found = await catalog.browse(lambda tables, more=more: audit_finding.find(tables, more, lambda: True))
            seen, place, rounds = [*seen, *found.rows], found.next, rounds + 1
        assert [json.loads(row.body)["action"] for row in seen] == ["credential.activate", "credential.create"]
        assert rounds <= 3

    asyncio.run(run())


def test_pages_follow_each_other_without_a_gap(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        seen: list[int] = []
        place: Any = 0
        while place is not None:
            page = (await scene.ask("bob", "GET", f"/v1/audit?limit=2&before={place}")).json
            seen += [one["sequence"] for one in page["entries"]]
            place = page["next"]
        assert seen == [5, 4, 3, 2, 1]

    asyncio.run(run())


def test_an_export_has_what_the_search_finds_and_a_whole_one_can_be_verified(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        part = await scene.ask("bob", "GET", f"/v1/audit/export?format=csv&q={quote('actor:dana since:7d')}")
        rows = list(csv.DictReader(io.StringIO(part.body.decode())))
        assert [row["action"] for row in rows] == ["credential.create", "credential.activate", "app.change"]
        none = await scene.ask("bob", "GET", "/v1/audit/export?q=actor:nobody")
        assert (none.status, none.body) == (200, b"")
        whole = await scene.ask("bob", "GET", "/v1/audit/export")
        assert verified_file("acme", whole.body.decode().splitlines()).entries == 5
        assert (await scene.ask("bob", "GET", "/v1/audit/export?q=env:nowhere")).status == 422

    asyncio.run(run())


def test_days_and_what_to_search_for_are_counted(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        found = (await scene.ask("bob", "GET", "/v1/audit/facets")).json
        assert [(one["label"], one["entries"], one["refused"]) for one in found["actors"]] == [
            ("Dana K.", 3, 0), ("Erik", 2, 1),
        ]  # fmt: skip
        assert [(one["entries"], one["refused"]) for one in found["days"]] == [(1, 0), (1, 0), (1, 1), (1, 0), (1, 0)]
        assert {one["value"] for one in found["outcomes"]} == {"done", "forbidden"}
        assert (await scene.ask("carol", "GET", "/v1/audit/facets")).json["actors"] == []
        assert (await scene.ask("carol", "GET", "/v1/audit?q=dana")).json["entries"] == []

    asyncio.run(run())


async def as_person(scene: Stage, person: SignedIn, path: str) -> Any:
    return (await answer_to(scene, person, path)).body


async def answer_to(scene: Stage, person: SignedIn, path: str) -> Answer:
    """As the console asks for somebody."""
    principal = scene.services.roll.principal(person.person.id)
    assert principal is not None
    way, _, query = path.partition("?")
    asked = {"method": "GET", "path": way, "query_string": query.encode(), "headers": [], "client": ("127.0.0.1", 1)}
    return await scene.app.inside(principal, asked, _nothing, "r1")


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


def test_a_person_of_one_app_reads_its_audit_and_learns_nothing_of_another(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        await scene.catalog.record(AuditEntry(scene.clock.ms, "k_eve", "app.change", Scope("acme", "other"), "other"))
        await scene.catalog.record(AuditEntry(scene.clock.ms, "k_eve", "key.create", Scope("acme"), "k1"))
        viewer = await signed_in_here(scene, Role.VIEWER, Scope("acme", "shop"))
        sandbox = await signed_in_here(scene, Role.AUDITOR, Scope("acme", "shop", Environment.SANDBOX))
        page = await as_person(scene, viewer, "/v1/audit")
        assert [(one["action"], one["outcome"]) for one in page.entries if one["action"] != ENROLLED] == [
            ("app.change", "done"), ("stop.stop", "done"), ("credential.activate", "done"),
            ("credential.create", "done"),
        ]  # fmt: skip
        assert (await as_person(scene, viewer, "/v1/audit?q=app:other")).entries == []
        facets = await as_person(scene, viewer, "/v1/audit/facets")
        assert (facets.whole, [one.value for one in facets.apps]) == (False, ["shop"])
        assert {one.label for one in facets.actors} == {"Dana K.", "Erik", "test"}
        assert [one["action"] for one in (await as_person(scene, sandbox, "/v1/audit")).entries] == [ENROLLED]
        auditor = await signed_in_here(scene, Role.AUDITOR, Scope("acme", "shop"))
        refused = await as_person(scene, auditor, "/v1/audit?q=outcome:refused")
        assert [one["actor_name"] for one in refused.entries] == ["Erik"]

    asyncio.run(run())


def test_an_export_of_a_part_holds_nothing_of_the_rest(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        await scene.catalog.record(AuditEntry(scene.clock.ms, "k_eve", "app.change", Scope("acme", "other"), "other"))
        auditor = await signed_in_here(scene, Role.AUDITOR, Scope("acme", "shop"))
        answer = await answer_to(scene, auditor, "/v1/audit/export")
        assert answer.stream is not None
        lines = b"".join([part async for part in answer.stream]).splitlines()
        assert [b"stage.person" in line for line in lines].count(False) == 5
        assert not any(b"k_eve" in line for line in lines)

    asyncio.run(run())


def test_whoever_did_something_is_named_also_in_entries_that_only_know_an_id(catalog: Catalog) -> None:
    async def run() -> None:
        scene = await stage(catalog)
        dana = await signed_in_here(scene, Role.ADMIN, Scope("acme"))
        for actor in (dana.person.id, "chores", "sender-normal", "gone"):
            await scene.catalog.record(AuditEntry(scene.clock.ms, actor, "app.change", Scope("acme", "shop")))
        page = (await scene.ask("alice", "GET", "/v1/audit?action=app.change")).json
        assert [one["actor_name"] for one in page["entries"]] == [
            "gone", "Sender (normal)", "Pushwarden (chores)", dana.person.name,
        ]  # fmt: skip
        found = (await scene.ask("alice", "GET", f"/v1/audit?q=actor:{quote(dana.person.name.split()[0])}")).json
        assert [one["actor"] for one in found["entries"]] == [dana.person.id]

    asyncio.run(run())


def test_an_export_reads_the_next_part_only_when_the_one_before_was_taken(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_finding, "WINDOW", 2)
    monkeypatch.setattr(audit, "PAGE", 2)

    async def run() -> None:
        scene = await stage(catalog)
        await filled(scene)
        for asked in ("", "&q=app:shop"):
            reader = await signed_in_here(scene, Role.AUDITOR, Scope("acme"))
            stream = (await answer_to(scene, reader, f"/v1/audit/export?format=jsonl{asked}")).stream
            assert stream is not None
            first = await anext(stream)
            assert len(first.splitlines()) == 2
            late = AuditEntry(scene.clock.ms, "k_late", "app.change", Scope("acme", "shop"))
            await scene.catalog.record(late)
            rest = [part async for part in stream]
            assert all(len(part.splitlines()) <= 2 for part in rest)
            if not asked:
                assert b"k_late" in rest[-1]

    asyncio.run(run())
