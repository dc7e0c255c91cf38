"""Disk space kept free, so that accepting stops before recording has to."""

from __future__ import annotations

import os
import time
from pathlib import Path

SIZE = 8 << 20
AGAIN_SECONDS = 1.0


class ReserveFile:
    """A preallocated file beside a database. While it is spent nothing may be accepted."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path, self._size = path, size
        self._tried = float("-inf")

    def ready(self) -> bool:
        """Whether the space is set aside. When it is not, tries once a second to set it aside again."""
        if self._path.exists():
            return True
        if time.monotonic() - self._tried < AGAIN_SECONDS:
            return False
        self._tried = time.monotonic()
        return self._set_aside()

    def spend(self) -> bool:
        """Frees the space. False when that was done before."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        self._tried = time.monotonic()
        return True

    def _set_aside(self) -> bool:
        """Only where twice as much is free: what was just given up for marks is theirs."""
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 2 * self._size:
            return False
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            with part.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
            part.rename(self._path)
        except OSError:
            part.unlink(missing_ok=True)
            return False
        return True
