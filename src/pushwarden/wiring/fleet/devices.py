"""Who can be reached: installations that came over the months, in versions as fleets have them, some gone."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pushwarden.control.console.inside import chunked
from pushwarden.core.device_rules import Entry, checked
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.counting import Counting
from pushwarden.ports.devices import DeadToken
from pushwarden.wiring.fleet.teller import DAY, HOUR, ORGANISATION, Teller

PIECE, DAYS = 8192, 30
DEAD = {"apns": "Unregistered", "fcm": "UNREGISTERED"}
VERSIONS = (("5.3.1", "531", 62), ("5.3", "530", 9), ("5.2", "520", 18), ("5.1", "512", 7), ("4.9", "490", 4))
TAGS = (("lang:en", "plan:plus"), ("lang:de",), ("lang:de", "plan:plus"), ("lang:fr",), ())


class Fleet(NamedTuple):
    """Live devices of one audience."""

    app: str
    environment: Environment
    provider: str
    size: int


FLEETS = (
    Fleet("acme-shop", Environment.PRODUCTION, "apns", 51_905),
    Fleet("acme-shop", Environment.PRODUCTION, "fcm", 32_302),
    Fleet("acme-shop", Environment.SANDBOX, "apns", 9),
    Fleet("acme-shop", Environment.SANDBOX, "fcm", 5),
    Fleet("acme-drivers", Environment.PRODUCTION, "apns", 1_180),
    Fleet("acme-drivers", Environment.PRODUCTION, "fcm", 5_222),
    Fleet("acme-drivers", Environment.SANDBOX, "apns", 9),
)
LIVE_DEVICES = sum(fleet.size for fleet in FLEETS)
TESTERS = (("qa-iphone-15", "apns", "qa"), ("danas-iphone", "apns", "dana"), ("pixel-8", "fcm", "qa"))


async def tell(story: Teller, scale: float) -> None:
    """Day by day for a month, so that what came and went is noted; counted at the end."""
    plans = [_plan(fleet, max(min(fleet.size, 20), round(fleet.size * scale))) for fleet in FLEETS]
    for day in range(DAYS, -1, -1):
        story.clock.ms = story.now - day * DAY
        for plan in plans:
            await _day(story, plan, day)
        await story.api.devices.note_changes(story.clock.ms)
    await _testers(story)
    await _tried(story)
    for fleet in {(plan.fleet.app, plan.fleet.environment) for plan in plans}:
        where = Scope(ORGANISATION, *fleet)
        for audience in await story.api.devices.audiences(where):
            await story.api.devices.prove(audience.id, audience.next_seq)
    await Counting(story.api.devices, story.clock, lambda _: asyncio.sleep(0)).step()


@dataclass(slots=True)
class _Plan:
    """How many there are on the first day, come and go on each day after it; numbered: how many were registered."""

    fleet: Fleet
    first: int
    come: list[int]
    go: list[int]
    chance: random.Random
    numbered: int = 0
    buried: int = 0


def _plan(fleet: Fleet, size: int) -> _Plan:
    """The last day ends with `size` devices."""
    chance = random.Random(f"{fleet.app} {fleet.environment} {fleet.provider}")  # noqa: S311
    come = [round(size * chance.uniform(0.0052, 0.0078)) for _ in range(DAYS)]
    go = [round(size * chance.uniform(0.0018, 0.0034)) for _ in range(DAYS)]
    return _Plan(fleet, size - sum(come) + sum(go), come, go, chance)


async def _day(story: Teller, plan: _Plan, day: int) -> None:
    where = Scope(ORGANISATION, plan.fleet.app, plan.fleet.environment)
    count = plan.first if day == DAYS else plan.come[day]
    async for _ in story.api.devices.import_devices(where, _pieces(story.clock.ms, plan, count, first=day == DAYS)):
        pass
    if day < DAYS and plan.go[day]:
        await _bury(story, plan, where, plan.go[day])


async def _bury(story: Teller, plan: _Plan, where: Scope, count: int) -> None:
    """The provider's word on the oldest ones, of a push of that day."""
    found = await story.api.devices.audiences(where)
    audience = next(one for one in found if one.provider == plan.fleet.provider)
    numbers, reason = range(plan.buried, plan.buried + count), DEAD[plan.fleet.provider]
    rows = await story.api.devices.page(audience.id, plan.buried, plan.buried + count)
    dead = [
        DeadToken(seq, token, story.clock.ms, reason, "0" * 20)
        for seq, token in zip(rows.seqs, rows.tokens, strict=True)
    ]
    await story.api.devices.bury(audience.id, dead, story.clock.ms)
    plan.buried += len(numbers)


async def _testers(story: Teller) -> None:
    for name, provider, user in TESTERS:
        build = {"app_version": "5.3.1", "build": "531"}
        body = {"provider": provider, "token": _token(name, provider), "user": user, **build, "test": True}
        await story.by("dana").put(f"/v1/apps/acme-shop/production/devices/{name}", body)


async def _tried(story: Teller) -> None:
    """A list from the service before, read without writing; three of its lines cannot be taken."""
    lines = [f"ios,{_token(f'tried-{n}', 'apns')},{n:08x}-0000-4000-8000-000000000000" for n in range(1, 1_205)]
    lines[117], lines[640], lines[641] = "ios,none,a-phone", "symbian,5eed,an-old-phone", "ios,5eed"
    content = "\n".join(["device_type,identifier,player_id", *lines, ""]).encode()
    asked = {"dry_run": "1", "columns": "guess"}
    path = "/v1/apps/acme-shop/production/devices/import"
    story.clock.ms = story.now - HOUR
    await story.by("omar").send("POST", path, chunked(_once(content)), b"text/csv", asked)
    story.clock.ms = story.now


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _pieces(now: int, plan: _Plan, count: int, *, first: bool) -> AsyncIterator[Sequence[Entry]]:
    """first: they registered in the year before."""
    for start in range(0, count, PIECE):
        size = min(PIECE, count - start)
        yield [_entry(now, plan, number, first=first) for number in range(plan.numbered, plan.numbered + size)]
        plan.numbered += size


def _entry(now: int, plan: _Plan, number: int, *, first: bool) -> Entry:
    fleet, chance = plan.fleet, plan.chance
    version, build, _ = chance.choices(VERSIONS, [weight for *_, weight in VERSIONS])[0]
    name = f"{chance.getrandbits(128):032x}"
    return checked(
        Entry(
            installation_id=f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}",
            provider=fleet.provider,
            token=_token(name, fleet.provider),
            user=str(10_000 + number % 60_000),
            app_version=version,
            build=build,
            tags=chance.choice(TAGS),
            registered_at=now - chance.randrange(300 * DAY if first else DAY),
        )
    )


def _token(name: str, provider: str) -> str:
    """As long as the provider's, of nothing but the name."""
    drawn = hashlib.sha512(name.encode()).hexdigest()
    return drawn[:64] if provider == "apns" else f"{drawn[:22]}:APA91b{drawn}{drawn[22:28]}"
