"""What the console is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pushwarden.control.console.visit import Sessions
from pushwarden.core.app import Snapshot
from pushwarden.ports.clock import Clock
from pushwarden.web.frame import Frame

Pulse = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the console works with. frame: the API's. senders: name → version of the configuration it has loaded.

    simulated_only: nothing reaches a provider. pulse: changes whenever bands or strip do; None when the process ends.
    """

    frame: Frame
    sessions: Sessions
    snapshot: Callable[[], Snapshot]
    senders: Callable[[], Mapping[str, int]]
    clock: Clock
    version: str
    simulated_only: bool = False
    pulse: Callable[[], Pulse | None] = lambda: ()
