"""A device file into the registry: read as it comes, every bad line told by its number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.device_rules import Entry
from pushwarden.core.errors import PushwardenError
from pushwarden.core.importing import Lines, Lister
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import Imported, Registry

ERRORS_SHOWN = 10_000
"""Line errors an answer holds; what is beyond is counted."""


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    total: Imported = field(default_factory=Imported)
    errors: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    def refuse(self, lines: Lines) -> None:
        self.refused += len(lines.errors)
        room = max(0, ERRORS_SHOWN - len(self.errors))
        self.errors += [{"line": one.line, "code": one.code, "message": one.message} for one in lines.errors[:room]]

    def progress(self, lines: int) -> dict[str, Any]:
        """lines: how many were read; imported of them are written, refused ones never will be."""
        total = self.total
        return {
            "lines": lines,
            "imported": total.created + total.updated + total.unchanged,
            "created": total.created,
            "updated": total.updated,
            "unchanged": total.unchanged,
            "refused": self.refused,
        }

    def view(self, lines: int) -> dict[str, Any]:
        total = self.total
        return {
            "lines": lines,
            "imported": total.created + total.updated + total.unchanged,
            "created": total.created,
            "updated": total.updated,
            "unchanged": total.unchanged,
            "moved": total.moved,
            "refused": self.refused,
            "errors": self.errors,
            "errors_omitted": self.refused - len(self.errors),
        }


async def import_file(
    registry: Registry, where: Scope, parts: AsyncIterator[bytes], lister: Lister
) -> AsyncIterator[dict[str, Any]]:
    """How far it is after each piece, and last the whole tally, after everything is written.

    A store that fails ends the import: the PushwardenError carries the tally so far in `extra`; what was taken stays,
    and the same file may be sent again.
    """
    tally = Tally()
    try:
        async for total in registry.import_devices(where, _entries(parts, lister, tally)):
            tally.total = total
            yield tally.progress(lister.line)
    except PushwardenError as error:
        error.extra |= tally.view(lister.line)
        raise
    yield tally.view(lister.line)


async def try_file(parts: AsyncIterator[bytes], lister: Lister) -> AsyncIterator[dict[str, Any]]:
    """The same without writing anything: `good` lines would be taken."""
    tally, good = Tally(), 0
    async for entries in _entries(parts, lister, tally):
        good += len(entries)
        yield {"lines": lister.line, "good": good, "refused": tally.refused}
    yield tally.view(lister.line) | {"good": good}


async def _entries(parts: AsyncIterator[bytes], lister: Lister, tally: Tally) -> AsyncIterator[Sequence[Entry]]:
    async for part in parts:
        lines = lister.feed(part)
        tally.refuse(lines)
        yield lines.entries
    lines = lister.end()
    tally.refuse(lines)
    yield lines.entries
