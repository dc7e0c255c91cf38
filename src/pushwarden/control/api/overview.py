"""/v1/credentials: how all of an organisation stand, the most urgent first, and a calendar of when they end."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from pushwarden.control.api.credential_views import CredentialView, stood
from pushwarden.control.calendar import calendar
from pushwarden.control.services import Services
from pushwarden.control.standings import Stand, stands
from pushwarden.core.errors import Invalid
from pushwarden.core.health import DAY_MS, Health, ends_at
from pushwarden.core.principal import Permission
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

MOST_DAYS = 10_000
_DAYS = re.compile(r"([0-9]{1,5})d?")


class Entry(msgspec.Struct):
    """not_after: Unix milliseconds, 0 for a key without an end. devices: how many nothing would reach without it."""

    app: str
    environment: str
    credential: CredentialView
    not_after: int
    devices: int


class Overview(msgspec.Struct):
    credentials: list[Entry]


class Desk:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def overview(self, call: Call) -> Answer:
        """Those the key's scope covers; retired ones only when they are asked for."""
        asked = call.query("expiring_within", "health")
        wanted, within, now_ms = healths_of(asked.get("health")), _within(asked), self._services.clock.now_ms()
        found = [
            one for one in await self._stands(call, now_ms) if one.standing.health in wanted and within(one, now_ms)
        ]
        if "health" not in asked:
            found = [one for one in found if one.standing.health is not Health.RETIRED]
        found.sort(key=lambda one: one.urgency)
        return Answer(Overview([await self._entry(one, now_ms) for one in found]))

    async def calendar(self, call: Call) -> Answer:
        now_ms = self._services.clock.now_ms()
        ending = [one for one in await self._stands(call, now_ms) if one.in_use and ends_at(one.credential)]
        ending.sort(key=lambda one: (ends_at(one.credential), one.credential.id))
        devices = [one.devices(await self._services.audiences(one.where)) for one in ending]
        text = calendar(list(zip(ending, devices, strict=True)))
        return Answer(text.encode(), content_type=b"text/calendar; charset=utf-8")

    async def _stands(self, call: Call, now_ms: int) -> list[Stand]:
        found = await self._services.catalog.read(lambda tables: stands(tables, now_ms, call.where.organisation))
        return [one for one in found if call.principal.may(Permission.CREDENTIAL_EXPIRY, one.where)]

    async def _entry(self, one: Stand, now_ms: int) -> Entry:
        devices = one.devices(await self._services.audiences(one.where))
        return Entry(one.app.id, one.where.environment or "", stood(one, now_ms), ends_at(one.credential), devices)


def healths_of(text: str | None) -> frozenset[Health]:
    """States between commas; all of them when none is named."""
    named = [part.strip() for part in (text or "").split(",")] if text is not None else list(Health)
    unknown = [part for part in named if part not in Health.__members__.values()]
    if unknown:
        known = ", ".join(one for one in Health if one not in (Health.NONE, Health.REQUESTED))
        raise Invalid(f"There is no state `{unknown[0]}`; there are {known}.", field="health")
    return frozenset(Health(part) for part in named)


def _within(asked: dict[str, str]) -> Callable[[Stand, int], bool]:
    """Whether a credential ends within the days asked for, or has ended."""
    text = asked.get("expiring_within")
    if text is None:
        return lambda one, now_ms: True
    days = _DAYS.fullmatch(text)
    if days is None or int(days[1]) > MOST_DAYS:
        raise Invalid(f"`expiring_within` is days up to {MOST_DAYS}, like 60d.", field="expiring_within")
    span = int(days[1]) * DAY_MS
    return lambda one, now_ms: 0 < ends_at(one.credential) <= now_ms + span


def routes(services: Services) -> tuple[Route, ...]:
    desk = Desk(services)
    return (
        route("GET", "/v1/credentials", desk.overview, permission=Permission.CREDENTIAL_READ, within=Within.HANDLER,
              summary="How credentials stand, the most urgent first.",
              shape=Shape(None, Overview, query=("expiring_within", "health"))),
        route("GET", "/v1/credentials/expiry.ics", desk.calendar, permission=Permission.CREDENTIAL_EXPIRY,
              within=Within.HANDLER, summary="When credentials end, as a calendar.", shape=Shape(query=("key",)),
              keyed=True),
    )  # fmt: skip
