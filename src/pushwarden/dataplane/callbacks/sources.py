"""What can be told of an app, read from where it stands anyway: each source gives the next items after a place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pushwarden.core.callback import Callback, Event
from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.hold import Hold
from pushwarden.core.invalidation import Invalidation
from pushwarden.core.lane import Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.scope import Scope
from pushwarden.core.shard import Failure
from pushwarden.dataplane.intake.invalidation_routes import view
from pushwarden.dataplane.intake.views import iso
from pushwarden.ports.audit import AuditQuery, AuditRow
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.ports.invalidations import Invalidations
from pushwarden.ports.journal import Progress
from pushwarden.ports.outcomes import Outcomes

MOST = 500
"""Items of a message."""
LOOKED = 2000
"""Pushes passed at a time."""
_LANES = {"hold.open": Event.LANE_HELD, "hold.release": Event.LANE_RELEASED}
_CREDENTIALS = frozenset(
    {Event.CREDENTIAL_EXPIRES, Event.CREDENTIAL_EXPIRED, Event.CREDENTIAL_ATTENTION, Event.CREDENTIAL_FAILING,
     Event.CREDENTIAL_WELL}
)  # fmt: skip
_AUDITED = _LANES | {str(event): event for event in _CREDENTIALS}
"""What the audit calls it → what is told."""


@dataclass(frozen=True, slots=True)
class Found:
    """items: what is to be told, none when there is nothing. place: where to look next time.

    passed: pushes passed that are not finished. told: of those waiting, the ones that are told now.
    """

    kind: Event
    items: list[dict[str, Any]]
    place: int
    passed: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


class Source(Protocol):
    name: str
    events: frozenset[Event]

    async def begin(self, callback: Callback) -> int:
        """The place before which nothing is told: when the callback was made."""
        ...

    async def read(self, callback: Callback, place: int, waiting: Sequence[str]) -> Found: ...


def app_of(callback: Callback) -> Scope:
    return Scope(callback.organisation, callback.app)


@dataclass(frozen=True, slots=True)
class Pushes:
    """In the order of acceptance; those not finished when they are passed wait until they are."""

    outcomes: Outcomes
    name = "push"
    events = frozenset({Event.PUSH_FINISHED})

    async def begin(self, callback: Callback) -> int:
        return (await self.outcomes.numbers_before(callback.created_at))[0]

    async def read(self, callback: Callback, place: int, waiting: Sequence[str]) -> Found:
        where = app_of(callback)
        rows, place = await self.outcomes.accepted(where, place, LOOKED)
        passed = [push for push, environment in rows if callback.hears_of(environment)]
        done = (await self.outcomes.finished(where, [*waiting, *passed]))[:MOST]
        ended = {one.push.id for one in done}
        return Found(
            Event.PUSH_FINISHED,
            [finished_view(one) for one in done],
            place,
            [push for push in passed if push not in ended],
            [push for push in waiting if push in ended],
        )


@dataclass(frozen=True, slots=True)
class Failures:
    outcomes: Outcomes
    invalidations: Invalidations
    name = "failure"
    events = frozenset({Event.PUSH_FAILURES})

    async def begin(self, callback: Callback) -> int:
        return (await self.outcomes.numbers_before(callback.created_at))[1]

    async def read(self, callback: Callback, place: int, waiting: Sequence[str]) -> Found:
        rows, place = await self.outcomes.failed(app_of(callback), place, MOST)
        rows = [row for row in rows if callback.hears_of(row[0])]
        names = await self._names([failure for _, failure in rows])
        items = [failure_item(environment, failure, names) for environment, failure in rows]
        return Found(Event.PUSH_FAILURES, items, place)

    async def _names(self, failures: Sequence[Failure]) -> dict[tuple[int, int], tuple[str, str]]:
        audiences = {failure.audience for failure in failures} - {RAW_AUDIENCE}
        found = {}
        for audience in audiences:
            seqs = sorted({failure.seq for failure in failures if failure.audience == audience})
            for seq, name in (await self.invalidations.names(audience, seqs)).items():
                found[audience, seq] = name
        return found


@dataclass(frozen=True, slots=True)
class DeadTokens:
    invalidations: Invalidations
    name = "invalidation"
    events = frozenset({Event.DEVICE_INVALIDATED})

    async def begin(self, callback: Callback) -> int:
        return await self.invalidations.number_before(callback.created_at)

    async def read(self, callback: Callback, place: int, waiting: Sequence[str]) -> Found:
        found = await self.invalidations.invalidations(app_of(callback), after=place, limit=MOST)
        items = [invalidation_item(one) for one in found if callback.hears_of(one.environment)]
        return Found(Event.DEVICE_INVALIDATED, items, found[-1].number if found else place)


@dataclass(frozen=True, slots=True)
class Audited:
    """Holds, and notices of credentials, as the audit has them: its sequence is the one order in which they came."""

    catalog: Catalog
    name = "audit"
    events = frozenset(_AUDITED.values())

    async def begin(self, callback: Callback) -> int:
        query = AuditQuery(callback.organisation, until=callback.created_at, limit=1)
        rows = await self.catalog.read(lambda tables: tables.audit.page(query))
        return rows[0].sequence if rows else 0

    async def read(self, callback: Callback, place: int, waiting: Sequence[str]) -> Found:
        return await self.catalog.read(lambda tables: _audited(tables, callback, place))


def _audited(tables: Tables, callback: Callback, place: int) -> Found:
    """The next one: they are rare, and each is told alone."""
    for row in tables.audit.after(callback.organisation, place, MOST):
        place = row.sequence
        found = _happened(tables, callback, row)
        if found is not None:
            return Found(found[0], [found[1]], place)
    return Found(Event.LANE_HELD, [], place)


def _happened(tables: Tables, callback: Callback, row: AuditRow) -> tuple[Event, dict[str, Any]] | None:
    """What the callback is to be told of this row."""
    said = json.loads(row.body)
    kind, where = _AUDITED.get(said["action"]), Scope.parse(said["scope"])
    told = kind in callback.events and said["outcome"] == "done" and app_of(callback).covers(where)
    if kind is None or not told or where.environment is None or not callback.hears_of(where.environment):
        return None
    if kind in _CREDENTIALS:
        return kind, credential_item(where.environment, said["after"])
    hold = tables.holds.get(said["target"])
    return None if hold is None else (kind, lane_item(hold))


def finished_view(progress: Progress) -> dict[str, Any]:
    push = progress.push
    return {
        "push": push.id,
        "environment": str(push.environment),
        "type": str(push.type),
        "accepted_at": iso(push.accepted_at),
        "finished_at": iso(progress.finished_at),
        "planned": progress.planned,
        **{str(fate): progress.fates[fate] for fate in Fate},
        "refusals": progress.refusals,
    }


def failure_item(environment: str, failure: Failure, names: dict[tuple[int, int], tuple[str, str]]) -> dict[str, Any]:
    """token: only of a push to raw tokens. installation_id and user: empty when the device is forgotten."""
    installation, user = names.get((failure.audience, failure.seq), ("", ""))
    token = {"token": failure.token.decode()} if failure.audience == RAW_AUDIENCE else {}
    return token | {
        "push": failure.push,
        "environment": str(environment),
        "fate": str(failure.fate),
        "reason": failure.reason,
        "status": failure.status,
        "at": iso(failure.at),
        "installation_id": installation,
        "user": user,
    }


def invalidation_item(entry: Invalidation) -> dict[str, Any]:
    seen = view(entry)
    return {"environment": str(entry.environment)} | {name: getattr(seen, name) for name in seen.__struct_fields__}


def credential_item(environment: str, facts: dict[str, Any]) -> dict[str, Any]:
    """facts: as the notice wrote them."""
    return {"environment": str(environment), **facts, "not_after": iso(facts["not_after"])}


def lane_item(hold: Hold) -> dict[str, Any]:
    lane = Lane.parse(hold.lane)
    return {
        "hold": hold.id,
        "environment": str(lane.environment),
        "provider": lane.provider,
        "reason": hold.reason,
        "opened_at": iso(hold.opened_at),
        "released_at": iso(hold.released_at),
        "verdict": str(hold.release) if hold.release else None,
    }
