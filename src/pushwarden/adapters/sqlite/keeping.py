"""The three database files as a whole: made, looked at, checkpointed, copied."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from pushwarden.adapters.sqlite import migrate as migrating
from pushwarden.adapters.sqlite.engine import checkpoint, open_database, sqlite3
from pushwarden.ports.stores import CannotCopy


class SqliteKeeping:
    """files: database → path; all in one folder."""

    name = "sqlite"

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def migrate(self, phase: str = "after") -> list[str]:
        return migrating.migrate(self._files, phase)

    def revisions(self) -> dict[str, str | None]:
        return {name: migrating.revision(path) if path.exists() else None for name, path in self._files.items()}

    def health(self) -> list[tuple[str, bool, str]]:
        return [("sqlite", True, f"SQLite {sqlite3.sqlite_version} has the write-ahead-log repair.")]

    def tidy(self) -> None:
        """Moves the write-ahead logs into the files; nobody else does, so that no commit pays for it."""
        for path in self._files.values():
            checkpoint(path)

    def dump(self, folder: Path) -> list[Path]:
        copies = []
        for path in self._files.values():
            if not path.exists():
                raise CannotCopy(f"{path} does not exist; is PUSHWARDEN_DATA right?")
            copy = folder / path.name
            with contextlib.closing(open_database(path)) as source:
                source.execute("VACUUM INTO ?", (str(copy),))
            copy.chmod(0o600)
            copies.append(copy)
        return copies

    def load(self, folder: Path) -> None:
        for path in self._files.values():
            if path.exists():
                raise CannotCopy(f"{path.parent} holds databases already; move them away first.")
        for path in self._files.values():
            if not (folder / path.name).exists():
                raise CannotCopy(f"{folder} has no {path.name}; it is no backup of SQLite files.")
            shutil.copy2(folder / path.name, path)
