"""The api's own parts in this process, at a time that is told, asked as whoever is said to have done it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pushwarden.adapters.health import CatalogHealths
from pushwarden.control import access
from pushwarden.control.console.inside import Api as Inside
from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.errors import PushwardenError
from pushwarden.core.health import Event
from pushwarden.core.principal import ROLES, Grant, Principal, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Tables
from pushwarden.settings import Settings
from pushwarden.web.access import DEFAULT_ORGANISATION
from pushwarden.wiring import prepare
from pushwarden.wiring.api import Api

ORGANISATION = DEFAULT_ORGANISATION
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CAST: dict[str, tuple[str, Role]] = {
    "dana": ("Dana K.", Role.ADMIN),
    "omar": ("Omar R.", Role.OPERATOR),
    "priya": ("Priya S.", Role.RESPONDER),
    "lee": ("Lee W.", Role.VIEWER),
}


class ToldClock:
    """Implements the Clock port; it stands still."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return time.monotonic()


Step = tuple[int, Callable[["Teller"], Awaitable[Any]]]
"""How long before the end something happens, in milliseconds, and what."""


def ago(*, days: float = 0, hours: float = 0, minutes: float = 0) -> int:
    return int(days * DAY + hours * HOUR + minutes * MINUTE)


class Teller:
    """now: the instant the story ends at, Unix milliseconds."""

    def __init__(self, api: Api, clock: ToldClock, now: int) -> None:
        self.api, self.clock, self.now = api, clock, now
        self._frame = api.frame()

    async def run(self, steps: Iterable[Step]) -> None:
        """In the order they happened."""
        for ago_ms, work in sorted(steps, key=lambda step: -step[0]):
            self.clock.ms = self.now - ago_ms
            await work(self)
        self.clock.ms = self.now

    def by(self, who: str) -> Inside:
        """The API as one of the cast asks it."""
        name, role = CAST[who]
        person = Principal(f"usr_{who}", name, ORGANISATION, (Grant(ROLES[role], Scope(ORGANISATION)),))
        return Inside(self._frame, person, ORGANISATION, f"fleet-{self.clock.ms}", "198.51.100.7")

    async def post(self, *, who: str, path: str, body: Mapping[str, Any]) -> Any:
        return await self.by(who).post(path, dict(body))

    async def change(self, *, who: str, path: str, **fields: Any) -> Any:
        """A PATCH upon the version that is there."""
        version = (await self.by(who).get(path)).version
        return await self.by(who).patch(path, {"version": version, **fields})

    async def refused(self, *, who: str, path: str, body: Mapping[str, Any]) -> None:
        """An attempt that may not succeed."""
        try:
            await self.by(who).post(path, dict(body))
        except PushwardenError:
            return
        raise AssertionError(f"{who} may do {path}")

    async def prove(self, base: str, credential: str, *checks: Check) -> None:
        """A sender's word on an uploaded credential, so that no real one asks the provider."""
        _, _, app, environment = base.strip("/").split("/")
        catalog, now = self.api.stores.catalog, self.clock.ms

        def work(tables: Tables) -> Credential:
            probe = tables.probes.last(ORGANISATION, credential)
            assert probe is not None
            tables.probes.put(
                replace(probe, claimed_by="sender-normal", claimed_at=now, done_at=now + 181, checks=checks)
            )
            found = tables.credentials.get(ORGANISATION, app, credential)
            assert found is not None and found.environment is Environment(environment)
            return found

        proven = await catalog.note(work)
        await CatalogHealths(catalog, "sender-normal").heard(proven, Event.PROVEN, now, checks=checks)


@asynccontextmanager
async def teller(settings: Settings, now_ms: int) -> AsyncIterator[Teller]:
    """A fresh installation below `settings.data`; closed at the end, ready to be served."""
    await prepare.main(settings, "")
    clock = ToldClock(now_ms)
    clock.ms = now_ms - ago(days=343)
    api = Api(settings, clock)
    await access.bootstrap(api.catalog, clock, settings.keys / "admin.key")
    await access.load(api.catalog, api.keys, api.roll)
    await api.ring.open()
    await api.adopt()
    try:
        yield Teller(api, clock, now_ms)
    finally:
        await api.close()
