"""The audit in the catalog: append-only, chained per organisation, searched by what each entry says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pushwarden.core.audit import DONE, AuditEntry, facets_of
from pushwarden.core.scope import Scope

REFUSED = "refused"
"""As an outcome: every one but `done`."""
FacetKind = Literal["day", "actor", "action", "app", "outcome"]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as it stands in its organisation's chain: `body` is its canonical JSON, sequence 1, 2, 3, …"""

    organisation: str
    sequence: int
    body: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Filters; empty ones match all. actors: any of these ids. action: how it begins, `app.` for all that happened to
    apps. outcome: one, or REFUSED. words: all of them stand somewhere in the entry; in lower case. within: it was done
    in one of these places.

    before: only sequences below it, 0 for the newest; least: only from it on. Times are Unix ms, since ≤ at < until.
    """

    organisation: str
    actors: tuple[str, ...] = ()
    action: str = ""
    app: str = ""
    environment: str = ""
    outcome: str = ""
    target: str = ""
    words: tuple[str, ...] = ()
    within: tuple[Scope, ...] = ()
    since: int = 0
    until: int = 0
    before: int = 0
    least: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Facet:
    """How many entries have this value, and how many of them were refused. first, last: their sequences."""

    value: str
    label: str
    entries: int
    refused: int
    first: int
    last: int


def tallied(rows: Iterable[AuditRow], kind: FacetKind) -> list[Facet]:
    """The facets of these rows alone, by value. rows: ascending."""
    found: dict[str, Facet] = {}
    for row in rows:
        said = json.loads(row.body)
        refused = int(said["outcome"] != DONE)
        for own, value, label in facets_of(_entry(said)):
            if own == kind:
                one = found.get(value) or Facet(value, "", 0, 0, row.sequence, 0)
                named, entries = label or one.label, one.entries + 1
                found[value] = Facet(value, named, entries, one.refused + refused, one.first, row.sequence)
    return [found[value] for value in sorted(found)]


def _entry(said: dict[str, Any]) -> AuditEntry:
    own = {name: value for name, value in said.items() if name != "sequence"}
    return AuditEntry(**own | {"scope": Scope.parse(said["scope"])})


class Audit(Protocol):
    """Append-only. Rows are chained per organisation; the installation's own chain has the empty name."""

    def append(self, entry: AuditEntry) -> AuditRow: ...

    def page(self, query: AuditQuery) -> list[AuditRow]:
        """Newest first. With `words` every row from `least` to `before` is read: keep that few."""
        ...

    def after(self, organisation: str, sequence: int, limit: int) -> list[AuditRow]:
        """Ascending: for export and verification in pages."""
        ...

    def chains(self) -> list[str]:
        """The organisations that have rows."""
        ...

    def facets(self, organisation: str, kind: FacetKind) -> list[Facet]:
        """By value: who did something, which actions, apps and outcomes there are, and each day (2026-01-31, UTC).

        label: the last name that was said.
        """
        ...
