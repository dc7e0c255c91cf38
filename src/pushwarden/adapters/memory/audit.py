"""The audit in memory."""

from __future__ import annotations

import json

from pushwarden.core.audit import DONE, AuditEntry, says
from pushwarden.core.chain import canonical, genesis, link
from pushwarden.core.scope import Scope
from pushwarden.ports.audit import REFUSED, AuditQuery, AuditRow, Facet, FacetKind, tallied


class MemoryAudit:
    def __init__(self, rows: dict[str, tuple[AuditRow, ...]]) -> None:
        self._rows = rows

    def append(self, entry: AuditEntry) -> AuditRow:
        owner = entry.scope.organisation
        kept = self._rows.get(owner, ())
        body = canonical(entry, len(kept) + 1)
        row = AuditRow(owner, len(kept) + 1, body, link(kept[-1].hash if kept else genesis(owner), body))
        self._rows[owner] = (*kept, row)
        return row

    def page(self, query: AuditQuery) -> list[AuditRow]:
        kept = reversed(self._rows.get(query.organisation, ()))
        return [row for row in kept if _matches(query, row)][: query.limit]

    def after(self, organisation: str, sequence: int, limit: int) -> list[AuditRow]:
        return list(self._rows.get(organisation, ())[sequence : sequence + limit])

    def chains(self) -> list[str]:
        return sorted(self._rows)

    def facets(self, organisation: str, kind: FacetKind) -> list[Facet]:
        return tallied(self._rows.get(organisation, ()), kind)


def _matches(query: AuditQuery, row: AuditRow) -> bool:
    said = json.loads(row.body)
    scope = said["scope"].split("/")
    same = {"app": scope[1], "environment": scope[2], "target": said["target"]}
    same["outcome"] = REFUSED if query.outcome == REFUSED and said["outcome"] != DONE else said["outcome"]
    return (
        (not query.before or row.sequence < query.before)
        and query.least <= row.sequence
        and query.since <= said["at"]
        and (not query.until or said["at"] < query.until)
        and said["action"].startswith(query.action)
        and (not query.actors or said["actor"] in query.actors)
        and (not query.within or any(place.covers(Scope.parse(said["scope"])) for place in query.within))
        and all(getattr(query, name) in ("", value) for name, value in same.items())
        and says(row.body, query.words)
    )
