"""`import`: devices/s from NDJSON into an empty app, the same devices again with another build, and bytes a device."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.device_rules import Entry
from pushwarden.core.importing import NdjsonLister
from pushwarden.core.scope import Environment, Scope

PIECE = 65_536
TARGETS = {"devices_per_s": 100_000, "upserts_per_s": 40_000, "bytes_per_device": 400}
CHORE = (
    "import sys; from pathlib import Path; from time import sleep\nfrom pushwarden.adapters.sqlite.checkpoint import \
checkpoint\nwhile True: sleep(0.5); checkpoint(Path(sys.argv[1]))"
)


def lines(order: Sequence[int], build: int, seed: int = 1) -> Iterator[bytes]:
    """Pieces of NDJSON: 36-character installation id, 64-digit token, user, build, two tags."""
    piece = bytearray()
    for number in order:
        bits = random.Random(number * 7919 + seed).getrandbits(384)
        digits = f"{bits:096x}"
        name = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        piece += (
            f'{{"installation_id":"{name}","provider":"apns","token":"{digits[32:]}","user":"user-{number}",'
            f'"build":"{build}","tags":["ios","beta"]}}\n'
        ).encode()
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


async def imported(store: SqliteDevices, where: Scope, pieces: Sequence[bytes]) -> float:
    """Devices/s, reading the bytes included."""

    async def entries() -> AsyncIterator[list[Entry]]:
        lister = NdjsonLister()
        for piece in pieces:
            found = lister.feed(piece)
            assert not found.errors
            yield found.entries

    start = time.perf_counter()
    totals = [total async for total in store.import_devices(where, entries())]
    total = totals[-1]
    return (total.created + total.updated + total.unchanged) / (time.perf_counter() - start)


async def measure(folder: Path, devices: int, upserts: int) -> dict[str, float]:
    path = folder / "devices.db"
    where = Scope("acme", "shop", Environment.PRODUCTION)
    migrate({"devices": path})
    chores = subprocess.Popen([sys.executable, "-c", CHORE, str(path)])
    store = SqliteDevices(path)
    try:
        figures = {"devices_per_s": await imported(store, where, list(lines(range(devices), 512)))}
        order = random.Random(3).sample(range(devices), min(upserts, devices))
        figures["upserts_per_s"] = await imported(store, where, list(lines(order, 513)))
        figures["unchanged_per_s"] = await imported(store, where, list(lines(order, 513)))
        figures["page_us_per_row"] = await page_us(store, devices)
    finally:
        chores.terminate()
        chores.wait()
        store.close()
    figures["bytes_per_device"] = path.stat().st_size / devices
    return figures


async def page_us(store: SqliteDevices, devices: int) -> float:
    rows, start = 0, time.perf_counter()
    for lo in range(0, devices, 2048):
        rows += len(await store.page(1, lo, lo + 2048))
    return (time.perf_counter() - start) / rows * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=1_000_000)
    options.add_argument("--upserts", type=int, default=200_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), chosen.devices, chosen.upserts))
    report = {
        "name": "import",
        "figures": {name: round(value, 2) for name, value in figures.items()},
        "targets": TARGETS,
        "trials": 1,
        "machine": {"cpu": platform.machine(), "python": platform.python_version()},
        "notes": "A second process checkpoints. Upserts are in random order and change the build.",
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
