"""`import` without HTTP: devices/s from NDJSON into an empty app, a sample again with another build, bytes a device.

`pushwarden bench import` measures the same through the api; this one tells the CPU of the loop and of the rest apart.
"""

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

from pushwarden.adapters.sqlite.checkpoint import checkpoint
from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.device_rules import Entry
from pushwarden.core.importing import NdjsonLister
from pushwarden.core.scope import Environment, Scope

PIECE = 65_536
TARGETS = {"devices_per_s": 100_000, "upserts_per_s": 40_000, "bytes_per_device": 400}
# Ends with the benchmark, however that ends.
CHORE = """
import os, sys
from pathlib import Path
from time import sleep
from pushwarden.adapters.sqlite.checkpoint import checkpoint
parent = os.getppid()
while os.getppid() == parent:
    sleep(0.5)
    checkpoint(Path(sys.argv[1]))
"""


def lines(devices: Sequence[tuple[int, int]], build: int) -> Iterator[bytes]:
    """Pieces of NDJSON: 36-character installation id, 64-digit token, user, build, two tags."""
    piece = bytearray()
    for number, bits in devices:
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


async def imported(store: SqliteDevices, where: Scope, pieces: Sequence[bytes]) -> tuple[float, float, float]:
    """Devices/s, CPU µs a device of the whole process and of the event loop's thread; parsing included."""

    async def entries() -> AsyncIterator[list[Entry]]:
        lister = NdjsonLister()
        for piece in pieces:
            found = lister.feed(piece)
            assert not found.errors
            yield found.entries

    start, cpu, loop = time.perf_counter(), time.process_time(), time.thread_time()
    totals = [total async for total in store.import_devices(where, entries())]
    count = totals[-1].created + totals[-1].updated + totals[-1].unchanged
    each = 1e6 / count
    rate = count / (time.perf_counter() - start)
    return rate, (time.process_time() - cpu) * each, (time.thread_time() - loop) * each


async def measure(path: Path, devices: int, upserts: int) -> dict[str, float]:
    where = Scope("acme", "shop", Environment.PRODUCTION)
    store = SqliteDevices(path)
    draw = random.Random(3)
    known = [(number, draw.getrandbits(384)) for number in range(devices)]
    again = draw.sample(known, min(upserts, devices))
    figures = {}
    steps = (("devices", known, 512), ("upserts", again, 513), ("unchanged", again, 513))
    try:
        for name, chosen, build in steps:
            rate, cpu, loop = await imported(store, where, list(lines(chosen, build)))
            figures |= {f"{name}_per_s": rate, f"{name}_cpu_us": cpu, f"{name}_loop_us": loop}
        figures["page_us_per_row"] = await page_us(store, devices)
    finally:
        store.close()
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
        path = Path(folder) / "devices.db"
        migrate({"devices": path})
        chores = subprocess.Popen([sys.executable, "-c", CHORE, str(path)])
        try:
            figures = asyncio.run(measure(path, chosen.devices, chosen.upserts))
        finally:
            chores.terminate()
            chores.wait()
        checkpoint(path)
        figures["bytes_per_device"] = path.stat().st_size / chosen.devices
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
