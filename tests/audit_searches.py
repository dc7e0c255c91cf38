"""Searches of an audit of a million entries, each timed: for `./dev soak audit`."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.control.audit_finding import find, for_so_long, wanted
from pushwarden.control.audit_search import parsed

DAY = 86_400_000
NOW = 1_800_000_000_000
SEARCHES = (
    "", "actor:dana", "actor:nobody", "app:shop7", "action:credential", "action:credential app:shop7 actor:dana",
    "outcome:refused", "env:sandbox", "since:7d", "target:c77", "needle", "actor:dana needle",
)  # fmt: skip
FILL = """
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {entries})
INSERT INTO audit (organisation, sequence, at, actor, action, app, outcome, target, body, hash, environment)
SELECT 'acme', n, {first} + n * {step}, 'k' || (n % 40), iif(n % 9, 'app.change', 'credential.activate'),
  'shop' || (n % 50), iif(n % 500, 'done', 'forbidden'), 'c' || (n % 3000),
  CAST('{{"actor":"k' || n % 40 || '","after":{{"name":"' || hex(randomblob(150)) || iif(n % 99991, '', ' needle') ||
       '"}}}}' AS BLOB),
  randomblob(32), iif(n % 20, 'production', 'sandbox') FROM n;
INSERT INTO audit_facet
  SELECT 'acme', 'day', date(at / 1000, 'unixepoch'), '', count(*), 0, min(sequence), max(sequence)
  FROM audit GROUP BY 3;
INSERT INTO audit_facet
  SELECT 'acme', 'actor', actor, iif(actor = 'k7', 'Dana K.', ''), count(*), 0, 1, 1 FROM audit GROUP BY actor;
INSERT INTO audit_facet SELECT 'acme', 'action', action, '', count(*), 0, 1, 1 FROM audit GROUP BY action;
INSERT INTO audit_facet SELECT 'acme', 'outcome', outcome, '', count(*), 0, 1, 1 FROM audit GROUP BY outcome;
"""


async def run(folder: Path, entries: int) -> dict[str, Any]:
    """Search → milliseconds of its first answer, how many it found and how many it looked at."""
    path = folder / "control.db"
    migrate({"control": path})
    step = 365 * DAY // entries
    with contextlib.closing(open_database(path)) as connection:
        connection.executescript(FILL.format(entries=entries, first=NOW - 365 * DAY, step=step))
    with contextlib.closing(SqliteCatalog(path)) as catalog:
        return {"entries": entries, "searches": {text or "all": await _timed(catalog, text) for text in SEARCHES}}


async def _timed(catalog: SqliteCatalog, text: str) -> dict[str, Any]:
    began = time.perf_counter()
    enough = for_so_long()

    def work(tables: Any) -> Any:
        query = wanted(tables, "acme", parsed(text, NOW), 50, lambda _, label: label)
        return find(tables, query, enough) if query else None

    found = await catalog.browse(work)
    ms = round((time.perf_counter() - began) * 1000, 1)
    return {"ms": ms, "found": len(found.rows) if found else 0, "looked": found.looked if found else 0}
