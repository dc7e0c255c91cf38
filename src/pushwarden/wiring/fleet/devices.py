"""Who can be reached: installations that came over the months, in versions as fleets have them, some gone."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from pushwarden.core.device_rules import Entry, checked
from pushwarden.core.scope import Environment, Scope
from pushwarden.wiring.fleet.teller import DAY, HOUR, ORGANISATION, Teller
from pushwarden.wiring.stage import device_token

PIECE = 8192
VERSIONS = (("5.3.1", "531", 62), ("5.3", "530", 9), ("5.2", "520", 18), ("5.1", "512", 7), ("4.9", "490", 4))
TAGS = (("lang:en", "plan:plus"), ("lang:de",), ("lang:de", "plan:plus"), ("lang:fr",), ())


class Fleet(NamedTuple):
    """Live devices of one audience; first: the number of its first token."""

    app: str
    environment: Environment
    provider: str
    size: int
    first: int


FLEETS = (
    Fleet("acme-shop", Environment.PRODUCTION, "apns", 51_907, 0),
    Fleet("acme-shop", Environment.PRODUCTION, "fcm", 32_303, 0),
    Fleet("acme-shop", Environment.SANDBOX, "apns", 9, 1_000_000),
    Fleet("acme-shop", Environment.SANDBOX, "fcm", 5, 1_000_000),
    Fleet("acme-drivers", Environment.PRODUCTION, "apns", 1_180, 2_000_000),
    Fleet("acme-drivers", Environment.PRODUCTION, "fcm", 5_222, 2_000_000),
    Fleet("acme-drivers", Environment.SANDBOX, "apns", 9, 3_000_000),
)
LIVE_DEVICES = sum(fleet.size for fleet in FLEETS)
TESTERS = (("qa-iphone-15", "apns", "qa"), ("danas-iphone", "apns", "dana"), ("pixel-8", "fcm", "qa"))


async def tell(story: Teller, scale: float) -> None:
    for fleet in FLEETS:
        where = Scope(ORGANISATION, fleet.app, fleet.environment)
        count = max(min(fleet.size, 20), round(fleet.size * scale))
        async for _ in story.api.devices.import_devices(where, _pieces(story.now, fleet, count)):
            pass
        for audience in await story.api.devices.audiences(where):
            await story.api.devices.prove(audience.id, audience.next_seq)
    for number, (name, provider, user) in enumerate(TESTERS):
        token = device_token(9_000_000 + number, provider).decode()
        body = {
            "provider": provider,
            "token": token,
            "user": user,
            "app_version": "5.3.1",
            "build": "531",
            "test": True,
        }
        await story.by("dana").put(f"/v1/apps/acme-shop/production/devices/{name}", body)


async def _pieces(now: int, fleet: Fleet, count: int) -> AsyncIterator[Sequence[Entry]]:
    chance = random.Random(f"{fleet.app} {fleet.environment} {fleet.provider}")  # noqa: S311
    for start in range(0, count, PIECE):
        yield [_entry(now, fleet, number, chance) for number in range(start, min(start + PIECE, count))]


def _entry(now: int, fleet: Fleet, number: int, chance: random.Random) -> Entry:
    version, build, _ = chance.choices(VERSIONS, [weight for *_, weight in VERSIONS])[0]
    registered = now - int(chance.paretovariate(1.2) * 6 * HOUR) % (330 * DAY) - HOUR
    return checked(
        Entry(
            installation_id=f"{fleet.provider}-{fleet.first + number:08x}",
            provider=fleet.provider,
            token=device_token(fleet.first + number, fleet.provider).decode(),
            user=f"user-{number % 60_000}",
            app_version=version,
            build=build,
            tags=chance.choice(TAGS),
            registered_at=registered,
        )
    )
