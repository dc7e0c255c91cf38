"""Both device stores, and short ways to say a device."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import postgres_server
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.postgres.devices import PostgresDevices
from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.device import Device
from pushwarden.core.device_rules import Entry, checked
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.devices import Imported

SHOP = Scope("acme", "shop", Environment.PRODUCTION)
CAROLS = Scope("beta", "shop", Environment.PRODUCTION)
T0 = 1_800_000_000_000
HOUR = 3_600_000

Store = MemoryDevices | PostgresDevices | SqliteDevices


@pytest.fixture(params=["memory", "postgres", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryDevices()
        return
    if request.param == "postgres":
        on_postgres = made_postgres()
        yield on_postgres
        asyncio.run(on_postgres.close())
        return
    devices = made_sqlite(tmp_path)
    yield devices
    devices.close()


def made_postgres() -> PostgresDevices:
    return PostgresDevices(postgres_server.fresh_database(), "test")


def made_sqlite(folder: Path) -> SqliteDevices:
    migrate({"devices": folder / "devices.db"})
    return SqliteDevices(folder / "devices.db")


def device(installation: str, token: str = "", **fields: Any) -> Device:
    """An APNs device; the token follows from the name unless it is given."""
    return Device(installation, "apns", token or hexed(installation), **fields)


def hexed(name: str) -> str:
    return name.encode().hex().ljust(64, "0")


def uuid_of(number: int) -> str:
    digits = f"{random.Random(number).getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def entry(installation: str, token: str = "", **fields: Any) -> Entry:
    return checked(Entry(installation, token=token or hexed(installation), **fields))


async def imported(store: Store, where: Scope, *chunks: Sequence[Entry]) -> Imported:
    """The last total."""

    async def pieces() -> AsyncIterator[Sequence[Entry]]:
        for chunk in chunks:
            yield chunk

    totals = [total async for total in store.import_devices(where, pieces())]
    return totals[-1] if totals else Imported()


async def everything(store: Store, where: Scope) -> list[Device]:
    return [row async for page in store.export(where) for row in page]


async def the_audience(store: Store, where: Scope = SHOP) -> int:
    (audience,) = await store.audiences(where)
    return audience.id


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def names(devices: Iterable[Device]) -> list[str]:
    return [device.installation_id for device in devices]
