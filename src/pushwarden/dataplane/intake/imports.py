"""A device file into the registry: read as it comes, written by the chunk, every bad line told by its number."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.device_rules import Entry, device_of
from pushwarden.core.errors import PushwardenError
from pushwarden.core.importing import Lines, Lister
from pushwarden.core.scope import Scope
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import Registry

CHUNK = 500
"""Rows of a transaction: a longer one would hold up registrations."""
ERRORS_SHOWN = 10_000


@dataclass(slots=True)
class Tally:
    """What became of the lines so far. `changes` counts by Registration.change."""

    changes: Counter[str] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    def refuse(self, lines: Lines) -> None:
        self.refused += len(lines.errors)
        room = ERRORS_SHOWN - len(self.errors)
        self.errors += [
            {"line": one.line, "code": one.code, "message": one.message} for one in lines.errors[: max(0, room)]
        ]

    def view(self, lines: int) -> dict[str, Any]:
        return {
            "lines": lines,
            "imported": self.changes.total(),
            "changes": dict(self.changes),
            "refused": self.refused,
            "errors": self.errors,
            "errors_omitted": self.refused - len(self.errors),
        }


class Importer:
    """One import. A store that fails ends it: what was taken stays, and the same file may be sent again."""

    def __init__(self, registry: Registry, where: Scope, clock: Clock) -> None:
        self._registry, self._where, self._clock = registry, where, clock
        self._tally = Tally()
        self._entries: list[Entry] = []

    async def run(self, parts: AsyncIterator[bytes], lister: Lister) -> dict[str, Any]:
        """The tally. A PushwardenError carries the tally so far in `extra`."""
        try:
            async for part in parts:
                await self._take(lister.feed(part), CHUNK)
            await self._take(lister.end(), 1)
        except PushwardenError as error:
            error.extra |= self._tally.view(lister.line)
            raise
        return self._tally.view(lister.line)

    async def _take(self, lines: Lines, least: int) -> None:
        self._tally.refuse(lines)
        self._entries += lines.entries
        while len(self._entries) >= least:
            chunk, self._entries = self._entries[:CHUNK], self._entries[CHUNK:]
            devices = [device_of(entry) for entry in chunk]
            done = await self._registry.register(self._where, devices, self._clock.now_ms())
            self._tally.changes.update(one.change for one in done)
