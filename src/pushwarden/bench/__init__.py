"""Benchmarks: each brings up a whole Pushwarden on loopback and gives figures; the contract's names and JSON object."""

from __future__ import annotations

import contextlib
import importlib
import os
from dataclasses import replace
from typing import Any

from pushwarden.bench.house import House, open_house
from pushwarden.bench.report import NotMeasured, Wanted, report

__all__ = ["NAMES", "NotMeasured", "Wanted", "play", "run"]

MODULES = {
    "fanout": "fanout",
    "mixed": "mixed",
    "stop": "stop",
    "ingest": "ingest",
    "singles": "singles",
    "import": "importing",
    "scale": "scale",
    "pages": "pages",
    "peers": "peers",
}
NAMES = tuple(MODULES)
PROVIDERS = {"fanout": ("apns", "fcm")}
"""Where a benchmark knows more than apns."""
FILES = ("import", "pages")
"""These measure SQLite's files."""
COMPARED = ("fanout",)
"""Over another store these do the same work over SQLite too, trial by trial, and give the ratio."""


def run(name: str, wanted: Wanted) -> dict[str, Any]:
    """Measures; progress goes to standard error. KeyError: no such benchmark. NotMeasured says what is missing."""
    known = PROVIDERS.get(name, ("apns",))
    if wanted.provider not in known:
        raise NotMeasured(f"Only {' and '.join(known)} is measured by {name}, not {wanted.provider}.")
    if name in FILES and wanted.store != "sqlite":
        raise NotMeasured(f"Only sqlite is measured by {name}, not {wanted.store}.")
    log_mode = getattr(_module(name), "LOG", "counting")
    with contextlib.ExitStack() as houses:
        house = houses.enter_context(open_house(wanted, log_mode))
        if name in COMPARED and wanted.store != "sqlite":
            house.beside = houses.enter_context(open_house(replace(wanted, store="sqlite"), log_mode))
        return play(name, house, wanted)


def play(name: str, house: House, wanted: Wanted) -> dict[str, Any]:
    """Measures on a house that stands, whose app has no devices yet."""
    load = os.getloadavg()[0]
    measured = _module(name).play(house, wanted)
    measured.notes.append(f"The machine's load average was {load:.1f} before and {os.getloadavg()[0]:.1f} after.")
    return report(name, measured)


def _module(name: str) -> Any:
    return importlib.import_module(f"pushwarden.bench.{MODULES[name]}")
