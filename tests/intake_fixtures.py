"""Intake as a client meets it: the frame over real stores, with keys for the cast and devices to send to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.memory.journal import MemoryJournal
from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.apikey import ApiKey, compose, digest, parse
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.device import Device
from pushwarden.core.device_rules import Entry, entry_of
from pushwarden.core.principal import KeyKind
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.intake.accept import GroupCommit
from pushwarden.dataplane.intake.authorize import Stops
from pushwarden.dataplane.intake.census_routes import CensusRoutes
from pushwarden.dataplane.intake.device_routes import DeviceRoutes
from pushwarden.dataplane.intake.directory_routes import DirectoryRoutes
from pushwarden.dataplane.intake.import_book import ImportBook
from pushwarden.dataplane.intake.invalidation_routes import InvalidationRoutes
from pushwarden.dataplane.intake.push import Intake, Sources
from pushwarden.dataplane.intake.recipients import Recipients
from pushwarden.dataplane.intake.record_routes import RecordRoutes
from pushwarden.dataplane.intake.retry_routes import RetryRoutes
from pushwarden.dataplane.intake.routes import PushRoutes
from pushwarden.dataplane.intake.signal_routes import SignalRoutes
from pushwarden.dataplane.intake.why_routes import WhyRoutes
from pushwarden.providers.apns import APNS
from pushwarden.providers.fcm import FCM
from pushwarden.web.access import KeyRing
from pushwarden.web.frame import Frame

WHERE = Scope("acme", "shop", Environment.SIMULATED)
BASE = "/v1/apps/shop/simulated"
KINDS = ("memory", "sqlite")
CAST = {
    "alice": (KeyKind.ADMIN, Scope("acme")),
    "bob": (KeyKind.READ, Scope("acme")),
    "carol": (KeyKind.ADMIN, Scope("rival")),
    "robot": (KeyKind.SEND, Scope("acme", "shop", Environment.SIMULATED)),
    "phone": (KeyKind.DEVICE, Scope("acme", "shop", Environment.SIMULATED)),
    "brake": (KeyKind.STOP, Scope("acme")),
}


class HeldClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.ms = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


@dataclass(slots=True)
class Bell:
    rung: list[set[str]] = field(default_factory=list)

    def doorbell(self, classes: Iterable[str]) -> None:
        self.rung.append(set(classes))


def key_of(name: str) -> tuple[ApiKey, str]:
    """A key's row and its text; the same for the same name."""
    kind, scope = CAST[name]
    text = compose(name.ljust(12, "0"), name.encode().ljust(32, b"."))
    found = parse(text)
    assert found is not None
    row = ApiKey(found[0], name, kind, scope, digest(found[1]), 0, 2**53)
    return row, text


def shop(**changes: Any) -> App:
    return replace(App("acme", "shop", "Shop", bundle_id="org.example.shop"), **changes)


def snapshot(*apps: App, credential: bool = True) -> Snapshot:
    kept = Credential(
        "acme", "shop", Environment.SIMULATED, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.ACTIVE, "f",
        {"key_id": "KEY1234567", "team_id": "TEAM123456"},
    )  # fmt: skip
    return Snapshot.of(1, apps, [kept] if credential else [])


