"""Catalogs to test with: the one in memory and the one in a file, ready with their tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.ports.catalog import Catalog

KINDS = ("memory", "sqlite")


@contextlib.contextmanager
def opened(kind: str, folder: Path) -> Iterator[Catalog]:
    if kind == "memory":
        yield MemoryCatalog()
        return
    path = folder / "control.db"
    migrate({"control": path})
    catalog = SqliteCatalog(path)
    try:
        yield catalog
    finally:
        catalog.close()
