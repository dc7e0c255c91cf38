"""Finding audit entries among very many: in windows, each bounded, until enough are found or long enough was looked."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pushwarden.control.audit_search import Search
from pushwarden.ports.audit import AuditQuery, AuditRow, Facet
from pushwarden.ports.catalog import Catalog, Tables

WINDOW = 10_000
"""Sequences looked at in one statement."""
LOOK_SECONDS = 0.15
"""How long one answer looks; the next one goes on from there."""
Enough = Callable[[], bool]
Name = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Found:
    """rows: newest first. next: the sequence to go on below, None at the end. looked: entries passed on the way."""

    rows: Sequence[AuditRow]
    next: int | None
    looked: int


def for_so_long(seconds: float = LOOK_SECONDS) -> Enough:
    """Whether so much time has passed from now on."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def wanted(tables: Tables, organisation: str, search: Search, limit: int, name: Name) -> AuditQuery | None:
    """What a search asks for; None when nobody it names ever did anything. name: id and label → what it is called."""
    actors = _actors(tables, organisation, search.value("actor"), name)
    if search.value("actor") and not actors:
        return None
    return AuditQuery(
        organisation,
        actors,
        action=search.value("action"),
        app=search.value("app"),
        environment=search.value("env"),
        outcome=search.value("outcome"),
        target=search.value("target"),
        words=search.words,
        since=search.since,
        until=search.until,
        limit=limit,
    )


def find(tables: Tables, query: AuditQuery, enough: Enough) -> Found:
    """At least one window is looked at, so that whoever goes on comes to the end."""
    query = bounded(tables, query)
    rows: list[AuditRow] = []
    top = upper = query.before
    while upper > query.least:
        floor, left = max(query.least, upper - WINDOW), query.limit - len(rows)
        found = tables.audit.page(replace(query, before=upper, least=floor, limit=left))
        rows += found
        if len(found) == left:
            upper = found[-1].sequence
            break
        upper = floor
        if enough():
            break
    return Found(rows, upper if upper > query.least else None, top - upper)


async def each(catalog: Catalog, query: AuditQuery) -> AsyncIterator[list[AuditRow]]:
    """All of them, oldest first, in parts."""
    query = await catalog.browse(lambda tables: bounded(tables, query))
    for floor in range(query.least, query.before, WINDOW):
        part = replace(query, least=floor, before=min(floor + WINDOW, query.before), limit=WINDOW)
        rows = await catalog.browse(lambda tables, part=part: tables.audit.page(part))  # type: ignore[misc]
        if rows:
            yield rows[::-1]


def bounded(tables: Tables, query: AuditQuery) -> AuditQuery:
    """With the sequences between which all of it must lie: those of the days it names."""
    first, last = (
        datetime.fromtimestamp(at / 1000, UTC).date().isoformat() if at else "" for at in (query.since, query.until)
    )
    days = tables.audit.facets(query.organisation, "day")
    within = [day for day in days if first <= day.value and (not last or day.value <= last)]
    least = max(query.least, min((day.first for day in within), default=1))
    end = 1 + max((day.last for day in within), default=0)
    return replace(query, least=least, before=min(query.before or end, end))


def _actors(tables: Tables, organisation: str, said: str, name: Name) -> tuple[str, ...]:
    """Whoever has this id, or a name that has it in it."""
    if not said:
        return ()
    known = tables.audit.facets(organisation, "actor")
    return tuple(one.value for one in known if _is(one, said.casefold(), name))


def _is(actor: Facet, said: str, name: Name) -> bool:
    return actor.value.casefold() == said or said in name(actor.value, actor.label).casefold()
