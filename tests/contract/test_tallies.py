"""Tallies: what every catalog keeps of attempts, and that no counter is taken over twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog_fixtures import KINDS, opened
from pushwarden.control.tallying import forget, take_over
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import HOUR_MS, HOURS_KEPT_MS, MINUTE_MS, MINUTES_KEPT_MS, Amounts, total
from pushwarden.dataplane.feedback.counters import Counters
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.ports.tallies import Step

NOW = 1_800_000_000_000
SHOP = Scope("acme", "shop", Environment.PRODUCTION)
FAMILY = "acme/shop/production/apns"


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


def do(catalog: Catalog, work: Callable[[Tables], Any]) -> Any:
    async def run() -> Any:
        return await catalog.note(work)

    return asyncio.run(run())


def counted(counters: Counters, accepted: int = 0, refused: int = 0, family: str = FAMILY) -> Counters:
    if accepted:
        counters.endings[family, "accepted", ""] += accepted
        counters.waited(family, 3, accepted)
        counters.answered(family, 30, accepted)
    if refused:
        counters.endings[family, "refused", "Unregistered"] += refused
    return counters


def look(catalog: Catalog, now_ms: int, **senders: Counters) -> None:
    stats = {name: {"counters": counters.as_dict()} for name, counters in senders.items()}
    do(catalog, lambda tables: take_over(tables, stats, now_ms))


def kept(catalog: Catalog, step: Step = Step.HOUR, where: Scope = SHOP) -> Amounts:
    found = do(catalog, lambda tables: tables.tallies.of(where, step, 0, 2**53))
    return total(one.amounts for one in found)


def test_what_a_sender_counted_stands_in_its_minute_and_in_its_hour(catalog: Catalog) -> None:
    counters = counted(Counters(), accepted=5, refused=2)
    look(catalog, NOW, one=counters)
    look(catalog, NOW + MINUTE_MS, one=counted(counters, accepted=1))
    minutes = do(catalog, lambda tables: tables.tallies.of(SHOP, Step.MINUTE, NOW - HOUR_MS, NOW + HOUR_MS))
    assert [(one.at, one.provider, one.amounts.endings) for one in minutes] == [
        (NOW - NOW % MINUTE_MS, "apns", {("accepted", ""): 5, ("refused", "Unregistered"): 2}),
        (NOW - NOW % MINUTE_MS + MINUTE_MS, "apns", {("accepted", ""): 1}),
    ]
    hours = kept(catalog)
    assert hours.endings == {("accepted", ""): 6, ("refused", "Unregistered"): 2}
    assert (sum(hours.ours), sum(hours.theirs)) == (6, 6)


def test_the_same_counters_are_taken_over_once_whoever_looks(catalog: Catalog) -> None:
    counters = counted(Counters(), accepted=5)
    for _ in range(3):
        look(catalog, NOW, one=counters)
    assert kept(catalog).endings == {("accepted", ""): 5}


def test_a_sender_that_starts_anew_counts_from_nothing(catalog: Catalog) -> None:
    look(catalog, NOW, one=counted(Counters(), accepted=5))
    look(catalog, NOW, one=counted(Counters(), accepted=7))
    assert kept(catalog).endings == {("accepted", ""): 12}


def test_senders_and_slots_of_one_environment_add_up_and_others_stay_apart(catalog: Catalog) -> None:
    first = counted(counted(Counters(), accepted=1), accepted=2, family=FAMILY + "/voip")
    look(catalog, NOW, one=first, two=counted(Counters(), accepted=4))
    look(catalog, NOW, three=counted(Counters(), accepted=9, family="beta/shop/production/apns"))
    assert kept(catalog).endings == {("accepted", ""): 7}
    assert kept(catalog, where=Scope("beta", "shop", Environment.PRODUCTION)).endings == {("accepted", ""): 9}
    assert not kept(catalog, where=Scope("acme", "shop", Environment.SANDBOX))


def test_minutes_and_quarters_go_after_two_days_and_hours_after_400(catalog: Catalog) -> None:
    look(catalog, NOW, one=counted(Counters(), accepted=5))
    do(catalog, lambda tables: forget(tables, NOW + MINUTES_KEPT_MS - MINUTE_MS))
    assert kept(catalog, Step.MINUTE)
    assert do(catalog, lambda tables: forget(tables, NOW + MINUTES_KEPT_MS + MINUTE_MS)) == 2
    assert not kept(catalog, Step.MINUTE)
    assert not kept(catalog, Step.QUARTER)
    assert kept(catalog)
    assert do(catalog, lambda tables: forget(tables, NOW + HOURS_KEPT_MS + HOUR_MS)) == 1
    assert not kept(catalog)


def test_a_look_across_an_organisation_finds_all_its_environments_and_no_one_elses(catalog: Catalog) -> None:
    for family in (FAMILY, "acme/news/sandbox/fcm", "carols/care/production/apns"):
        look(catalog, NOW, **{family.replace("/", "-"): counted(Counters(), accepted=3, family=family)})
    look(catalog, NOW - 2 * HOUR_MS, old=counted(Counters(), accepted=9))
    found = do(catalog, lambda tables: tables.tallies.across("acme", Step.MINUTE, NOW - HOUR_MS))
    places = [(one.app, one.environment, one.provider, one.amounts.endings["accepted", ""]) for one in found]
    assert sorted(places) == [("news", "sandbox", "fcm", 3), ("shop", "production", "apns", 3)]
