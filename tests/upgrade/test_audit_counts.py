"""An audit of before it was counted is counted by the upgrade."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

from pushwarden.adapters import migrations
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.adapters.sqlite.upgrade import upgrade
from pushwarden.core.audit import AuditEntry
from pushwarden.core.chain import canonical
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.audit import AuditQuery, Facet

WHERE = Scope("acme", "shop", Environment.SANDBOX)
DAY = 86_400_000


def uncounted() -> str:
    """The revision before the one that began to count."""
    known = migrations.revisions("control")
    texts = [(migrations.HOME / "control" / "versions" / f"r{name}.py").read_text() for name in known]
    return known[next(at for at, text in enumerate(texts) if "audit_facet" in text) - 1]


def test_rows_of_before_are_found_by_environment_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    upgrade(path, "control", uncounted())
    entries = [
        AuditEntry(n * DAY, "k1", "app.change", WHERE, outcome=outcome, extra={"actor_name": f"Dana {n}"})
        for n, outcome in enumerate(("done", "forbidden", "done"))
    ]
    with contextlib.closing(open_database(path)) as connection:
        for sequence, entry in enumerate(entries, 1):
            row = ("acme", sequence, entry.at, "k1", "app.change", "shop", entry.outcome, "")
            connection.execute(
                "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, x'00')", (*row, canonical(entry, sequence))
            )
    migrate({"control": path})
    asyncio.run(counted(path))


async def counted(path: Path) -> None:
    with contextlib.closing(SqliteCatalog(path)) as catalog:
        found = await catalog.read(lambda tables: tables.audit.page(AuditQuery("acme", environment="sandbox")))
        assert [json.loads(row.body)["sequence"] for row in found] == [3, 2, 1]
        actors = await catalog.read(lambda tables: tables.audit.facets("acme", "actor"))
        assert actors == [Facet("k1", "Dana 2", 3, 1, 1, 3)]
        days = await catalog.read(lambda tables: tables.audit.facets("acme", "day"))
        assert [(one.value, one.first, one.last) for one in days] == [
            ("1970-01-01", 1, 1), ("1970-01-02", 2, 2), ("1970-01-03", 3, 3),
        ]  # fmt: skip
