"""The api's catalog: who changed the configuration finds it in effect in the very next request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.core.audit import AuditEntry
from pushwarden.ports.catalog import Changed, Tables

T = TypeVar("T")


class AnnouncingCatalog(SqliteCatalog):
    """`changed` is awaited after each change's commit, before the change is answered."""

    def __init__(self, path: Path, changed: Callable[[], Awaitable[None]]) -> None:
        super().__init__(path)
        self._changed = changed

    async def change(self, entry: AuditEntry, work: Callable[[Tables], Changed[T]]) -> T:
        result = await super().change(entry, work)
        await self._changed()
        return result
