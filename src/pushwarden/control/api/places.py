"""/v1/overview: every app and environment, how it stands and what to do about it; …/verdict: the same of one."""

from __future__ import annotations

import json

import msgspec

from pushwarden.control.pulse import KEPT, Pulse
from pushwarden.control.scene import Scene, scene
from pushwarden.control.series import RANGES, sums
from pushwarden.control.services import Services
from pushwarden.core.app import App
from pushwarden.core.errors import NotFound
from pushwarden.core.health import Health, ends_at
from pushwarden.core.names import IDENTITIES, called
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.verdict import Verdict, verdict
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

NEEDY = frozenset({Health.FAILING, Health.ATTENTION})
LAST = 100
"""Rows of the audit among which the last change of each app is looked for."""


class VerdictView(msgspec.Struct):
    """sentence and rest: how it stands. todo, relief: what a person should do, and what eases it. label: of the button.

    where: credentials, devices, send, activity, settings (of the app), resume or system. kind, shape, word: the
    state, never by colour alone; heading: what stands before the sentence, where that is another state.
    """

    state: str
    kind: str
    shape: str
    word: str
    heading: str
    sentence: str
    rest: str
    todo: str
    relief: str
    label: str
    where: str


class LaneView(msgspec.Struct):
    """A provider of an environment. ends_at: Unix ms, 0 where nothing ends; health is none where nothing is there."""

    provider: str
    name: str
    health: str
    ends_at: int


class PlaceView(msgspec.Struct):
    """accepted: in each of the last sixty minutes. per_minute: in the last one that is over. refused: in the hour.

    accepted_at: when a provider last accepted a push, Unix ms; 0 where that is not known.
    """

    app: str
    name: str
    environment: str
    enabled: bool
    trial: bool
    verdict: VerdictView
    credentials: list[LaneView]
    accepted: list[int]
    per_minute: int
    refused: int
    accepted_at: int
    devices: dict[str, int]


class Counts(msgspec.Struct):
    """What stands beside the names of an app's pages. attention: credentials in use that need somebody. devices: that
    can be reached. refused: attempts, for good, in the last 24 hours; null for who may not see pushes."""

    attention: int
    devices: int
    refused: int | None


class LastChange(msgspec.Struct):
    at: int
    by: str
    action: str
    app: str


class Places(msgspec.Struct):
    """changes: of apps and their credentials, the last of each app, the newest first, among the last hundred of either
    kind; none for who may not read the audit."""

    places: list[PlaceView]
    changes: list[LastChange]


class Desk:
    def __init__(self, services: Services) -> None:
        self._services, self._pulse = services, Pulse(services.catalog)
        self._last: dict[str, tuple[int, list[LastChange]]] = {}

    async def all(self, call: Call) -> Answer:
        """Those the caller may see, by name."""
        organisation = call.where.organisation
        found = await scene(self._services, self._pulse, organisation)
        seen = [
            view_of(found, app, environment)
            for app in found.apps
            for environment in found.environments(app)
            if call.principal.may(Permission.APP_READ, Scope(organisation, app.id, environment))
        ]
        may = call.principal.may(Permission.AUDIT_READ, Scope(organisation))
        return Answer(Places(seen, await self._changes(organisation) if may else []))

    async def one(self, call: Call) -> Answer:
        return Answer(view_of(*await self._here(call.where)))

    async def counts(self, call: Call) -> Answer:
        where, may = call.where, call.principal.may(Permission.PUSH_READ, call.where)
        found, app, environment = await self._here(where)
        used = found.in_use(app.id, environment)
        devices = found.devices.get((app.id, environment), {})
        return Answer(
            Counts(
                sum(found.health(one) in NEEDY for one in used),
                sum(devices.values()),
                await self._refused(where, found.now_ms) if may else None,
            )
        )

    async def _here(self, where: Scope) -> tuple[Scene, App, Environment]:
        assert where.environment is not None
        found = await scene(self._services, self._pulse, where.organisation, where)
        app = found.snapshot.app(where.organisation, where.app)
        if app is None:
            raise NotFound(f"There is no app `{where.app}` here, or it is not yours.")
        return found, app, where.environment

    async def _refused(self, where: Scope, now_ms: int) -> int:
        """As the series of a day counts them."""
        day = RANGES["24h"]
        since, until = day.window(now_ms)
        found = await self._services.catalog.read(lambda tables: tables.tallies.of(where, day.step, since, until))
        return sum(sums(one.amounts).refused for one in found)

    async def _changes(self, organisation: str) -> list[LastChange]:
        """Looked for again only once the organisation's audit has grown."""

        def look(tables: Tables) -> tuple[int, list[LastChange]]:
            head = max((one.last for one in tables.audit.facets(organisation, "outcome")), default=0)
            known = self._last.get(organisation)
            return known if known is not None and known[0] == head else (head, _changes(tables, organisation))

        found = await self._services.catalog.read(look)
        self._last.pop(organisation, None)
        self._last[organisation] = found
        if len(self._last) > KEPT:
            self._last.pop(next(iter(self._last)))
        return found[1]


