"""The route that says why a device did or did not get a push, or what became of the last ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pushwarden.core.app import Snapshot
from pushwarden.core.device import Device
from pushwarden.core.device_search import DeviceQuery
from pushwarden.core.errors import NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.directory_routes import device_view, known
from pushwarden.dataplane.intake.search import push_id
from pushwarden.dataplane.intake.why import Known, told
from pushwarden.ports.clock import Clock
from pushwarden.ports.journal import Progress
from pushwarden.ports.records import PushQuery
from pushwarden.ports.stores import DeviceStore, JournalStore
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

LAST = 20
"""Pushes looked at when none is named."""
FAILURES = 500
LEAST_TOKEN = 16
"""Characters of a token that name a device surely enough."""


@dataclass(frozen=True, slots=True)
class WhyRoutes:
    journal: JournalStore
    devices: DeviceStore
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            route("GET", "/v1/apps/{app}/{env}/devices/{installation_id}/why", self.why,
                  permission=Permission.PUSH_READ, shape=Shape(query=("push",)),
                  summary="Why a device (its installation or token) did or did not get a push, or the last ones"),
        ]  # fmt: skip

    async def why(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        asked = call.query("push").get("push", "")
        devices = await self._devices(call.where, call.params["installation_id"])
        pushes = await self._pushes(call.where, asked)
        audiences = {(one.provider, one.token_kind): one.id for one in await self.devices.audiences(call.where)}
        found = [
            (progress, [await self._known(call.where, progress, one, audiences) for one in _fitting(devices, progress)])
            for progress in pushes
        ]
        now_ms = self.clock.now_ms()
        stories = [told(one, now_ms) for _, several in found for one in several]
        return Answer({"devices": [device_view(one) for one in devices], "stories": stories})

    async def _devices(self, where: Scope, name: str) -> list[Device]:
        found = await self.devices.get(where, name)
        if not found and len(name) >= LEAST_TOKEN:
            found = (await self.devices.search(where, DeviceQuery(token=name), limit=2)).devices
        if not found:
            raise NotFound(
                "No device here has this installation id or token. It was removed, or never registered, or is in the "
                "other environment."
            )
        return found

    async def _pushes(self, where: Scope, asked: str) -> list[Progress]:
        if not asked:
            return (await self.journal.pushes(where, PushQuery(limit=LAST))).pushes
        progress = await self.journal.progress(where, push_id(asked)) if push_id(asked) else None
        if progress is None:
            raise NotFound("There is no such push here, or it is not yours.")
        return [progress]

    async def _known(
        self, where: Scope, progress: Progress, device: Device, audiences: dict[tuple[str, str], int]
    ) -> Known:
        audience = audiences[device.provider, device.token_kind]
        failures = await self.journal.failures_of(where, audience, device.seq, FAILURES)
        failure = next((one for one in failures if one.push == progress.push.id), None)
        reported: dict[Any, int] = await self.journal.reported(progress.push.id, audience, device.seq)
        return Known(progress, device, audience, failure, reported)


def _fitting(devices: list[Device], progress: Progress) -> list[Device]:
    """The tokens this push's type goes to; all of them when there is none, so that this can be said."""
    kind = progress.push.type.token_kind
    return [one for one in devices if one.token_kind.startswith(kind)] or devices[:1]
