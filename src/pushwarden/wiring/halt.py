"""A stop without the api process: the same fence, ring and diary, in the process that asks."""

from __future__ import annotations

import asyncio
import getpass

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.processes import LocalProcesses
from pushwarden.adapters.ring import Ring
from pushwarden.adapters.stop_diary import StopFolder
from pushwarden.control.brake import Brake
from pushwarden.core.app import Snapshot
from pushwarden.core.errors import NotFound
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Scope
from pushwarden.dataplane.lanes.pacing import MOST_GROWTH
from pushwarden.observe.logs import configure
from pushwarden.settings import Settings
from pushwarden.wiring.stores import stores_of

PATIENCE_SECONDS = 0.5


async def halt(settings: Settings, scope: Scope, reason: str) -> Receipt:
    """Stops the senders of this machine. The api finds the record when it is back, and writes the row and the audit.

    NotFound when the configuration can be read and has no such app; OSError when the fence file may not be written.
    """
    configure("error", "stop")
    await _known(settings, scope)
    fence, ring = FenceFile(settings.fence_file), Ring(settings.run, settings.stop_patience_ms / 1000)
    most = MOST_GROWTH * settings.unknown_window
    brake = Brake(fence, ring, LocalProcesses(), StopFolder(settings.data / "stops"), SystemClock(), most)
    try:
        return await brake.stop(scope, f"{getpass.getuser()} on this machine", reason)
    finally:
        await ring.close()
        brake.close()
        fence.close()


async def _known(settings: Settings, scope: Scope) -> None:
    """A misspelt app is refused; a configuration that cannot be read, or not soon, refuses nothing."""
    if not scope.app:
        return
    reading = asyncio.ensure_future(_snapshot(settings))
    await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)
    if not reading.done() or reading.exception():
        reading.cancel()
        return
    snapshot = reading.result()
    if snapshot is not None and snapshot.app(scope.organisation, scope.app) is None:
        raise NotFound(f"There is no app `{scope.app}` in {scope.organisation}.")


async def _snapshot(settings: Settings) -> Snapshot | None:
    stores = stores_of(settings, "stop")
    try:
        return await stores.snapshots.load_if_newer(0)
    finally:
        await stores.close()
