"""Catalogs to test with: the one in memory and the one in a file, ready with their tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.engine import open_database
from pushwarden.adapters.tables_control import metadata
from pushwarden.ports.catalog import Catalog

KINDS = ("memory", "sqlite")


def create(path: Path) -> None:
    connection = open_database(path)
    for table in metadata.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        for index in table.indexes:
            connection.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
    connection.execute("INSERT INTO state VALUES (1, 0)")
    connection.close()


@contextlib.contextmanager
def opened(kind: str, folder: Path) -> Iterator[Catalog]:
    if kind == "memory":
        yield MemoryCatalog()
        return
    path = folder / "control.db"
    create(path)
    catalog = SqliteCatalog(path)
    try:
        yield catalog
    finally:
        catalog.close()
