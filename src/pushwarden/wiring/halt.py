"""A stop without the api process: the same fence, ring and diary, in the process that asks."""

from __future__ import annotations

import contextlib
import getpass

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.processes import LocalProcesses
from pushwarden.adapters.ring import Ring
from pushwarden.adapters.sqlite.snapshot import SnapshotReader
from pushwarden.adapters.stop_diary import StopFolder
from pushwarden.control.brake import Brake
from pushwarden.core.errors import Busy, NotFound
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Scope
from pushwarden.dataplane.lanes.pacing import MOST_GROWTH
from pushwarden.observe.logs import configure
from pushwarden.settings import Settings


async def halt(settings: Settings, scope: Scope, reason: str) -> Receipt:
    """Stops the senders of this machine. The api finds the record when it is back, and writes the row and the audit.

    NotFound when the configuration can be read and has no such app; OSError when the fence file may not be written.
    """
    configure("error", "stop")
    _known(settings, scope)
    fence, ring = FenceFile(settings.fence_file), Ring(settings.run)
    most = MOST_GROWTH * settings.unknown_window
    brake = Brake(fence, ring, LocalProcesses(), StopFolder(settings.data / "stops"), SystemClock(), most)
    try:
        return await brake.stop(scope, f"{getpass.getuser()} on this machine", reason)
    finally:
        await ring.close()
        brake.close()
        fence.close()


def _known(settings: Settings, scope: Scope) -> None:
    """A misspelt app is refused; a configuration that cannot be read refuses nothing."""
    if not scope.app or not settings.control_db.exists():
        return
    reader = SnapshotReader(settings.control_db)
    with contextlib.closing(reader), contextlib.suppress(Busy):
        snapshot = reader.load_if_newer(0)
        if snapshot is not None and snapshot.app(scope.organisation, scope.app) is None:
            raise NotFound(f"There is no app `{scope.app}` in {scope.organisation}.")
