"""Backups of the three databases, taken while everything runs, each consistent in itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from pushwarden import __version__
from pushwarden.adapters.sqlite.engine import open_database
from pushwarden.adapters.vault.keys import PRIVATE, PUBLIC
from pushwarden.settings import Settings

MANIFEST = "backup.json"


class BackupError(Exception):
    """The backup cannot be taken or put back."""


def take(settings: Settings, folder: Path, *, with_keys: bool) -> dict[str, Any]:
    """Writes control.db, devices.db, journal.db, the public key and a manifest; what the manifest says."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {}
    for path in (settings.control_db, settings.devices_db, settings.journal_db):
        if not path.exists():
            raise BackupError(f"{path} does not exist; is PUSHWARDEN_DATA right?")
        target = folder / path.name
        with contextlib.closing(open_database(path)) as source:
            source.execute("VACUUM INTO ?", (str(target),))
        target.chmod(0o600)
        files[path.name] = _digest(target)
    for name in (PUBLIC, *((PRIVATE,) if with_keys else ())):
        shutil.copy2(settings.keys / name, folder / name)
        files[name] = _digest(folder / name)
    manifest = {"version": __version__, "files": files, "with_keys": with_keys}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest | {"folder": str(folder)}


def put_back(settings: Settings, folder: Path) -> dict[str, Any]:
    """Into an empty data folder only; every file is compared with the manifest first."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{folder} has no readable {MANIFEST}; it is no backup.") from error
    if settings.control_db.exists() or settings.journal_db.exists():
        raise BackupError(f"{settings.data} holds databases already; move them away first.")
    damaged = [name for name, digest in manifest["files"].items() if _digest(folder / name) != digest]
    if damaged:
        raise BackupError(f"{', '.join(damaged)} differ from what was written; use another backup.")
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in manifest["files"]:
        target = (settings.keys if name in (PUBLIC, PRIVATE) else settings.data) / name
        shutil.copy2(folder / name, target)
    return {"restored": sorted(manifest["files"]), "from": str(folder)}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
