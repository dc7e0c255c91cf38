"""What all connections of one simulator share: phones, script, counters, clock."""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pushwarden.simulators.faults import Script
from pushwarden.simulators.log import Log

from .inbox import Inbox
from .ledger import Ledger, Mode

if TYPE_CHECKING:
    from .connection import Connection


class Service(ABC):
    """One simulator of one provider."""

    def __init__(self, log_path: Path | None, mode: Mode, script: Script) -> None:
        self.ledger = Ledger(Log(log_path), mode, self.fold)
        self.inboxes: dict[bytes, Inbox] = {}
        self.connections: dict[int, Connection[Any, Any]] = {}
        self.opened = itertools.count(1)
        self.handshakes = 0
        self.ahead_s = 0.0
        self.set_script(script)

    @abstractmethod
    def fold(self, token: bytes) -> bytes:
        """The one spelling of a device token."""

    @abstractmethod
    def take_tokens(self, body: bytes) -> int:
        """JSON for the token table, added to what is there; how many rows it has. msgspec.DecodeError."""

    def wall(self) -> float:
        """Epoch seconds, moved ahead by the control door's /clock."""
        return time.time() + self.ahead_s

    def now(self) -> float:
        """Monotonic seconds on which the script's times run."""
        return time.monotonic()

    def set_script(self, script: Script) -> None:
        """Replaces the script on every connection; its times count from now."""
        self.script, self.loaded = script, self.now()
        for connection in list(self.connections.values()):
            connection.follow(script)

    def advance(self, seconds: float) -> float:
        """Moves the wall clock ahead; what it says then."""
        self.ahead_s += seconds
        for connection in list(self.connections.values()):
            connection.clock_moved()
        return self.wall()

    def counts(self) -> dict[str, object]:
        """What was answered so far, for the control door."""
        rows = [
            {"topic": topic, "push_type": push_type, "status": status, "count": count}
            for (topic, push_type, status), count in sorted(self.ledger.counts.items())
        ]
        return {
            "requests": sum(self.ledger.counts.values()),
            "counts": rows,
            "reasons": dict(self.ledger.reasons),
            "connections": len(self.connections),
            "handshakes": self.handshakes,
            "monotonic_ns": time.monotonic_ns(),
        }
