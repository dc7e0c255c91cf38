"""Writing down how credentials stand through any catalog: the senders' side of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushwarden.core import health
from pushwarden.core.app import Credential
from pushwarden.core.audit import AuditEntry
from pushwarden.core.health import PROVEN_MS, Event, Record, record_of
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables


class CatalogHealths:
    """`Healths` over a `Catalog`. actor: who notes it, for the audit."""

    def __init__(self, catalog: Catalog, actor: str) -> None:
        self._catalog, self._actor = catalog, actor

    async def heard(
        self,
        credential: Credential,
        event: Event,
        now_ms: int,
        *,
        reason: str = "",
        checks: tuple[Mapping[str, Any], ...] = (),
    ) -> Record:
        def after(record: Record) -> Record:
            return health.heard(record, event, now_ms, reason, checks)

        kept = await self._catalog.read(lambda tables: _kept(tables, credential))
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
