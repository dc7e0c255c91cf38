"""Claiming and finishing probes through any catalog: the sender's side of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pushwarden.core.check import Check
from pushwarden.core.probe import Probe
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.ports.probes import Task


class CatalogProbes:
    """`Probes` over a `Catalog`. Most looks find nothing, so looking writes nothing."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def claim(self, sender: str, now_ms: int, *, idle_ms: int = 0) -> Task | None:
        def waiting(tables: Tables) -> Probe | None:
            return next((one for one in tables.probes.open() if one.free(now_ms, idle_ms)), None)

        def work(tables: Tables) -> Task | None:
            probe = waiting(tables)
            return _taken(tables, replace(probe, claimed_by=sender, claimed_at=now_ms)) if probe else None

        if await self._catalog.read(waiting) is None:
            return None
        return await self._catalog.note(work)

    async def finish(self, probe: Probe, checks: Sequence[Check], now_ms: int) -> bool:
        def work(tables: Tables) -> bool:
            if tables.probes.get(probe.organisation, probe.id) != probe:
                return False
            tables.probes.put(replace(probe, done_at=now_ms, checks=tuple(checks)))
            return True

        return await self._catalog.note(work)


def _taken(tables: Tables, probe: Probe) -> Task | None:
    """None when what it was about is gone: then it is done, and found nothing."""
    credential = tables.credentials.get(probe.organisation, probe.app, probe.credential)
    app = tables.apps.get(probe.organisation, probe.app)
    gone = credential is None or app is None
    tables.probes.put(replace(probe, done_at=probe.claimed_at) if gone else probe)
    return None if credential is None or app is None else Task(probe, credential, app)
