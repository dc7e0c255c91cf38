"""The processes of one machine, by role, and the function each runs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable
from typing import cast

from pushwarden.settings import Settings

Main = Callable[[Settings, str], Awaitable[None]]
"""`async def main(settings, name)`: serves until SIGTERM, then finishes what it has and returns."""

ROLES = {
    "prepare": "pushwarden.wiring.prepare:main",
    "api": "pushwarden.wiring.api:main",
    "sender": "pushwarden.wiring.sender:main",
    "chores": "pushwarden.wiring.chores:main",
    "simulators": "pushwarden.wiring.simulators:main",
}
"""Kind → module:function. `sender-urgent`, `sender-normal`, `sender-bulk-0`, … are names of the kind `sender`."""

DRAIN_ORDER = {"api": 0.4, "sender": 0.9, "chores": 1.0, "simulators": 1.0}
"""Kind → by which part of the patience it must have ended. The door closes first, so that nothing comes in while
senders finish; one that hangs leaves the others their time."""


def kind(name: str) -> str:
    return name.partition("-")[0]


def names(settings: Settings) -> list[str]:
    """Everything `serve` starts."""
    bulk = settings.bulk_senders or max(1, len(os.sched_getaffinity(0)) - 1)
    senders = ["sender-urgent", "sender-normal", *(f"sender-bulk-{number}" for number in range(bulk))]
    return ["api", *senders, "chores", *(["simulators"] if settings.own_simulators else [])]


def main_of(name: str) -> Main:
    """KeyError when there is no such role."""
    module, _, function = ROLES[kind(name)].partition(":")
    return cast(Main, getattr(importlib.import_module(module), function))
