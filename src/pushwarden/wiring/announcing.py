"""The api's catalog: who changed the configuration finds it in effect in the very next request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pushwarden.core.audit import AuditEntry
from pushwarden.ports.catalog import Catalog, Changed, Tables

T = TypeVar("T")


class AnnouncingCatalog:
    """`Catalog` over another one: `changed` is awaited after each change's commit, before the change is answered."""

    def __init__(self, catalog: Catalog, changed: Callable[[], Awaitable[None]]) -> None:
        self._catalog, self._changed = catalog, changed
        self.read, self.browse = catalog.read, catalog.browse
        self.record, self.version = catalog.record, catalog.version
        self.note, self.note_used = catalog.note, catalog.note_used

    async def change(self, entry: AuditEntry, work: Callable[[Tables], Changed[T]]) -> T:
        result = await self._catalog.change(entry, work)
        await self._changed()
        return result
