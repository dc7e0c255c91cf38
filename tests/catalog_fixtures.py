"""Catalogs to test with: in memory, in a file and on a server, ready with their tables."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import postgres_server
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.postgres.control import PostgresCatalog
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.ports.catalog import Catalog

KINDS = ("memory", "sqlite", "postgres")


@contextlib.contextmanager
def opened(kind: str, folder: Path) -> Iterator[Catalog]:
    if kind == "memory":
        yield MemoryCatalog()
        return
    if kind == "postgres":
        catalog = PostgresCatalog(postgres_server.fresh_database(), "test")
        yield catalog
        asyncio.run(catalog.close())
        return
    path = folder / "control.db"
    migrate({"control": path})
    with contextlib.closing(SqliteCatalog(path)) as found:
        yield found
