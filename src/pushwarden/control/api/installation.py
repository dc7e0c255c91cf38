"""/v1/system: senders, queue, providers, store, backups and retention of the installation; and a bundle for support."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import msgspec

from pushwarden.control.machine import Backup, Machine, Reached
from pushwarden.control.services import Services
from pushwarden.core.apikey import DAY_MS
from pushwarden.core.lane import Lane
from pushwarden.core.names import called
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.core.tally import HOURS_KEPT_MS, MINUTES_KEPT_MS
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

ZIP = b"application/zip"
KEPT = (
    ("Refusals of each push", "30 days"),
    ("Idempotency keys", "48 hours"),
    ("Counts by minute and quarter of an hour", f"{MINUTES_KEPT_MS // 3_600_000} hours"),
    ("Counts by hour", f"{HOURS_KEPT_MS // DAY_MS} days"),
    ("Replaced credentials; then their material is destroyed", "7 days"),
    ("Audit and versions of the configuration", "for good"),
)
"""What is kept for how long."""


class SenderView(msgspec.Struct):
    """version: of the configuration it has loaded, since when (Unix ms). troubles: of lanes the caller may see."""

    name: str
    version: int
    since: int
    in_flight: int
    connections: int
    lanes: int
    troubles: list[str]


class QueueView(msgspec.Struct):
    """Recipients that wait. state: ready, claimed (a sender has them) or held. oldest_ms: since when they are due."""

    app: str
    environment: str
    provider: str
    state: str
    recipients: int
    oldest_ms: int


class Kept(msgspec.Struct):
    what: str
    how_long: str


class Reachability(msgspec.Struct):
    """at: when they were asked, Unix ms."""

    at: int
    hosts: list[Reached]


class SystemView(msgspec.Struct):
    """configuration: the newest version, since when. network: as it was asked last since the start. That and machine
    are null for who may see an organisation only."""

    configuration: int
    since: int
    senders: list[SenderView]
    queue: list[QueueView]
    kept: list[Kept]
    machine: Machine | None
    backup: Backup | None
    network: Reachability | None


class Desk:
    def __init__(self, services: Services) -> None:
        self._services, self._here = services, services.installation
        self._network: Reachability | None = None

    async def get(self, call: Call) -> Answer:
        return Answer(await self._view(call))

    async def network(self, _: Call) -> Answer:
        """Asks every host that senders need, at once; five seconds at most."""
        return Answer(await self._reach())

    async def bundle(self, call: Call) -> Answer:
        """What somebody who helps from afar wants to see first. No secret, no token, no content of a push."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("system.json", msgspec.json.format(msgspec.json.encode(await self._view(call))))
            archive.writestr("metrics.txt", self._services.metrics())
            archive.writestr("network.json", msgspec.json.format(msgspec.json.encode(await self._reach())))
        name = b'attachment; filename="pushwarden-support.zip"'
        return Answer(held.getvalue(), headers=((b"content-disposition", name),), content_type=ZIP)

    async def _view(self, call: Call) -> SystemView:
        organisation, situation = call.where.organisation, self._services.situation()
        whole = call.principal.may(Permission.SYSTEM_READ, Scope())
        machine = await self._here.machine() if whole else None
        return SystemView(
            situation.version,
            situation.in_effect_since,
            [self._sender(name, organisation) for name in sorted(situation.senders)],
            [waiting(row) for row in self._here.backlog() if str(row["lane"]).startswith(f"{organisation}/")],
            [Kept(*pair) for pair in KEPT],
            machine,
            machine.backup if machine else None,
            self._network if whole else None,
        )

    async def _reach(self) -> Reachability:
        hosts = list(await self._here.reach())
        self._network = Reachability(self._services.clock.now_ms(), hosts)
        return self._network

    def _sender(self, name: str, organisation: str) -> SenderView:
        loaded = self._services.situation().senders[name]
        stats: Mapping[str, Any] = self._here.stats().get(name, {})
        return SenderView(
            name,
            loaded.version,
            loaded.since,
            stats.get("in_flight", 0),
            sum(stats.get("connections", {}).values()),
            len(stats.get("lanes", {})),
            [f"{_lane(lane)}: {words}" for lane, words in stats.get("troubles", {}).items()
             if lane.startswith(f"{organisation}/")],
        )  # fmt: skip


def waiting(row: Mapping[str, Any]) -> QueueView:
    lane = Lane.parse(row["lane"])
    oldest = row.get("oldest_due_ms") or 0
    return QueueView(lane.app, lane.environment, called(lane.provider), row["state"], row["recipients"], oldest)


def _lane(family: str) -> str:
    _, app, environment, provider, *slot = family.split("/")
    return f"{app}, {environment}, {called(provider)}" + (f" for {slot[0]}" if slot and slot[0] else "")


def routes(services: Services) -> tuple[Route, ...]:
    desk, may, whole = Desk(services), Permission.SYSTEM_READ, Within.INSTALLATION
    return (
        route("GET", "/v1/system", desk.get, permission=may, within=Within.HANDLER,
              summary="Senders, what waits, and the installation's state.", shape=Shape(None, SystemView)),
        route("GET", "/v1/system/network", desk.network, permission=may, within=whole,
              summary="Whether this server reaches every provider, now.", shape=Shape(None, Reachability)),
        route("GET", "/v1/system/bundle", desk.bundle, permission=may, within=whole,
              summary="A ZIP file for support, without secrets."),
    )  # fmt: skip
