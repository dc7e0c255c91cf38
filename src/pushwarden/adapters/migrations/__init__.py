"""The history of the three databases. `<database>/versions/rNNNN_<phase>.py` are its revisions, in this order.

To change a table: edit `tables_<database>.py`, then run

    python -m pushwarden.adapters.migrations.compose <control|devices|journal> before "Say what changes"

It writes the next revision from the difference and `<database>/schema.sql`, from which new databases are made at once
(importing Alembic takes longer than a start may). Read what it wrote: renames look like a drop and an add to it.

A release changes a database in a pair: `before` runs before the new code starts and only adds, so the code still
running goes on working; `after` takes away what only the old code needed. On one machine both run at start.

The same revisions run on PostgreSQL, where each database is a schema of one database; adapters/postgres/dialect.py says
what is written otherwise there. Give a partial index `postgresql_where` beside `sqlite_where`.

- SQLite checks no foreign key while a revision runs; what they must say is checked before the commit.
- In a batch, pass `table_kwargs={"sqlite_strict": True}`, and give a renamed column its constraint in a second batch:
  in the same one Alembic loses it without a word.
"""

from __future__ import annotations

from pathlib import Path

from pushwarden.core.errors import PushwardenError

HOME = Path(__file__).parent
DATABASES = ("control", "devices", "journal")


class NewerDatabase(PushwardenError):
    """The database was written by a newer Pushwarden; start that version, or restore a backup of this one's."""

    code, status = "newer_database", 500


class NotMigrated(PushwardenError):
    """The databases are not of this version; run `pushwarden migrate`."""

    code, status = "not_migrated", 500


def revisions(database: str) -> list[str]:
    """Oldest first, for example `0001_before`."""
    return sorted(path.stem[1:] for path in (HOME / database / "versions").glob("r[0-9]*.py"))


def target(database: str, phase: str = "after") -> str:
    """The revision to be at: the newest for `after`, the newest that only adds for `before`."""
    known = revisions(database)
    return next(name for name in reversed(known) if phase == "after" or name.endswith("_before"))


def is_behind(database: str, stored: str, target: str) -> bool:
    """Whether the revision stored comes before the target. NewerDatabase when this version does not know it."""
    known = revisions(database)
    if stored not in known:
        raise NewerDatabase
    return known.index(stored) < known.index(target)


def schema(database: str) -> str:
    """The statements that make an SQLite file as it is at its newest revision."""
    return (HOME / database / "schema.sql").read_text()
