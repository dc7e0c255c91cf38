"""Writing down how credentials stand through any catalog: the senders' side of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pushwarden.core import health
from pushwarden.core.app import Credential
from pushwarden.core.audit import AuditEntry
from pushwarden.core.check import Check
from pushwarden.core.health import PROVEN_MS, Event, Record, record_of
from pushwarden.core.scope import Scope
from pushwarden.ports.audit import AuditQuery, AuditRow
from pushwarden.ports.catalog import Catalog, Changed, Tables

LOOKED = 50
"""Rows of an app's audit among which its last change is looked for."""
CHANGES = {
    "app.change": "v{version}", "credential.activate": "activation of {target}",
    "credential.switch_back": "switch back to {target}", "credential.delete": "removal of {target}",
    "credential.change": "change of {target}",
}  # fmt: skip
"""Actions that can make a provider refuse what it took before, in words."""


class CatalogHealths:
    """`Healths` over a `Catalog`. actor: who notes it, for the audit."""

    def __init__(self, catalog: Catalog, actor: str) -> None:
        self._catalog, self._actor = catalog, actor

    async def get(self, credential: Credential) -> Record:
        return await self._catalog.read(lambda tables: _kept(tables, credential))

    async def heard(
        self, credential: Credential, event: Event, now_ms: int, *, reason: str = "", checks: tuple[Check, ...] = ()
    ) -> Record:
        def after(record: Record) -> Record:
            return health.heard(record, event, now_ms, reason, checks)

        kept = await self.get(credential)
        if after(kept).health is kept.health:
            return await self._noted(credential, kept, after(kept))

        def change(tables: Tables) -> Changed[Record]:
            before = _kept(tables, credential)
            made = after(before)
            if _stands(tables, credential):
                tables.healths.put(made)
            return Changed(made, before=_said(before), after=_said(made))

        where = Scope(credential.organisation, credential.app, credential.environment)
        entry = AuditEntry(now_ms, self._actor, "credential.health", where, credential.id)
        return await self._catalog.change(entry, change)

    async def proven(self, credential: Credential, now_ms: int) -> Record:
        return await self.heard(credential, Event.PROVEN, now_ms)

    async def last_change(self, credential: Credential, before_ms: int) -> str:
        query = AuditQuery(
            credential.organisation, app=credential.app, outcome="done", until=before_ms + 1, limit=LOOKED
        )
        rows = await self._catalog.read(lambda tables: tables.audit.page(query))
        return next(filter(None, (_change(row, credential, before_ms) for row in rows)), "")

    async def _noted(self, credential: Credential, kept: Record, made: Record) -> Record:
        """The same state: what is new of it is kept without an audit row, and a proof only now and then."""
        known = made.proven_at - kept.proven_at < PROVEN_MS and made.checks == kept.checks
        if known and made.asked_at == kept.asked_at:
            return kept

        def note(tables: Tables) -> None:
            if _stands(tables, credential) and _kept(tables, credential) == kept:
                tables.healths.put(made)

        await self._catalog.note(note)
        return made


def _kept(tables: Tables, credential: Credential) -> Record:
    return tables.healths.get(credential.organisation, credential.id) or record_of(credential)


def _stands(tables: Tables, credential: Credential) -> bool:
    """A credential that is gone has no health any more, whatever still comes in of it."""
    return tables.credentials.get(credential.organisation, credential.app, credential.id) is not None


def _said(record: Record) -> dict[str, Any]:
    return {"health": str(record.health), "reason": record.reason}


def _change(row: AuditRow, credential: Credential, now_ms: int) -> str:
    """`v42 by Omar, 13:58 UTC`; empty for what is no such change, or one of another environment."""
    said: dict[str, Any] = json.loads(row.body)
    where = Scope.parse(said["scope"])
    if said["action"] not in CHANGES or where.environment not in (None, credential.environment):
        return ""
    version = (said.get("after") or {}).get("version", "")
    what = CHANGES[said["action"]].format(target=said["target"], version=version)
    by = (said.get("extra") or {}).get("actor_name") or said["actor"]
    at, now = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (said["at"], now_ms))
    return f"{what} by {by}, {at:{'%H:%M' if at.date() == now.date() else '%Y-%m-%d %H:%M'}} UTC"
