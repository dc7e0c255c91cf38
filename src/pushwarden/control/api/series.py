"""/v1/…/series: what became of attempts over a range, with what changed meanwhile; and a line for every app."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Any

import msgspec

from pushwarden.control.api.adding import app_of
from pushwarden.control.audit_finding import bounded
from pushwarden.control.scene import names_of
from pushwarden.control.series import RANGES, Range, Sums, Times, by_provider, points, reasons, sums, times
from pushwarden.control.services import Services
from pushwarden.core.errors import Invalid
from pushwarden.core.principal import Permission
from pushwarden.core.reasons import known
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import Tally, total
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

_EVENTS = {"stop.": "stop", "app.change": "change", "credential.": "credential"}
"""How an action begins → what kind of event it is; a resume is a stop's end."""
_NOT_SHOWN = frozenset({"credential.verify", "credential.request", "credential.request_delete"})
MOST_EVENTS = 100


class Point(msgspec.Struct):
    """ours: queued → handed over; theirs: handed over → accepted. Milliseconds; null where nothing was timed."""

    at_ms: int
    accepted: int
    retried: int
    refused: int
    unknown: int
    ours: Times
    theirs: Times


class ReasonCount(msgspec.Struct):
    """before: the count in the range of the same length before this one."""

    ending: str
    reason: str
    title: str
    count: int
    before: int


class Event(msgspec.Struct):
    """kind: stop, resume, change or credential. by: a person's or a key's name."""

    at_ms: int
    kind: str
    action: str
    target: str
    by: str
    reason: str


class Series(msgspec.Struct):
    """totals and before: attempts in this range and in the one before. step_ms: between two points."""

    range: str
    since_ms: int
    until_ms: int
    step_ms: int
    points: list[Point]
    totals: Sums
    before: Sums
    ours: Times
    theirs: Times
    providers: dict[str, Sums]
    reasons: list[ReasonCount]
    events: list[Event]


class Line(msgspec.Struct):
    """accepted and failed: a number for each point of the range, the oldest first."""

    app: str
    environment: str
    accepted: list[int]
    failed: list[int]
    totals: Sums


class Lines(msgspec.Struct):
    range: str
    since_ms: int
    until_ms: int
    step_ms: int
    lines: list[Line]


class SeriesDesk:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def one(self, call: Call) -> Answer:
        asked = _range(call)
        since, until = asked.window(self._services.clock.now_ms())
        view = await self._services.catalog.browse(partial(_series, call.where, asked, since, until))
        return Answer(view)

    async def all(self, call: Call) -> Answer:
        """A line for each environment the caller may see and that has an app."""
        asked, may, organisation = _range(call), call.principal.may, call.where.organisation
        since, until = asked.window(self._services.clock.now_ms())

        def look(tables: Tables) -> list[Line]:
            places = [Scope(organisation, app.id, one) for app in tables.apps.all(organisation) for one in Environment]
            return [_line(tables, where, asked, since, until) for where in places if may(Permission.PUSH_READ, where)]

        lines = await self._services.catalog.browse(look)
        return Answer(Lines(asked.name, since, until, asked.every, lines))


def _range(call: Call) -> Range:
    name = call.query("range").get("range", "24h")
    if name not in RANGES:
        raise Invalid(f"`range` is one of {', '.join(RANGES)}.", field="range")
    return RANGES[name]


def _series(where: Scope, asked: Range, since: int, until: int, tables: Tables) -> Series:
    app_of(tables, where)
    found = tables.tallies.of(where, asked.step, since, until)
    earlier = tables.tallies.of(where, asked.step, since - asked.length, since)
    now, before = total(one.amounts for one in found), total(one.amounts for one in earlier)
    return Series(
        asked.name,
        since,
        until,
        asked.every,
        _points(found, asked, since, until),
        sums(now),
        sums(before),
        times(now.ours),
        times(now.theirs),
        {provider: sums(amounts) for provider, amounts in by_provider(found).items()},
        [
            ReasonCount(ending, reason, known(reason).title, count, earlier_count)
            for ending, reason, count, earlier_count in reasons(now, before)
        ],
        _events(tables, where, since, until),
    )


def _points(found: list[Tally], asked: Range, since: int, until: int) -> list[Point]:
    return [
        Point(at, **asdict(sums(amounts)), ours=times(amounts.ours), theirs=times(amounts.theirs))
        for at, amounts in points(found, since, until, asked.every)
    ]


def _line(tables: Tables, where: Scope, asked: Range, since: int, until: int) -> Line:
    found = tables.tallies.of(where, asked.step, since, until)
    parts = [sums(amounts) for _, amounts in points(found, since, until, asked.every)]
    accepted, failed = [one.accepted for one in parts], [one.refused + one.unknown for one in parts]
    return Line(where.app, where.environment or "", accepted, failed, sums(total(one.amounts for one in found)))


def _events(tables: Tables, where: Scope, since: int, until: int) -> list[Event]:
    """Stops and resumes that cover the environment, changes of the app and of its credentials; the oldest first."""
    chains = [(where.organisation, action) for action in _EVENTS] + [("", "stop.")]
    found = []
    for organisation, action in chains:
        query = AuditQuery(organisation, action=action, outcome="done", since=since, until=until, limit=MOST_EVENTS)
        found += [json.loads(row.body) for row in tables.audit.page(bounded(tables, query))]
    own = [said for said in found if _about(said, where) and said["action"] not in _NOT_SHOWN]
    names = names_of(tables, {said["actor"] for said in own if not said["extra"].get("actor_name")})
    return sorted((_event(said, names) for said in own), key=lambda event: event.at_ms)


def _about(said: dict[str, Any], where: Scope) -> bool:
    return Scope.parse(said["scope"]).covers(where)


def _event(said: dict[str, Any], names: dict[str, str]) -> Event:
    action = said["action"]
    begins = next(start for start in _EVENTS if action.startswith(start))
    kind = "resume" if action == "stop.resume" else _EVENTS[begins]
    by = said["extra"].get("actor_name") or names.get(said["actor"], said["actor"])
    return Event(said["at"], kind, action, said.get("target", ""), by, said.get("reason", ""))


def routes(services: Services) -> tuple[Route, ...]:
    desk, may = SeriesDesk(services), Permission.PUSH_READ
    return (
        route("GET", "/v1/series", desk.all, permission=may, within=Within.HANDLER,
              summary="Attempts of every app over a range, a line each.", shape=Shape(None, Lines, query=("range",))),
        route("GET", "/v1/apps/{app}/{env}/series", desk.one, permission=may,
              summary="Attempts over a range: counts, times, reasons, and what changed meanwhile.",
              shape=Shape(None, Series, query=("range",))),
    )  # fmt: skip
