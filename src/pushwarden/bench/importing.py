"""`import`: devices streamed as NDJSON into an empty app, the same again with another build, and bytes on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pushwarden.adapters.sqlite.checkpoint import checkpoint
from pushwarden.bench.house import House, pieces
from pushwarden.bench.procs import say
from pushwarden.bench.report import Measured, Wanted

DEVICES = 1_000_000
MEGABYTE = 1 << 20
PATIENCE = 30.0


def play(house: House, wanted: Wanted) -> Measured:
    """The file is made beforehand, so that the client only reads and sends."""
    devices = wanted.devices or DEVICES
    source = house.stage.folder / "devices.ndjson"
    _write(source, devices, newer=False)
    empty = _size(house.stage.data / "devices.db")
    created = _import(house, source)
    size = _size(house.stage.data / "devices.db")
    _write(source, devices, newer=True)
    updated = _import(house, source)
    figures = {
        "devices_per_s": devices / created,
        "upserts_per_s": devices / updated,
        "bytes_per_device": (size - empty) / devices,
        "devices": devices,
    }
    notes = [
        "Over HTTP through the running api, on the same machine as the client; upserts change each device's build.",
        "Bytes: growth of devices.db after a full checkpoint. 36-character id, 64-hex token, user, build, two tags.",
    ]
    return Measured(figures, 1, notes)


def _import(house: House, source: Path) -> float:
    began = time.monotonic()
    done = house.stage.import_devices(house.base, _read(source))
    seconds = time.monotonic() - began
    say(f"import: {seconds:.1f} s, {done}")
    return seconds


def _write(path: Path, devices: int, *, newer: bool) -> None:
    with path.open("wb") as file:
        for piece in pieces(0, devices):
            file.write(piece.replace(b'"build":"5', b'"build":"6') if newer else piece)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(MEGABYTE):
            yield piece


def _size(path: Path) -> int:
    """Of the database once everything in its log has been copied into it. TimeoutError when readers prevent that."""
    until = time.monotonic() + PATIENCE
    while not (done := checkpoint(path)).complete:
        if time.monotonic() > until:
            raise TimeoutError(f"The log of {path.name} could not be copied in {PATIENCE:g} s.")
        time.sleep(0.1)
    return done.database_bytes
