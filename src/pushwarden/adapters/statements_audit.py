"""The audit's statements: a search is compiled once for each set of filters, so that each goes by its index."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, text, tuple_

from pushwarden.adapters.tables_control import audit, audit_facet

EXACT = ("action", "actor", "app", "environment", "outcome", "target")
"""Columns that are searched for one value."""
LEADS = ("target", "actor", "app", "action", "outcome")
"""Those with an index, the one that finds the fewest first."""
_ROW = (audit.c.organisation, audit.c.sequence, audit.c.body, audit.c.hash)
_OWN = audit.c.organisation == bindparam("organisation")

HEAD = select(audit.c.sequence, audit.c.hash).where(_OWN).order_by(audit.c.sequence.desc()).limit(1)
AFTER = (
    select(*_ROW)
    .where(_OWN, audit.c.sequence > bindparam("sequence"))
    .order_by(audit.c.sequence)
    .limit(bindparam("limit"))
)
CHAINS = select(audit.c.organisation).distinct().order_by(audit.c.organisation)
INSERT = audit.insert()
FACETS = (
    select(audit_facet)
    .where(audit_facet.c.organisation == bindparam("organisation"), audit_facet.c.kind == bindparam("kind"))
    .order_by(audit_facet.c.value)
)
COUNT = text(
    "INSERT INTO audit_facet (organisation, kind, value, label, entries, refused, first, last)"
    " VALUES (:organisation, :kind, :value, :label, 1, :refused, :sequence, :sequence)"
    " ON CONFLICT (organisation, kind, value) DO UPDATE SET"
    " label = CASE WHEN excluded.label = '' THEN audit_facet.label ELSE excluded.label END,"
    " entries = audit_facet.entries + 1, refused = audit_facet.refused + excluded.refused, last = excluded.last"
)


@cache
def page(lead: str, filters: frozenset[str]) -> Any:
    """Newest first. lead: the column of LEADS whose index is walked, empty for the key; filters: what else must hold.

    The bounds are pairs of the lead and a sequence: written so, they fit one index alone, whatever is believed of rows.
    """
    tests: dict[str, Any] = {name: audit.c[name] == bindparam(name) for name in EXACT}
    tests["since"] = audit.c.at >= bindparam("since")
    tests["until"] = audit.c.at < bindparam("until")
    names = (lead, "sequence") if lead else ("sequence",)
    place = tuple_(*(audit.c[name] for name in names))
    least, before = (
        tuple_(*(bindparam(name) for name in (*names[:-1], end)), types=[audit.c[name].type for name in names])
        for end in ("least", "before")
    )
    return (
        select(*_ROW)
        .where(_OWN, *(tests[name] for name in sorted(filters)), place >= least, place < before)
        .order_by(*(audit.c[name].desc() for name in names))
        .limit(bindparam("limit"))
    )
