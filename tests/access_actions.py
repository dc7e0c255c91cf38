"""Routes whose handler checks the place itself, asked with real things by everybody."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from access_spec import may
from access_world import HOUR_MS, REFUSED, TARGETS, Actor, World, covers, marker, member, person_at, told
from cast import request
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import PushwardenError
from pushwarden.core.person import Invitation, Session, digest
from pushwarden.core.ramp import Ramp
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, StopRecord, Tables
from pushwarden.web.frame import Frame
from pushwarden.web.routes import Route, Within


@dataclass(frozen=True)
class Action:
    """What a handler decides by itself. body: for a target; before: what the administrator does so that it can be.

    organisation: the whole of it is meant, and the permission must hold there; around: or in a part of it. fresh: a
    thing made for every time, as the action takes it away.
    """

    body: Callable[[Scope], dict[str, Any]] = lambda _: {}
    organisation: bool = False
    before: tuple[str, ...] = ()
    around: bool = False
    fresh: str = ""


def _place(target: Scope) -> dict[str, Any]:
    return {"app": target.app, "environment": str(target.environment)}


ACTIONS = {
    "POST /v1/apps": Action(lambda _: {"id": f"a{secrets.token_hex(4)}", "name": "New"}, organisation=True),
    "POST /v1/stop": Action(_place),
    "POST /v1/resume": Action(_place, before=("/v1/stop",)),
    "POST /v1/keys": Action(lambda target: {"name": "k", "kind": "device", **_place(target)}),
    "GET /v1/keys/{key}": Action(),
    "POST /v1/keys/{key}/rotate": Action(),
    "POST /v1/keys/{key}/revoke": Action(),
    "PATCH /v1/organisations/{organisation}": Action(lambda _: {"version": 1}, organisation=True),
    "GET /v1/users/{person}": Action(organisation=True, around=True),
    "PATCH /v1/users/{person}": Action(lambda _: {"version": 1, "name": "N"}, organisation=True),
    "DELETE /v1/users/{person}": Action(organisation=True, fresh="person"),
    "POST /v1/users/{person}/signin-link": Action(organisation=True),
    "DELETE /v1/sessions/{session}": Action(organisation=True, fresh="session"),
    "POST /v1/invitations": Action(
        lambda _: {"email": f"{secrets.token_hex(6)}@x.example", "roles": [{"role": "viewer"}]}, organisation=True
    ),
    "POST /v1/mail/test": Action(lambda _: {"recipient": "nobody@x.example"}, organisation=True),
    "DELETE /v1/invitations/{invitation}": Action(organisation=True, fresh="invitation"),
    "POST /v1/ramps/{ramp}/skip": Action(fresh="ramp"),
    "GET /v1/receipts/{receipt}": Action(around=True, fresh="receipt"),
    "GET /v1/receipts/{receipt}/signed": Action(around=True, fresh="receipt"),
    "GET /v1/receipts/{receipt}/pace": Action(around=True, fresh="receipt"),
    "GET /v1/holds/{hold}": Action(),
    "POST /v1/holds/{hold}/release": Action(lambda _: {"verdict": "discard"}),
}
"""Routes whose handler checks the place: in the body, or of the thing that is named."""


def checked_inside(frame: Frame) -> set[str]:
    """Those of the product's own table, but for lists, which name no place."""
    return {
        f"{route.method} {route.path}"
        for route in frame.router.routes
        if route.within is Within.HANDLER and (route.method != "GET" or "{" in route.path)
    }


async def actions_judged(world: World) -> dict[str, Any]:
    routes = {f"{one.method} {one.path}": one for one in world.frame.router.routes}
    tally, wrong = Counter[str](), list[str]()
    actors = [one for one in world.actors if one.state == "good"]
    root = next(one for one in actors if (one.who, one.place) == ("key:admin", "installation"))
    for name, action in ACTIONS.items():
        for actor in actors:
            for called, target in TARGETS.items():
                for path in action.before:
                    await act(world, "POST", path, root, target, action.body(target))
                if action.fresh:
                    await make(world, action.fresh, target)
                status = await act(world, routes[name].method, routes[name].path, actor, target, action.body(target))
                place = Scope(target.organisation) if action.organisation else target
                should, got = should_do(name, routes[name], action, actor, place), status not in REFUSED
                tally["done" if got else "refused"] += 1
                if got != should or status >= 500:
                    wrong.append(f"{name} by {actor}, {called}: {status}")
    return {"actions": len(ACTIONS), **told(tally, wrong)}


def should_do(name: str, route: Route, action: Action, actor: Actor, place: Scope) -> bool:
    """Whoever may end sessions of his own may not end others': that needs the right to change people."""
    permission = "people:write" if name.startswith("DELETE /v1/sessions") else str(route.permission)
    here = covers(actor.scope, place) or (action.around and covers(place, actor.scope))
    return may(actor.who, permission) is not None and here


async def make(world: World, kind: str, target: Scope) -> None:
    """Another thing of the kind, under the same name as the one before."""
    now, organisation, name = world.api.clock.now_ms(), target.organisation, marker(target)

    def work(tables: Tables) -> Changed[None]:
        match kind:
            case "person":
                if tables.people.get(person_at(target)) is None:
                    tables.people.insert(member(person_at(target), organisation))
            case "session":
                tables.sessions.put(Session(name, f"{organisation}-somebody", digest(name), now, now, now + HOUR_MS))
            case "invitation":
                if tables.invitations.get(name) is None:
                    tables.invitations.insert(Invitation(name, organisation, digest(name), now + HOUR_MS))
            case "ramp":
                tables.ramps.put(Ramp(name, target, 1, 60_000, 500, now, "test", now))
            case "receipt":
                proof = Receipt(name, target, 1, now, 1.0, ())
                tables.stops.put(StopRecord(name, target, "test", "", now, proof, resumed_at=now))
        return Changed(None)

    await world.api.catalog.change(AuditEntry(now, "test", "thing.make", Scope(organisation)), work)


async def act(world: World, method: str, path: str, actor: Actor, target: Scope, body: dict[str, Any]) -> int:
    """The status of the real handler's answer."""
    own = marker(target)
    names = {
        "key": world.keys_of[target], "hold": own, "organisation": target.organisation, "person": person_at(target),
        "session": own, "invitation": own, "ramp": own,
        "receipt": own,
    }  # fmt: skip
    path = re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)
    sent = msgspec.json.encode(body) if method != "GET" else b""
    signed = None if actor.who.startswith("key:") else world.signed(actor)
    headers = {"pushwarden-organisation": target.organisation, "content-type": "application/json"}
    if signed is None:
        return (await request(world.frame, method, path, sent, {**actor.headers, **headers})).status

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": method, "path": path, "query_string": b"", "client": ("127.0.0.1", 5), "headers": raw}
    try:
        return (await world.frame.inside(signed.principal, scope, receive, "r1")).status
    except PushwardenError as error:
        return error.status
