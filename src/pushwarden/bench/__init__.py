"""Benchmarks: each brings up a whole Pushwarden on loopback and gives figures; the contract's names and JSON object."""

from __future__ import annotations

import importlib
from typing import Any

from pushwarden.bench.report import NotMeasured, Wanted, report

__all__ = ["NAMES", "NotMeasured", "Wanted", "run"]

MODULES = {
    "fanout": "fanout",
    "mixed": "mixed",
    "stop": "stop",
    "ingest": "ingest",
    "import": "importing",
    "scale": "scale",
}
NAMES = tuple(MODULES)


def run(name: str, wanted: Wanted) -> dict[str, Any]:
    """Measures; progress goes to standard error. KeyError: no such benchmark. NotMeasured says what is missing."""
    if wanted.provider != "apns" or wanted.store != "sqlite":
        raise NotMeasured(f"Only apns over sqlite is measured, not {wanted.provider} over {wanted.store}.")
    module = importlib.import_module(f"pushwarden.bench.{MODULES[name]}")
    return report(name, module.measure(wanted))
