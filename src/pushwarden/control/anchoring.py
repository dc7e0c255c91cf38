"""Anchoring: the head of each audit chain is kept outside the store, and the one kept before is looked up in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushwarden.core.chain import Anchor
from pushwarden.ports.anchors import Anchors
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Catalog, Tables


@dataclass(slots=True)
class Anchoring:
    """known: the newest anchor of each organisation."""

    catalog: Catalog
    anchors: Anchors
    known: dict[str, Anchor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = self.anchors.last()

    async def step(self, now_ms: int) -> list[str]:
        """Keeps the heads that are new; a sentence for each chain that no longer has what was kept of it.

        Such a chain is anchored no more, so that what was kept goes on accusing it.
        """
        heads, wrong = await self.catalog.browse(self._looked)
        for organisation, (sequence, kept) in heads.items():
            if organisation not in wrong and sequence > self._sequence(organisation):
                anchor = Anchor(organisation, sequence, kept, now_ms)
                self.anchors.keep(anchor)
                self.known[organisation] = anchor
        return [_accusation(self.known[organisation]) for organisation in sorted(wrong)]

    def _looked(self, tables: Tables) -> tuple[dict[str, tuple[int, bytes]], set[str]]:
        heads = {}
        for organisation in tables.audit.chains():
            (head,) = tables.audit.page(AuditQuery(organisation, limit=1))
            heads[organisation] = head.sequence, head.hash
        return heads, {anchor.organisation for anchor in self.known.values() if not _stands(tables, anchor)}

    def _sequence(self, organisation: str) -> int:
        anchor = self.known.get(organisation)
        return anchor.sequence if anchor else 0


def _stands(tables: Tables, anchor: Anchor) -> bool:
    found = tables.audit.after(anchor.organisation, anchor.sequence - 1, 1)
    return bool(found) and (found[0].sequence, found[0].hash) == (anchor.sequence, anchor.hash)


def _accusation(anchor: Anchor) -> str:
    whose = f"of {anchor.organisation}" if anchor.organisation else "of the installation"
    return f"The audit {whose} no longer has row {anchor.sequence} as it was anchored; run `pushwarden audit verify`."
