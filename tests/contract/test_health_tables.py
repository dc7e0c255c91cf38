"""How credentials stand, notices and mails: what every catalog keeps to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog_fixtures import KINDS, opened
from pushwarden.adapters.health import CatalogHealths
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.check import Check
from pushwarden.core.health import PROVEN_MS, Event, Health, Record
from pushwarden.core.mail import Mail
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Catalog, Changed, Tables

NOW = 1_800_000_000_000
CHECKS = (Check("p8.refused", "failed", "Apple doesn't accept this key", "It said so."),)
USED = Credential(
    "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.ACTIVE, "SHA256:aa"
)


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        asyncio.run(enter(found))
        yield found


async def enter(catalog: Catalog) -> None:
    def work(tables: Tables) -> Changed[None]:
        for organisation in ("acme", "beta"):
            tables.apps.insert(App(organisation, "shop", "Shop"))
            tables.credentials.insert(replace(USED, organisation=organisation))
        tables.credentials.insert(replace(USED, id="c2", state=CredentialState.STANDBY, fingerprint="SHA256:bb"))
        return Changed(None)

    await catalog.change(AuditEntry(NOW, "alice", "app.create", Scope("acme", "shop")), work)


def do(catalog: Catalog, work: Callable[[Tables], Any]) -> Any:
    async def run() -> Any:
        return await catalog.note(work)

    return asyncio.run(run())


def see(catalog: Catalog, work: Callable[[Tables], Any]) -> Any:
    async def run() -> Any:
        return await catalog.read(work)

    return asyncio.run(run())


def said(catalog: Catalog) -> list[Any]:
    found = see(catalog, lambda tables: tables.audit.page(AuditQuery("acme", action="credential.")))
    return [json.loads(row.body) for row in found]


def test_a_record_comes_back_as_it_went_in_and_goes_with_its_credential_and_its_app(catalog: Catalog) -> None:
    first = Record("acme", "shop", "c1", Health.FAILING, NOW, "p8.refused", CHECKS, NOW - 5, NOW - 9)
    second, other = replace(first, credential="c2", health=Health.READY), replace(first, organisation="beta")
    do(catalog, lambda tables: [tables.healths.put(one) for one in (second, first, other)])
    do(catalog, lambda tables: tables.healths.put(replace(first, since=NOW + 1)))
    assert see(catalog, lambda tables: tables.healths.get("acme", "c1")) == replace(first, since=NOW + 1)
    assert see(catalog, lambda tables: tables.healths.all("acme")) == [replace(first, since=NOW + 1), second]
    assert see(catalog, lambda tables: len(tables.healths.all())) == 3
    do(
        catalog,
        lambda tables: [
            tables.notices.give(one.organisation, one.credential, "expired", NOW) for one in (first, second, other)
        ],
    )
    do(catalog, lambda tables: tables.credentials.update(replace(USED, fingerprint="SHA256:cc")))
    assert see(catalog, lambda tables: tables.healths.get("acme", "c1")) is not None
    do(catalog, lambda tables: tables.credentials.delete("acme", "shop", "c1"))
    assert see(catalog, lambda tables: tables.healths.all("acme")) == [second]
    assert see(catalog, lambda tables: set(tables.notices.given())) == {("acme", "c2"), ("beta", "c1")}
    do(catalog, lambda tables: tables.apps.delete("acme", "shop"))
    assert see(catalog, lambda tables: tables.healths.all()) == [other]
    assert see(catalog, lambda tables: tables.notices.given("acme")) == {}


def test_a_notice_remembers_when_it_was_given_last(catalog: Catalog) -> None:
    for at, what in ((NOW, "expires:30"), (NOW + 1, "credential.failing"), (NOW + 9, "credential.failing")):
        do(catalog, lambda tables, what=what, at=at: tables.notices.give("acme", "c1", what, at))
    wanted = {"expires:30": NOW, "credential.failing": NOW + 9}
    assert see(catalog, lambda tables: tables.notices.given()) == {("acme", "c1"): wanted}
    assert see(catalog, lambda tables: tables.notices.given("beta")) == {}


def test_mails_wait_in_the_order_they_were_written(catalog: Catalog) -> None:
    first = Mail("acme", "m1", "ada@acme.example", "Über", "Text\n", NOW, NOW)
    second = replace(first, id="m0", since=NOW + 1)
    tried = replace(first, attempts=2, error="Nobody answers.", gave_up=True)
    do(catalog, lambda tables: [tables.mails.put(one) for one in (second, first, tried)])
    assert see(catalog, lambda tables: tables.mails.all()) == [tried, second]
    do(catalog, lambda tables: tables.mails.drop("m1"))
    assert see(catalog, lambda tables: tables.mails.all()) == [second]


def test_only_a_change_of_state_has_an_audit_row_and_a_proof_is_noted_once_a_minute(catalog: Catalog) -> None:
    healths = CatalogHealths(catalog, "sender-bulk-0")

    async def hear(event: Event, at: int, **evidence: Any) -> Record:
        return await healths.heard(USED, event, at, **evidence)

    proven = asyncio.run(healths.proven(USED, NOW))
    assert (proven.health, proven.proven_at) == (Health.READY, NOW)
    assert asyncio.run(healths.proven(USED, NOW + PROVEN_MS - 1)).proven_at == NOW
    assert asyncio.run(healths.proven(USED, NOW + PROVEN_MS)).proven_at == NOW + PROVEN_MS
    assert asyncio.run(hear(Event.OUTAGE, NOW + PROVEN_MS)).health is Health.READY
    assert len(said(catalog)) == 1
    asyncio.run(hear(Event.REFUSED, NOW + PROVEN_MS, reason="p8.refused", checks=CHECKS))
    more = (replace(CHECKS[0], evidence="9 of 9"),)
    kept = asyncio.run(hear(Event.REFUSED, NOW + PROVEN_MS + 5, checks=more))
    assert kept == see(catalog, lambda tables: tables.healths.get("acme", "c1"))
    assert (kept.health, kept.since, kept.checks) == (Health.FAILING, NOW + PROVEN_MS, more)
    [failed, well] = said(catalog)
    assert (failed["action"], failed["actor"], failed["target"]) == ("credential.health", "sender-bulk-0", "c1")
    assert failed["after"] == {"health": "failing", "reason": "p8.refused"}
    assert (failed["before"]["health"], well["before"]["health"]) == ("ready", "unproven")


def changed(catalog: Catalog, action: str, at: int, where: Scope, version: int = 0) -> None:
    entry = AuditEntry(at, "k7", action, where, "c1", extra={"actor_name": "Omar"})
    after = {"version": version} if version else None

    async def run() -> None:
        await catalog.change(entry, lambda tables: Changed(None, after=after))

    asyncio.run(run())


def test_the_last_change_is_named_with_who_made_it_and_when(catalog: Catalog) -> None:
    healths = CatalogHealths(catalog, "sender-normal")
    midnight = NOW - NOW % 86_400_000
    shop, here = Scope("acme", "shop"), Scope("acme", "shop", Environment.PRODUCTION)

    def last(at: int) -> str:
        async def run() -> str:
            return await healths.last_change(USED, at)

        return asyncio.run(run())

    assert last(midnight - 86_400_000) == ""
    changed(catalog, "app.change", midnight + 50_280_000, shop, version=42)
    changed(catalog, "credential.activate", midnight + 50_281_000, Scope("acme", "shop", Environment.SANDBOX))
    changed(catalog, "credential.activate", midnight + 50_282_000, Scope("acme", "other", Environment.PRODUCTION))
    changed(catalog, "callback.change", midnight + 50_283_000, shop)
    assert last(midnight + 60_000_000) == "v42 by Omar, 13:58 UTC"
    changed(catalog, "credential.activate", midnight + 61_000_000, here)
    assert last(midnight + 60_000_000) == "v42 by Omar, 13:58 UTC"
    assert last(midnight + 61_000_000) == "activation of c1 by Omar, 16:56 UTC"
    day = f"{datetime.fromtimestamp(midnight / 1000, UTC):%Y-%m-%d}"
    assert last(midnight + 90_000_000) == f"activation of c1 by Omar, {day} 16:56 UTC"


def test_what_comes_in_of_a_credential_that_is_gone_leaves_nothing(catalog: Catalog) -> None:
    do(catalog, lambda tables: tables.credentials.delete("acme", "shop", "c1"))
    asyncio.run(CatalogHealths(catalog, "sender-normal").heard(USED, Event.REFUSED, NOW))
    assert see(catalog, lambda tables: tables.healths.all()) == []
