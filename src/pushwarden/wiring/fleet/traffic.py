"""How much went out: by the minute for two days and by the hour for a month, quiet at night, nothing while stopped."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import partial

from pushwarden.core.outcome import Ending
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import HOUR_MS, MINUTE_MS, QUARTER_MS, Amounts, Ended
from pushwarden.ports.catalog import Tables
from pushwarden.ports.tallies import Step
from pushwarden.settings import Settings
from pushwarden.wiring.fleet.teller import ORGANISATION, Teller, ago
from pushwarden.wiring.stores import stores_of

OURS = (6, 22, 45, 23, 3, 0.8, 0.2, 0, 0, 0, 0, 0, 0, 0)
THEIRS = (0, 0, 0, 0, 2, 20, 44, 28, 5.4, 0.5, 0.1, 0, 0, 0)
"""Per cent, by the tallies' bounds."""
DEAD, FOREIGN, OFTEN = {"apns": "Unregistered", "fcm": "UNREGISTERED"}, "BadDeviceToken", "TooManyRequests"
TROUBLE = {"apns": "ServiceUnavailable", "fcm": "UNAVAILABLE"}
BEGAN, ENDED = ago(days=9, hours=2), ago(days=9, hours=1, minutes=13)
STEPS = {Step.MINUTE: MINUTE_MS, Step.QUARTER: QUARTER_MS, Step.HOUR: HOUR_MS}
SPIKE = range(ago(hours=8) - 4 * MINUTE_MS, ago(hours=8))
"""Four minutes in which Apple answered 503."""


@dataclass(frozen=True, slots=True)
class Source:
    """rate: accepted a minute on an ordinary noon; weight of refusals in a thousand."""

    app: str
    environment: Environment
    provider: str
    rate: float
    refused: float = 4.0


SOURCES = (
    Source("acme-shop", Environment.PRODUCTION, "apns", 1_040),
    Source("acme-shop", Environment.PRODUCTION, "fcm", 590, 3.4),
    Source("acme-shop", Environment.SANDBOX, "apns", 3, 0.0),
    Source("acme-drivers", Environment.PRODUCTION, "apns", 61, 1.1),
    Source("acme-drivers", Environment.PRODUCTION, "fcm", 257, 0.9),
)


async def tell(story: Teller, scale: float) -> None:
    """scale: how much of the two days stands in minutes."""
    minutes = max(130, round(2880 * min(1.0, scale)))
    for source in SOURCES:
        await story.api.stores.catalog.note(partial(_write, source=source, now=story.now, minutes=minutes))


async def go_on(settings: Settings, since_ms: int, now_ms: int) -> None:
    """What was sent meanwhile, minute by minute: nothing of the story sends by itself, and nothing while stopped."""
    stores = stores_of(settings, "fleet")
    minutes = range(since_ms - since_ms % MINUTE_MS + MINUTE_MS, now_ms - now_ms % MINUTE_MS, MINUTE_MS)
    try:
        await stores.catalog.note(partial(_more, minutes=minutes, chance=random.Random(since_ms)))  # noqa: S311
    finally:
        await stores.close()


def _more(tables: Tables, minutes: range, chance: random.Random) -> None:
    halts = tables.stops.open(ORGANISATION)
    for source in SOURCES:
        where = Scope(ORGANISATION, source.app, source.environment)
        if any(one.scope.covers(where) for one in halts):
            continue
        for at in minutes:
            amounts = _amounts(source, 0, 1, chance)
            for step, length in STEPS.items():
                tables.tallies.add(where, source.provider, step, at - at % length, amounts)


def _write(tables: Tables, source: Source, now: int, minutes: int) -> None:
    chance = random.Random(f"{source.app} {source.environment} {source.provider}")  # noqa: S311
    where = Scope(ORGANISATION, source.app, source.environment)
    for step, length, count in (
        (Step.MINUTE, MINUTE_MS, minutes), (Step.QUARTER, QUARTER_MS, 48 * 4), (Step.HOUR, HOUR_MS, 30 * 24),
    ):  # fmt: skip
        for number in range(count):
            at = now - now % length - number * length
            part = 1 if step is Step.MINUTE else min(length, now - at) / MINUTE_MS
            amounts = _amounts(source, now - at, part, chance)
            if amounts:
                tables.tallies.add(where, source.provider, step, at, amounts)


def _amounts(source: Source, before: int, minutes: float, chance: random.Random) -> Amounts:
    """before: how long before the end it begins."""
    sent = source.rate * minutes * _level(source, before, minutes) * chance.uniform(0.985, 1.015)
    accepted = round(sent) if sent >= 30 else sum(chance.random() < sent / 30 for _ in range(30))
    endings: dict[Ended, int] = {(Ending.ACCEPTED, ""): accepted}
    lost = accepted * source.refused / 1000
    for reason, share in ((DEAD[source.provider], 0.74), (FOREIGN, 0.18), (OFTEN, 0.05)):
        if source.provider == "apns" or reason == DEAD[source.provider]:
            endings[Ending.REFUSED, reason] = _about(lost * share, chance)
    spiked = min(before, SPIKE.stop) - max(before - minutes * MINUTE_MS, SPIKE.start)
    if spiked > MINUTE_MS / 2 and source.app == "acme-shop" and source.provider == "apns":
        endings[Ending.REFUSED, TROUBLE["apns"]] = chance.randrange(12, 19) * round(spiked / MINUTE_MS)
    kept = {key: count for key, count in endings.items() if count}
    return Amounts(kept, _spread(OURS, accepted), _spread(THEIRS, accepted)) if kept else Amounts()


def _level(source: Source, before: int, minutes: float) -> float:
    """1 on an ordinary noon: less at night, more every week, nothing while stopped, the shop's peak at the end."""
    shop = source.app == "acme-shop"
    if shop and ENDED < before <= BEGAN:
        return 1 - min(1.0, (BEGAN - ENDED) / MINUTE_MS / minutes)
    daily = 0.94 + 0.1 * math.cos(2 * math.pi * (before / ago(hours=24) - 0.04)) - before / ago(days=400)
    return daily + (0.28 if shop and before < ago(minutes=6) else 0)


def _about(mean: float, chance: random.Random) -> int:
    """Whole numbers around it: ⌊mean⌋ or the next, and one more or less now and then."""
    return max(0, int(mean + chance.random()) + chance.choice((-1, 0, 0, 1)) * (mean > 2))


def _spread(shares: tuple[float, ...], count: int) -> tuple[int, ...]:
    return tuple(round(count * share / 100) for share in shares)
