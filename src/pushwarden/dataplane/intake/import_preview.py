"""The first lines of a device file as an import would read them, for a person to look at before."""

from __future__ import annotations

from typing import Any

from pushwarden.core.columns import columns_of, guess
from pushwarden.core.device_rules import Entry
from pushwarden.core.errors import Malformed, UnknownField
from pushwarden.core.importing import CsvLister, lister
from pushwarden.core.secret import redacted

ROWS = 5


def previewed(content_type: str, beginning: bytes, columns: str) -> dict[str, Any]:
    """columns: each with the field it would be, for CSV alone. problem: why no line can be read so.

    beginning: cut anywhere; a line that is not whole is left out.
    """
    whole = beginning[: beginning.rfind(b"\n") + 1] or beginning
    first = CsvLister(lambda names: _any(list(names)))
    if isinstance(lister(content_type), CsvLister):
        first.feed(whole)
    reader, problem = lister(content_type, columns_of(columns)), ""
    entries, errors = list[Entry](), list[dict[str, Any]]()
    try:
        lines = reader.feed(whole)
        entries = lines.entries[:ROWS]
        errors = [{"line": one.line, "code": one.code, "message": one.message} for one in lines.errors[:ROWS]]
    except (Malformed, UnknownField) as error:
        problem = error.detail
    fields = getattr(reader, "fields", [])
    return {
        "kind": "csv" if isinstance(reader, CsvLister) else "ndjson",
        "columns": [
            {"name": name, "field": fields[at] if fields else guess(name)} for at, name in enumerate(first.names)
        ],
        "rows": [_row(one) for one in entries],
        "errors": errors,
        "problem": problem,
    }


def _any(names: list[str]) -> list[str]:
    """Of a header whose lines are not read."""
    return [""] * len(names)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "installation_id": entry.installation_id,
        "provider": entry.provider,
        "token": redacted(entry.token),
        "token_kind": entry.token_kind,
        "user": entry.user,
        "app_version": entry.app_version,
        "build": entry.build,
        "tags": list(entry.tags),
        "test": entry.test,
    }
