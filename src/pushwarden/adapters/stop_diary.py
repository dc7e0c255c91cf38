"""The stop diary as a folder with one small file a stop: no lock to wait for, nothing to rewrite."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from pushwarden.core.errors import StoreFull
from pushwarden.ports.catalog import StopRecord


class StopFolder:
    """Implements the StopDiary port. A file cut off by a power loss is passed over: its stop stands in the fence."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, stop: StopRecord) -> None:
        try:
            self._write(stop)
        except OSError as error:
            raise StoreFull(
                f"The stop is in effect, but the disk did not take its record ({error.strerror})."
            ) from error

    def pending(self) -> list[StopRecord]:
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=StopRecord))
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
        return sorted(found, key=lambda stop: stop.stopped_at)

    def forget(self, stop: str) -> None:
        (self._folder / f"{stop}.json").unlink(missing_ok=True)

    def _write(self, stop: StopRecord) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{secrets.token_hex(8)}"
        try:
            with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(msgspec.json.encode(stop))
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._folder / f"{stop.id}.json")
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
