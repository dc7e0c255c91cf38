"""What must stand before any role starts: databases, the vault's keys, a fence file that knows every open stop."""

from __future__ import annotations

import os

import structlog

from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.vault.keys import make_keys
from pushwarden.ports.fence import Stop
from pushwarden.settings import Settings
from pushwarden.wiring.stores import keeping_of, stores_of

_log = structlog.get_logger("prepare")


async def main(settings: Settings, _: str) -> None:
    """Runs to its end; safe to run again."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.run.mkdir(mode=0o700, exist_ok=True)
    for line in keeping_of(settings).migrate():
        _log.info("migrated", step=line)
    make_keys(settings.keys, os.environ)
    if not settings.fence_file.exists():
        stops = await _open_stops(settings)
        FenceFile(settings.fence_file, stops).close()
        _log.info("fence made", stops=[str(stop.scope) for stop in stops])


async def _open_stops(settings: Settings) -> list[Stop]:
    """A sender that started on an empty fence would send what is stopped, so the file is born with the stops in it."""
    stores = stores_of(settings, "prepare")
    try:
        records = await stores.catalog.read(lambda tables: tables.stops.open())
    finally:
        await stores.close()
    scopes = {record.scope: record.stopped_at for record in records}
    return [Stop(scope, number, at) for number, (scope, at) in enumerate(scopes.items(), 1)]
