"""Backups of the stores and the keys, taken while everything runs, each database consistent in itself."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from pushwarden import __version__
from pushwarden.adapters.vault.keys import PAIRS
from pushwarden.ports.stores import CannotCopy
from pushwarden.settings import Settings
from pushwarden.wiring.stores import keeping_of

MANIFEST = "backup.json"


class BackupError(Exception):
    """The backup cannot be taken or put back."""


def take(settings: Settings, folder: Path, *, with_keys: bool) -> dict[str, Any]:
    """Writes copies of the databases, the public keys and a manifest; what the manifest says."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keeping = keeping_of(settings)
    try:
        copies = keeping.dump(folder)
    except CannotCopy as error:
        raise BackupError(str(error)) from error
    public, private = [pair.public for pair in PAIRS], [pair.private for pair in PAIRS]
    for name in public + (private if with_keys else []):
        copies.append(Path(shutil.copy2(settings.keys / name, folder / name)))
    files = {copy.name: _digest(copy) for copy in copies}
    manifest = {"version": __version__, "store": keeping.name, "files": files, "with_keys": with_keys}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest | {"folder": str(folder)}


def put_back(settings: Settings, folder: Path) -> dict[str, Any]:
    """Into empty stores only; every file is compared with the manifest first."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{folder} has no readable {MANIFEST}; it is no backup.") from error
    damaged = [name for name, digest in manifest["files"].items() if _digest(folder / name) != digest]
    if damaged:
        raise BackupError(f"{', '.join(damaged)} differ from what was written; use another backup.")
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        keeping_of(settings).load(folder)
    except CannotCopy as error:
        raise BackupError(str(error)) from error
    for name in manifest["files"].keys() & {name for pair in PAIRS for name in (pair.public, pair.private)}:
        shutil.copy2(folder / name, settings.keys / name)
    return {"restored": sorted(manifest["files"]), "from": str(folder)}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
