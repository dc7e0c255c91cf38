"""Writes the next revision of a database from what its tables say, and its schema as one script."""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from pushwarden.adapters.migrations import DATABASES, HOME, revisions
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.upgrade import connected, upgrade

_TEMPLATE = '''"""{subject}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before!r}


def upgrade() -> None:
{body}
'''


def metadata(database: str) -> MetaData:
    """What the tables say."""
    tables: MetaData = importlib.import_module(f"pushwarden.adapters.tables_{database}").metadata
    return tables


def compose(database: str, phase: str, subject: str) -> Path:
    """The new revision's file."""
    known = revisions(database)
    revision = f"{len(known) + 1:04}_{phase}"
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "a.db"
        upgrade(path, database, known[-1]) if known else open_database(path).close()
        with connected(path) as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            operations = produce_migrations(context, metadata(database)).upgrade_ops
    assert operations is not None
    code = render_python_code(operations, render_as_batch=True)
    body = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("# ###"))
    file = HOME / database / "versions" / f"r{revision}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        _TEMPLATE.format(subject=subject.rstrip("."), revision=revision, before=known[-1] if known else None, body=body)
    )
    return file


def dump(database: str) -> str:
    """The statements of a database that went through every revision."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "a.db"
        upgrade(path, database, revisions(database)[-1])
        with contextlib.closing(open_database(path)) as connection:
            rows = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
                " AND name <> 'alembic_version' ORDER BY rowid"
            ).fetchall()
    return "\n".join("\n".join(filter(str.strip, map(str.rstrip, row[0].splitlines()))) + ";\n" for row in rows)


def main() -> None:
    database, phase, subject = sys.argv[1:]
    if database not in DATABASES or phase not in ("before", "after"):
        sys.exit(f"usage: compose {'|'.join(DATABASES)} before|after SUBJECT")
    file = compose(database, phase, subject)
    (HOME / database / "schema.sql").write_text(dump(database))
    sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
