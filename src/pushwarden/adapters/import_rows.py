"""How an import's report stands in a row: what it is as JSON, its line errors packed beside it."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from pushwarden.core.import_report import Import, ImportState
from pushwarden.core.scope import Environment, Scope

COLUMNS = "organisation, app, environment, id, started_at, about"
Row = tuple[str, str, str, str, int, str]
_ERRORS = msgspec.json.Decoder(list[dict[str, Any]])


class _About(msgspec.Struct):
    by: str
    dry_run: bool
    size: int
    read: int
    state: str
    ended_at: int
    report: dict[str, Any]
    problem: str


_ABOUT = msgspec.json.Decoder(_About)


def stored(one: Import) -> tuple[str, str, str, str, int, str, bytes]:
    """Of COLUMNS, and the line errors."""
    plain = {name: value for name, value in one.report.items() if name != "errors"}
    about = _About(one.by, one.dry_run, one.size, one.read, one.state, one.ended_at, plain, one.problem)
    errors = zlib.compress(msgspec.json.encode(one.errors)) if one.errors else b""
    where = one.where
    place = (where.organisation, where.app, str(where.environment))
    return (*place, one.id, one.started_at, msgspec.json.encode(about).decode(), errors)


def read(row: Row, errors: bytes = b"") -> Import:
    organisation, app, environment, name, started_at, text = row
    about = _ABOUT.decode(text)
    more = {"errors": _ERRORS.decode(zlib.decompress(errors))} if errors else {}
    return Import(
        name, Scope(organisation, app, Environment(environment)), about.by, started_at, about.dry_run, about.size,
        about.read, ImportState(about.state), about.ended_at, about.report | more, about.problem,
    )  # fmt: skip
