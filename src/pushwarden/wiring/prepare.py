"""What must stand before any role starts: the data directory, the databases, the vault's keys, the fence file."""

from __future__ import annotations

import structlog

from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.adapters.vault.keys import make_keys
from pushwarden.settings import Settings


async def main(settings: Settings, _: str) -> None:
    """Runs to its end; safe to run again."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {"control": settings.control_db, "devices": settings.devices_db, "journal": settings.journal_db}
    for line in migrate(files):
        structlog.get_logger("prepare").info("migrated", step=line)
    make_keys(settings.keys)
    FenceFile(settings.fence_file)
