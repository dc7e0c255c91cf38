"""Opening and reading holds through any catalog: the sender's side of them."""

from __future__ import annotations

from pushwarden.core.audit import AuditEntry
from pushwarden.core.hold import Hold
from pushwarden.core.lane import Lane
from pushwarden.ports.catalog import Catalog, Changed, Tables


class CatalogHolds:
    """`Holds` over a `Catalog`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def open(self, hold: Hold) -> Hold:
        organisation = Lane.parse(hold.lane).organisation
        open_now = await self._catalog.read(lambda tables: tables.holds.all(organisation, open_only=True))
        for known in open_now:
            if known.lane == hold.lane:
                return known

        def work(tables: Tables) -> Changed[Hold]:
            tables.holds.put(hold)
            return Changed(hold, after={"lane": hold.lane, "reason": hold.reason, "counts": hold.counts})

        entry = AuditEntry(hold.opened_at, hold.opened_by, "hold.open", Lane.parse(hold.lane).scope, hold.id)
        return await self._catalog.change(entry, work)

    async def held(self) -> list[Hold]:
        return await self._catalog.read(lambda tables: tables.holds.all(open_only=True, brief=True))

    async def released(self, since_ms: int) -> list[Hold]:
        kept = await self._catalog.read(lambda tables: tables.holds.all(brief=True))
        return [hold for hold in kept if hold.released_at is not None and hold.released_at >= since_ms]

    async def whole(self, hold: Hold) -> Hold:
        return await self._catalog.read(lambda tables: tables.holds.get(hold.id)) or hold