class House:
    """Everything of one running intake; `client(name)` speaks as one of the cast."""

    def __init__(self, folder: Path, journal: Any, devices: Any) -> None:
        self.clock, self.bell = HeldClock(), Bell()
        self.journal, self.devices = journal, devices
        self.fence = FenceFile(folder / "fence")
        self.snapshot = snapshot(shop())
        self.refused: list[AuditEntry] = []
        known = {"apns": APNS, "fcm": FCM}
        sources = Sources(lambda: self.snapshot, Stops(self.fence), Recipients(devices), known, self.clock)
        self.intake = Intake(sources, GroupCommit(journal), self.bell)
        ring = KeyRing(self.clock)
        ring.replace([key_of(name)[0] for name in CAST], ["acme", "rival"])
        pushes = PushRoutes(self.intake, journal, devices, self.cancel)
        records = RecordRoutes(journal, devices, lambda: self.snapshot, self.clock)
        self.book = ImportBook(devices, self.clock)
        handsets = DeviceRoutes(devices, devices, lambda: self.snapshot, self.clock, self.book)
        seen = DirectoryRoutes(devices, devices, lambda: self.snapshot, self.clock)
        counted = CensusRoutes(devices, lambda: self.snapshot, self.clock)
        dead = InvalidationRoutes(devices, lambda: self.snapshot, self.clock)
        signals = SignalRoutes(journal, devices, self.clock).routes() + RetryRoutes(self.intake, journal).routes()
        signals += WhyRoutes(journal, devices, lambda: self.snapshot, self.clock).routes()
        looked = signals + records.routes() + seen.routes() + counted.routes()
        self.routes = pushes.routes() + handsets.routes() + looked + dead.routes()
        self.app = Frame(self.routes, ring, self.clock, self.record)

    async def record(self, entry: AuditEntry) -> None:
        self.refused.append(entry)

    async def cancel(self, scope: Scope, actor: str) -> Receipt:
        stop = self.fence.stop(scope, self.clock.ms)
        await self.journal.discard(scope, self.clock.ms)
        return Receipt("r1", scope, stop.sequence, self.clock.ms, 1.0, (), actor=actor)

    def client(self, name: str = "robot") -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {key_of(name)[1]}"} if name else {}
        transport = httpx2.ASGITransport(app=self.app)
        return httpx2.AsyncClient(transport=transport, base_url="http://pushwarden", headers=headers)

    async def post(self, body: Any, *, path: str = "/pushes", name: str = "robot", **headers: str) -> httpx2.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        async with self.client(name) as client:
            if isinstance(body, bytes):
                return await client.post(BASE + path, content=body, headers=named)
            return await client.post(BASE + path, json=body, headers=named)

    async def get(self, path: str, *, name: str = "robot") -> httpx2.Response:
        async with self.client(name) as client:
            return await client.get(BASE + path)

    async def delete(self, path: str, *, name: str = "robot") -> httpx2.Response:
        async with self.client(name) as client:
            return await client.delete(BASE + path)

    async def register(self, devices: Sequence[Device]) -> None:
        await self.devices.register(WHERE, devices, self.clock.ms)

    async def fill(self, count: int) -> None:
        """`phones(count)` by an import."""

        async def chunks() -> AsyncIterator[list[Entry]]:
            yield [entry_of(replace(phone, registered_at=self.clock.ms)) for phone in phones(count)]

        async for _ in self.devices.import_devices(WHERE, chunks()):
            pass


def phones(count: int, **fields: Any) -> list[Device]:
    """Devices d0 … of users u0 …, with 64-digit tokens."""
    return [
        Device(
            f"d{n}",
            "apns",
            f"{n:064x}",
            **({"user": f"u{n}", "app_version": "5.3", "build": "512", "tags": ("beta",)} | fields),
        )
        for n in range(count)
    ]


def android(house: House, *, apns: bool = True) -> None:
    """The app of the house sends through Google, too, or alone."""
    google = Credential(
        "acme", "shop", Environment.SIMULATED, "c2", "fcm", CredentialKind.FCM_SERVICE_ACCOUNT, CredentialState.ACTIVE,
        "g", {"project_id": "acme-shop-1"},
    )  # fmt: skip
    kept = house.snapshot.active if apns else ()
    app = replace(shop(), bundle_id="org.example.shop" if apns else "")
    house.snapshot = Snapshot.of(2, [app], [*kept, google])


@contextlib.asynccontextmanager
async def opened(kind: str, folder: Path, count: int = 0) -> AsyncIterator[House]:
    """A house over stores of one kind with `count` devices in it; the same folder again is a restart."""
    if kind == "sqlite":
        migrate({name: folder / f"{name}.db" for name in ("journal", "devices")})
        house = House(folder, SqliteJournal(folder / "journal.db"), SqliteDevices(folder / "devices.db"))
    else:
        house = House(folder, MemoryJournal(), MemoryDevices())
    if count:
        await house.fill(count)
    try:
        yield house
    finally:
        house.fence.close()
        for store in (house.journal, house.devices):
            getattr(store, "close", lambda: None)()
