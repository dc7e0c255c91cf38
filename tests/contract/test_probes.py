"""What claiming a live proof keeps to, whichever store it stands in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from catalog_fixtures import KINDS, opened
from pushwarden.adapters.probes import CatalogProbes
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.check import Check
from pushwarden.core.probe import CLAIM_MS, Finding, Probe
from pushwarden.core.scope import Environment
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.ports.probes import Probes

T = TypeVar("T")
SHOP = App("acme", "shop", "Shop", bundle_id="com.acme.shop")
KEY = Credential(
    "acme", "shop", Environment.SANDBOX, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.STANDBY, "f1"
)
PROBE = Probe("acme", "p1", "shop", "c1", "alice", 1000)
GOOD = Check.of("live.accepted", "400 BadDeviceToken", provider="Apple", environment="Production")
BAD = Check.of("p8.refused", answer="InvalidProviderToken", team="TEAMTEAM12", kid="ABCDEFGHIJ")
OPEN = Check.of("net.dns", provider="Apple", host="api.push.apple.com", port=443)


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        asyncio.run(_note(found, lambda tables: (tables.apps.insert(SHOP), tables.credentials.insert(KEY))))
        yield found


@pytest.fixture
def probes(catalog: Catalog) -> Probes:
    return CatalogProbes(catalog)


async def _note(catalog: Catalog, work: Callable[[Tables], T]) -> T:
    return await catalog.note(work)


def put(catalog: Catalog, *probes: Probe) -> None:
    asyncio.run(_note(catalog, lambda tables: [tables.probes.put(probe) for probe in probes]))


def see(catalog: Catalog, work: Callable[[Tables], T]) -> T:
    async def read() -> T:
        return await catalog.read(work)

    return asyncio.run(read())


def claim(probes: Probes, sender: str, now_ms: int, idle_ms: int = 0) -> Probe | None:
    async def ask() -> Probe | None:
        task = await probes.claim(sender, now_ms, idle_ms=idle_ms)
        return None if task is None else task.probe

    return asyncio.run(ask())


def finish(probes: Probes, probe: Probe, *checks: Check, now_ms: int = 3000) -> bool:
    async def ask() -> bool:
        return await probes.finish(probe, checks, now_ms)

    return asyncio.run(ask())


def test_of_two_senders_one_gets_it_with_its_credential_and_app(catalog: Catalog, probes: Probes) -> None:
    put(catalog, PROBE)

    async def both() -> list[object]:
        return await asyncio.gather(probes.claim("one", 1500), probes.claim("two", 1500))

    taken = [task for task in asyncio.run(both()) if task is not None]
    (task,) = taken
    assert (task.credential, task.app) == (KEY, SHOP)  # type: ignore[attr-defined]
    kept = see(catalog, lambda tables: tables.probes.get("acme", "p1"))
    assert kept is not None and kept.claimed_by in ("one", "two")
    assert kept.finding is Finding.VERIFYING


def test_the_longest_waiting_comes_first(catalog: Catalog, probes: Probes) -> None:
    put(catalog, replace(PROBE, id="p2", asked_at=900), PROBE)
    assert [probe.id for probe in see(catalog, lambda tables: tables.probes.open())] == ["p2", "p1"]
    first, second = claim(probes, "one", 1500), claim(probes, "one", 1500)
    assert [first and first.id, second and second.id] == ["p2", "p1"]
    assert claim(probes, "one", 1500) is None


def test_a_claim_that_came_to_nothing_may_be_taken_over_and_its_late_word_does_not_count(
    catalog: Catalog, probes: Probes
) -> None:
    put(catalog, PROBE)
    first = claim(probes, "one", 1500)
    assert first is not None
    assert claim(probes, "two", 1500 + CLAIM_MS - 1) is None
    second = claim(probes, "two", 1500 + CLAIM_MS)
    assert second is not None
    assert not finish(probes, first, BAD)
    assert finish(probes, second, GOOD)
    assert not finish(probes, second, BAD)
    kept = see(catalog, lambda tables: tables.probes.get("acme", "p1"))
    assert kept == replace(second, done_at=3000, checks=(GOOD,))
    assert claim(probes, "one", 10**9) is None


def test_a_sender_that_waits_leaves_fresh_ones_to_others(catalog: Catalog, probes: Probes) -> None:
    put(catalog, PROBE)
    assert claim(probes, "one", 2999, idle_ms=2000) is None
    assert claim(probes, "one", 3000, idle_ms=2000) is not None


def test_one_whose_credential_is_gone_is_done_and_found_nothing(catalog: Catalog, probes: Probes) -> None:
    put(catalog, replace(PROBE, credential="c2"))
    assert claim(probes, "one", 1500) is None
    kept = see(catalog, lambda tables: tables.probes.get("acme", "p1"))
    assert kept is not None
    assert (kept.done_at, kept.finding) == (1500, Finding.UNPROVEN)


def test_the_last_of_a_credential_is_its_own_and_old_ones_go(catalog: Catalog) -> None:
    later, other = replace(PROBE, id="p2", asked_at=2000), replace(PROBE, id="p3", organisation="beta", asked_at=3000)
    put(catalog, PROBE, later, other)
    assert see(catalog, lambda tables: tables.probes.last("acme", "c1")) == later
    assert see(catalog, lambda tables: tables.probes.last("acme", "c2")) is None
    assert see(catalog, lambda tables: tables.probes.get("beta", "p1")) is None
    assert asyncio.run(_note(catalog, lambda tables: tables.probes.forget(2000))) == 1
    assert see(catalog, lambda tables: tables.probes.open()) == [later, other]


@pytest.mark.parametrize(
    ("checks", "finding"),
    [
        ((GOOD,), Finding.PROVEN),
        ((GOOD, OPEN), Finding.PROVEN),
        ((GOOD, BAD), Finding.REFUSED),
        ((OPEN, BAD), Finding.REFUSED),
        ((OPEN,), Finding.UNPROVEN),
        ((), Finding.UNPROVEN),
    ],
)
def test_a_refusal_outweighs_all_and_a_proof_what_could_not_be_told(
    checks: tuple[Check, ...], finding: Finding
) -> None:
    assert replace(PROBE, done_at=1, checks=checks).finding is finding
