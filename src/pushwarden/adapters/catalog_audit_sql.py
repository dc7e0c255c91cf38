"""The catalog's audit over SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import product

from pushwarden.adapters import statements_audit as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.audit import DONE, AuditEntry, facets_of, says
from pushwarden.core.chain import canonical, genesis, link
from pushwarden.ports.audit import REFUSED, AuditQuery, AuditRow, Facet, FacetKind

_ANY = Facet("", "", 0, 0, 0, 0)
_EVERY = 2**31
_LATEST = 2**62
Place = Mapping[str, str]
"""app and environment, empty for every one."""


class SqlAudit:
    def __init__(self, run: Run) -> None:
        self._run = run

    def append(self, entry: AuditEntry) -> AuditRow:
        owner = entry.scope.organisation
        head = self._run(sql.HEAD, organisation=owner)
        sequence, previous = (head[0]["sequence"] + 1, head[0]["hash"]) if head else (1, genesis(owner))
        body = canonical(entry, sequence)
        row = AuditRow(owner, sequence, body, link(previous, body))
        self._run(
            sql.INSERT,
            organisation=owner,
            sequence=sequence,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            app=entry.scope.app,
            environment=entry.scope.environment or "",
            outcome=entry.outcome,
            target=entry.target,
            body=body,
            hash=row.hash,
        )
        refused = int(entry.outcome != DONE)
        for kind, value, label in facets_of(entry):
            said = {"organisation": owner, "kind": kind, "value": value, "label": label}
            self._run(sql.COUNT, **said, refused=refused, sequence=sequence)
        return row

    def page(self, query: AuditQuery) -> list[AuditRow]:
        ways = product(query.actors or ("",), self._actions(query), self._outcomes(query), _places(query))
        found = {row.sequence: row for way in ways for row in self._found(query, *way)}
        said = [row for row in found.values() if says(row.body, query.words)]
        return sorted(said, key=lambda row: -row.sequence)[: query.limit]

    def after(self, organisation: str, sequence: int, limit: int) -> list[AuditRow]:
        found = self._run(sql.AFTER, organisation=organisation, sequence=sequence, limit=limit)
        return [AuditRow(**row) for row in found]

    def chains(self) -> list[str]:
        return [row["organisation"] for row in self._run(sql.CHAINS)]

    def facets(self, organisation: str, kind: FacetKind) -> list[Facet]:
        found = self._run(sql.FACETS, organisation=organisation, kind=kind)
        return [Facet(*(row[name] for name in Facet.__slots__)) for row in found]

    def _actions(self, query: AuditQuery) -> list[str]:
        """The actions there are that begin so: each goes by the index, which a beginning would not."""
        every = self.facets(query.organisation, "action") if query.action else [_ANY]
        return [one.value for one in every if one.value.startswith(query.action)]

    def _outcomes(self, query: AuditQuery) -> list[str]:
        if query.outcome != REFUSED:
            return [query.outcome]
        return [one.value for one in self.facets(query.organisation, "outcome") if one.value != DONE]

    def _found(self, query: AuditQuery, actor: str, action: str, outcome: str, place: Place) -> list[AuditRow]:
        values = {**asdict(query), "actor": actor, "action": action, "outcome": outcome, **place}
        used = {name for name in (*sql.EXACT, "since", "until") if values[name]}
        lead = next((name for name in sql.LEADS if values[name] not in ("", DONE)), "")
        rows = self._run(
            sql.page(lead, frozenset(used - {lead})),
            **{name: values[name] for name in used},
            organisation=query.organisation,
            least=query.least,
            before=query.before or _LATEST,
            limit=_EVERY if query.words else query.limit,
        )
        return [AuditRow(**row) for row in rows]


def _places(query: AuditQuery) -> list[Place]:
    """Those of `within` that the query asks for, or the one it names."""
    asked = {"app": query.app, "environment": query.environment}
    if not query.within:
        return [asked]
    own = [{"app": one.app, "environment": str(one.environment or "")} for one in query.within]
    return [
        {name: asked[name] or place[name] for name in asked}
        for place in own
        if all("" in (asked[name], place[name]) or asked[name] == place[name] for name in asked)
    ]
