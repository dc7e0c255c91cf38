"""The catalog's table of ramps over SQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.ramp import Ramp
from pushwarden.core.scope import Scope


class SqlRamps:
    def __init__(self, run: Run) -> None:
        self._run = run

    def put(self, ramp: Ramp) -> None:
        self._run(sql.RAMP_DELETE, id=ramp.id)
        self._run(sql.RAMP_INSERT, **asdict(ramp) | {"organisation": ramp.scope.organisation, "scope": ramp.scope.key})

    def get(self, ramp: str) -> Ramp | None:
        found = self._run(sql.RAMP_GET, id=ramp)
        return _ramp(found[0]) if found else None

    def open(self, organisation: str = "") -> list[Ramp]:
        return [_ramp(row) for row in self._run(sql.RAMPS_OPEN, organisation=organisation)]


def _ramp(row: dict[str, Any]) -> Ramp:
    own = {name: value for name, value in row.items() if name != "organisation"}
    return Ramp(**{**own, "scope": Scope.parse(row["scope"])})
