"""Opens what PUSHWARDEN_STORE names; nothing else in the house knows which store it is."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pushwarden.adapters import migrations
from pushwarden.ports.catalog import Catalog
from pushwarden.ports.stores import DeviceStore, JournalStore, Keeping, Snapshots, Stores
from pushwarden.settings import Settings

SENDER_CACHE_KIB = 8192


def stores_of(settings: Settings, role: str) -> Stores:
    """role: who opens them, shown by the database server. Nothing is opened yet."""
    return PostgresStores(settings.dsn, role) if settings.dsn else SqliteStores(settings, role)


def keeping_of(settings: Settings) -> Keeping:
    """The stores as a whole: for migrate, doctor, backup and chores."""
    if settings.dsn:
        from pushwarden.adapters.postgres.keeping import PostgresKeeping

        return PostgresKeeping(settings.dsn)
    from pushwarden.adapters.sqlite.keeping import SqliteKeeping

    files = {"control": settings.control_db, "devices": settings.devices_db, "journal": settings.journal_db}
    return SqliteKeeping(files)


def require_current(settings: Settings) -> None:
    """NotMigrated or NewerDatabase when this version cannot work with what is stored; Busy when nobody answers."""
    for database, stored in keeping_of(settings).revisions().items():
        if stored is None or migrations.is_behind(database, stored, migrations.target(database)):
            raise migrations.NotMigrated


class SqliteStores:
    """Three files below the data directory."""

    def __init__(self, settings: Settings, role: str) -> None:
        self._settings, self._role = settings, role

    @cached_property
    def catalog(self) -> Catalog:
        from pushwarden.adapters.sqlite.control import SqliteCatalog

        return SqliteCatalog(self._settings.control_db)

    @cached_property
    def snapshots(self) -> Snapshots:
        from pushwarden.adapters.sqlite.snapshot import SqliteSnapshots

        return SqliteSnapshots(self._settings.control_db)

    @cached_property
    def devices(self) -> DeviceStore:
        from pushwarden.adapters.sqlite.devices import SqliteDevices

        if self._role.startswith("sender"):
            return SqliteDevices(self._settings.devices_db, SENDER_CACHE_KIB)
        return SqliteDevices(self._settings.devices_db)

    @cached_property
    def journal(self) -> JournalStore:
        from pushwarden.adapters.sqlite.journal import SqliteJournal

        return SqliteJournal(self._settings.journal_db)

    async def close(self) -> None:
        for part in _opened(self):
            part.close()


class PostgresStores:
    """Three schemas of one database."""

    def __init__(self, dsn: str, role: str) -> None:
        self._where = dsn, role

    @cached_property
    def catalog(self) -> Catalog:
        from pushwarden.adapters.postgres.control import PostgresCatalog

        return PostgresCatalog(*self._where)

    @cached_property
    def snapshots(self) -> Snapshots:
        from pushwarden.adapters.postgres.snapshot import PostgresSnapshots

        return PostgresSnapshots(*self._where)

    @cached_property
    def devices(self) -> DeviceStore:
        from pushwarden.adapters.postgres.devices import PostgresDevices

        return PostgresDevices(*self._where)

    @cached_property
    def journal(self) -> JournalStore:
        from pushwarden.adapters.postgres.journal import PostgresJournal

        return PostgresJournal(*self._where)

    async def close(self) -> None:
        for part in _opened(self):
            await part.close()


def _opened(stores: Stores) -> list[Any]:
    """The parts that were asked for: cached_property keeps them there."""
    return [part for name, part in vars(stores).items() if not name.startswith("_")]
