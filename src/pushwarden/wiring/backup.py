"""Backups of the stores and the keys, taken while everything runs, each database consistent in itself."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from pushwarden import __version__
from pushwarden.adapters.vault.chest import FILE as CONSOLE_KEY
from pushwarden.adapters.vault.hpke import head_of, key_name
from pushwarden.adapters.vault.keys import PAIRS, public_key
from pushwarden.adapters.vault.signing import FILE as RECEIPTS_KEY
from pushwarden.adapters.vault.signing import PUBLIC as RECEIPTS_PUBLIC
from pushwarden.adapters.vault.turning import alone
from pushwarden.ports.stores import CannotCopy
from pushwarden.settings import Settings
from pushwarden.wiring.sealed import lots
from pushwarden.wiring.stores import keeping_of, stores_of

MANIFEST = "backup.json"
LAST = "last-backup.json"


class BackupError(Exception):
    """The backup cannot be taken or put back."""


def take(settings: Settings, folder: Path, *, with_keys: bool) -> dict[str, Any]:
    """Writes copies of the databases, the public keys and a manifest; what that says. Turning while a key changes."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.ExitStack() as still:
        for pair in PAIRS:
            still.enter_context(alone(settings.keys, pair))
        taken = _taken(settings, folder, with_keys=with_keys)
    noted = {"at": time.time_ns() // 1_000_000, "folder": str(folder.resolve()), "with_keys": with_keys}
    (settings.data / LAST).write_text(json.dumps(noted))
    return taken


def last(settings: Settings) -> dict[str, Any] | None:
    """When the last backup was taken from here (Unix ms), where to, and whether the keys are with it."""
    try:
        noted: dict[str, Any] = json.loads((settings.data / LAST).read_text())
    except (OSError, ValueError):
        return None
    return noted


def _taken(settings: Settings, folder: Path, *, with_keys: bool) -> dict[str, Any]:
    """While no key changes, so that copies and keys belong together."""
    keeping = keeping_of(settings)
    try:
        copies = keeping.dump(folder)
    except CannotCopy as error:
        raise BackupError(str(error)) from error
    keys = [settings.keys / pair.public for pair in PAIRS]
    keys += [pair.file(settings.keys) for pair in PAIRS if with_keys and pair.file(settings.keys).exists()]
    own = (RECEIPTS_PUBLIC, *((CONSOLE_KEY, RECEIPTS_KEY) if with_keys else ()))
    keys += [settings.keys / name for name in own if (settings.keys / name).exists()]
    copies += [Path(shutil.copy2(key, folder / key.name)) for key in keys]
    files = {copy.name: _digest(copy) for copy in copies}
    sealed_to = asyncio.run(_sealed_to(settings))
    manifest = {
        "version": __version__, "store": keeping.name, "files": files, "with_keys": with_keys, "sealed_to": sealed_to,
    }  # fmt: skip
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
    own = [path for pair in PAIRS for path in (settings.keys / pair.public, pair.file(settings.keys))]
    alone_of = (settings.keys / name for name in (CONSOLE_KEY, RECEIPTS_KEY, RECEIPTS_PUBLIC))
    for target in (*own, *alone_of):
        if target.name in manifest["files"]:
            target.parent.mkdir(exist_ok=True, mode=0o700)
            shutil.copy2(folder / target.name, target)
    return {"restored": sorted(manifest["files"]), "from": str(folder)}


async def _sealed_to(settings: Settings) -> dict[str, list[str]]:
    """Private key's file → the keys that what is in the copies opens with."""
    stores = stores_of(settings, "backup")
    try:
        found = await stores.catalog.browse(lambda tables: {pair: lots(tables, pair) for pair in PAIRS})
    finally:
        await stores.close()
    present = {pair: head_of(public_key(settings.keys, pair)) for pair in PAIRS}
    return {
        pair.private: sorted({key_name(head) for head in [present[pair], *(lot.head for lot in found[pair])]})
        for pair in PAIRS
    }


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