def _changes(tables: Tables, organisation: str) -> list[LastChange]:
    """What a person or a key made: what chores and senders wrote down is no change of anybody's."""
    queries = [AuditQuery(organisation, action=one, outcome="done", limit=LAST) for one in ("app.", "credential.")]
    entries = [json.loads(row.body) for query in queries for row in tables.audit.page(query)]
    made = [entry for entry in entries if entry["extra"].get("actor_name")]
    last: dict[str, LastChange] = {}
    for one in sorted(made, key=lambda one: int(one["at"]), reverse=True):
        app = Scope.parse(one["scope"]).app
        last.setdefault(app, LastChange(one["at"], one["extra"]["actor_name"], one["action"], app))
    return list(last.values())


def view_of(found: Scene, app: App, environment: Environment) -> PlaceView:
    beat, facts = found.beat(app.id, environment), found.facts(app, environment)
    place = (found.organisation, app.id, str(environment))
    times = [found.situation.accepted.get((*place, provider), 0) for provider in IDENTITIES]
    return PlaceView(
        app.id,
        app.name,
        environment,
        app.enabled,
        app.trial,
        said(verdict(facts)),
        _lanes(found, app, environment),
        list(beat.accepted),
        beat.per_minute,
        beat.refused,
        max(times),
        dict(facts.devices),
    )


def said(one: Verdict) -> VerdictView:
    look, heading = one.look, one.heading
    return VerdictView(
        one.state, look.kind, look.shape, look.word, heading.shape, one.sentence, one.rest, one.todo, one.relief,
        one.label, one.where,
    )  # fmt: skip


def _lanes(found: Scene, app: App, environment: Environment) -> list[LaneView]:
    """Of each provider that has a credential here, or for which the app has a name: what ends first."""
    used = found.in_use(app.id, environment)
    lanes = []
    for provider, name in IDENTITIES.items():
        own = [one for one in used if one.provider == provider]
        if own:
            worst = min(own, key=lambda one: ends_at(one) or 2**53)
            lanes.append(LaneView(provider, called(provider), found.health(worst), ends_at(worst)))
        elif getattr(app, name):
            lanes.append(LaneView(provider, called(provider), Health.NONE, 0))
    return lanes


def routes(services: Services) -> tuple[Route, ...]:
    desk, may = Desk(services), Permission.APP_READ
    return (
        route("GET", "/v1/overview", desk.all, permission=may, within=Within.HANDLER,
              summary="Every app and environment: how it stands, what to do, and its last hour.",
              shape=Shape(None, Places)),
        route("GET", "/v1/apps/{app}/{env}/verdict", desk.one, permission=may,
              summary="How an environment stands, and what to do about it.", shape=Shape(None, PlaceView)),
        route("GET", "/v1/apps/{app}/{env}/counts", desk.counts, permission=may,
              summary="How many devices, refused attempts of a day, and credentials that need somebody.",
              shape=Shape(None, Counts)),
    )  # fmt: skip
