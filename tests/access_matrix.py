"""Every route and page, asked by every role and kind of key from every place and state: who gets in, and who should."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
from structlog.testing import capture_logs

from access_spec import may
from cast import request
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.adapters.vault.keys import make_keys
from pushwarden.control.access import load, minted
from pushwarden.control.console.door import Console
from pushwarden.control.console.pages import PageRoute
from pushwarden.control.console.visit import Visit
from pushwarden.control.people.roll import ORGANISATION, Signed, csrf_of
from pushwarden.control.publish import publish
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import PushwardenError
from pushwarden.core.hold import Hold
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Person, Session, digest
from pushwarden.core.principal import Binding, KeyKind, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.settings import Settings
from pushwarden.web.call import Answer, Call
from pushwarden.web.frame import Frame
from pushwarden.web.routes import Route, Within
from pushwarden.wiring.api import Api

PRODUCTION, SANDBOX = Environment.PRODUCTION, Environment.SANDBOX
PLACES = {
    "installation": Scope(),
    "organisation": Scope("acme"),
    "app": Scope("acme", "shop"),
    "environment": Scope("acme", "shop", PRODUCTION),
    "other environment": Scope("acme", "shop", SANDBOX),
    "other app": Scope("acme", "other"),
    "other organisation": Scope("beta"),
}
"""Where an actor's role or key holds."""
TARGETS = {
    "own": Scope("acme", "shop", PRODUCTION),
    "other environment": Scope("acme", "shop", SANDBOX),
    "other app": Scope("acme", "other", PRODUCTION),
    "other organisation": Scope("beta", "till", PRODUCTION),
}
"""What is asked for."""
KEY_STATES = ("good", "revoked", "expired", "forged")
PERSON_STATES = ("good", "disabled", "ended", "idle", "without roles")
HOUR_MS = 3_600_000
REFUSED = (401, 403, 404)
THINGS = {
    "credential": "cred-1", "key": "key-1", "hold": "hold-1", "callback": "cb-1", "request": "req-1", "probe": "pr-1",
    "id": "0" * 20, "installation_id": "i-1", "audience": "1", "version": "1",
}  # fmt: skip


@dataclass(frozen=True)
class Actor:
    """who: a role, or `key:` and a kind. headers: what it proves itself with."""

    who: str
    place: str
    state: str
    headers: dict[str, str] = field(repr=False)

    @property
    def scope(self) -> Scope:
        return PLACES[self.place]

    def __str__(self) -> str:
        return f"{self.state} {self.who} of {self.place}"


@dataclass
class World:
    api: Api
    actors: list[Actor]
    frame: Frame
    keys_of: dict[Scope, str]
    reached: list[str] = field(default_factory=list)

    def signed(self, actor: Actor) -> Signed | None:
        return self.api.roll.signed([(b"cookie", actor.headers["cookie"].encode())])


def covers(scope: Scope, place: Scope) -> bool:
    """Said once more, apart from the code that is judged."""
    return (
        scope.organisation in ("", place.organisation)
        and scope.app in ("", place.app)
        and scope.environment in (None, place.environment)
    )


def expected(actor: Actor, route: Route, target: Scope) -> bool:
    """Whether the route's handler may be reached, for a place of its path."""
    if route.permission is None:
        return True
    rule = may(actor.who, str(route.permission))
    if actor.state != "good" or rule is None or (rule.whole and actor.place != "installation"):
        return False
    if route.within is Within.INSTALLATION:
        return actor.place == "installation"
    place = placed(route.path, target)
    if actor.scope.organisation not in ("", place.organisation):
        return False
    if route.within is Within.HANDLER:
        return True
    around = route.within is Within.AROUND and covers(place, actor.scope)
    return covers(actor.scope, place) or around


def placed(path: str, target: Scope) -> Scope:
    """As much of the target as the path names."""
    return Scope(
        target.organisation,
        target.app if "{app}" in path else "",
        target.environment if "{env}" in path else None,
    )


def page_expected(actor: Actor, page: PageRoute, target: Scope) -> bool:
    """A page is of the organisation the person is in; an app of another one is nowhere."""
    if not page.signed_in:
        return True
    if actor.state not in ("good", "without roles"):
        return False
    place = placed(page.path, target)
    if place.app and actor.scope.organisation not in ("", target.organisation):
        return False
    if page.permission is None or page.within is Within.HANDLER:
        return True
    home = replace(place, organisation=actor.scope.organisation or target.organisation)
    rule = may(actor.who, str(page.permission))
    if actor.state != "good" or rule is None or (rule.whole and actor.place != "installation"):
        return False
    return covers(actor.scope, home)


def filled(path: str, target: Scope) -> str:
    names = {**THINGS, "app": target.app, "env": str(target.environment), "organisation": target.organisation}
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "thing-1"), path)


async def ask_route(world: World, frame: Frame, route: Route, actor: Actor, target: Scope) -> bool:
    """Whether its handler was reached. People ask as the console does for them."""
    world.reached.clear()
    path = filled(route.path, target)
    signed = None if actor.who.startswith("key:") else world.signed(actor)
    if signed is not None:
        scope = {
            "method": route.method, "path": path, "query_string": b"", "client": ("127.0.0.1", 5),
            "headers": [(b"pushwarden-organisation", target.organisation.encode())],
        }  # fmt: skip
        try:
            await frame.inside(signed.principal, scope, nothing, "r1")
        except PushwardenError as error:
            assert error.status in REFUSED, (route.path, error)
    else:
        headers = {**actor.headers, "pushwarden-organisation": target.organisation}
        reply = await request(frame, route.method, path, b"", headers)
        assert bool(world.reached) == (reply.status == 200), (route.path, reply)
        assert reply.status in (200, *REFUSED), (route.path, reply)
    return bool(world.reached)


async def ask_page(world: World, console: Console, page: PageRoute, actor: Actor, target: Scope) -> bool:
    world.reached.clear()
    secret = actor.headers["cookie"].partition("=")[2]
    headers = {"cookie": f"{actor.headers['cookie']}; {ORGANISATION}={target.organisation}", "sec-fetch-site": "none"}
    body, headers["content-type"] = f"csrf={csrf_of(secret)}".encode(), "application/x-www-form-urlencoded"
    path = filled(page.path, target) + (f"?csrf={csrf_of(secret)}" if page.streams else "")
    reply = await request(console, page.method, path, body if page.method == "POST" else b"", headers)  # type: ignore[arg-type]
    assert reply.status in (200, 303, *REFUSED), (page.path, reply)
    return bool(world.reached)


async def nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


class Quiet(Console):
    """It draws no page for a refusal: its status is enough."""

    async def _refuse(self, send: Any, visit: Visit, error: PushwardenError) -> None:
        await self._reply(send, visit, Answer({"code": error.code}, error.status))


def probed(world: World) -> tuple[Frame, Console]:
    """The whole product's tables, with handlers that only note that they were reached."""

    async def handler(_: Call) -> Answer:
        world.reached.append("route")
        return Answer({"reached": True})

    async def view(_: Visit) -> Answer:
        world.reached.append("page")
        return Answer({"reached": True})

    async def note(_: AuditEntry) -> None:
        return None

    api, real = world.api, world.api.doors()
    routes = [replace(route, handler=handler) for route in world.frame.router.routes]
    frame = Frame(routes, api.keys, api.clock, note)
    console = real.console
    pages = [replace(page, view=view) for page in console.router.routes]
    return frame, Quiet(console._desk, console._gate, pages)


async def routes_judged(world: World) -> dict[str, Any]:
    """Every route × actor × target. wrong: what differs from the table, at most 50 of them in words."""
    frame, _ = probed(world)
    tally, wrong = Counter[str](), list[str]()
    for route in frame.router.routes:
        for actor in world.actors:
            for name, target in TARGETS.items():
                got, should = await ask_route(world, frame, route, actor, target), expected(actor, route, target)
                tally["reached" if got else "refused"] += 1
                if got != should:
                    wrong.append(f"{route.method} {route.path} by {actor}, {name}: {'in' if got else 'out'}")
    return {"routes": len(frame.router.routes), **told(tally, wrong)}


async def pages_judged(world: World) -> dict[str, Any]:
    _, console = probed(world)
    people = [actor for actor in world.actors if not actor.who.startswith("key:")]
    tally, wrong = Counter[str](), list[str]()
    for page in console.router.routes:
        for actor in people:
            for name, target in TARGETS.items():
                got, should = await ask_page(world, console, page, actor, target), page_expected(actor, page, target)
                tally["reached" if got else "refused"] += 1
                if got != should:
                    wrong.append(f"{page.method} {page.path} by {actor}, {name}: {'in' if got else 'out'}")
    return {"pages": len(console.router.routes), **told(tally, wrong)}


def told(tally: Counter[str], wrong: list[str]) -> dict[str, Any]:
    asked = tally.total()
    share = round(100 * (asked - len(wrong)) / asked, 4)
    return {"asked": asked, **tally, "as_specified_percent": share, "wrong": wrong[:50]}


def marker(place: Scope) -> str:
    """A word that stands in the ids and names of everything of this place, and nowhere else."""
    return f"zq{place.organisation}{place.app}{place.environment or ''}zq"


def app_of(place: Scope) -> Scope:
    return replace(place, environment=None)


MARKED = re.compile("|".join({marker(one) for place in TARGETS.values() for one in (place, app_of(place))}))


async def lists_judged(world: World) -> dict[str, Any]:
    """What reads of no one place show: never a thing of a place that is not the actor's."""
    shown, wrong, asked = 0, list[str](), 0
    reads = [one for one in world.frame.router.routes if one.method == "GET" and "{" not in one.path and one.permission]
    for route in reads:
        for actor in world.actors:
            for organisation in ("acme", "beta"):
                text, asked = await read(world, route.path, actor, organisation), asked + 1
                seen = set(MARKED.findall(text))
                shown += len(seen)
                own = {marker(one) for one in MARKS if near(actor, one, organisation)}
                wrong += [f"{route.path} shows {actor} of {organisation}: {one}" for one in seen - own]
    return {"reads": len(reads), "asked": asked, "things_shown": shown, "wrong": wrong[:50]}


MARKS = [*TARGETS.values(), *map(app_of, TARGETS.values())]


def near(actor: Actor, place: Scope, organisation: str) -> bool:
    """In the organisation that was asked about, and within the actor's place; an app's name is seen from inside it."""
    if actor.state != "good" or place.organisation != organisation:
        return False
    return covers(actor.scope, place) or (place.environment is None and covers(place, actor.scope))


async def read(world: World, path: str, actor: Actor, organisation: str) -> str:
    """The body as text; empty when it was refused."""
    if actor.who.startswith("key:"):
        reply = await request(world.frame, "GET", path, b"", {**actor.headers, "pushwarden-organisation": organisation})
        return reply.body.decode() if reply.status == 200 else ""
    signed = world.signed(actor)
    if signed is None:
        return ""
    scope = {
        "method": "GET", "path": path, "query_string": b"", "client": ("127.0.0.1", 5),
        "headers": [(b"pushwarden-organisation", organisation.encode())],
    }  # fmt: skip
    try:
        answer = await world.frame.inside(signed.principal, scope, nothing, "r1")
    except PushwardenError:
        return ""
    if answer.stream is not None:
        return b"".join([part async for part in answer.stream]).decode()
    return answer.encoded().decode()


@dataclass(frozen=True)
class Action:
    """What a handler decides by itself. body: for a target; before: what the administrator does so that it can be."""

    body: Callable[[Scope], dict[str, Any]] = lambda _: {}
    organisation: bool = False
    before: tuple[str, ...] = ()


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
                status = await act(world, routes[name].method, routes[name].path, actor, target, action.body(target))
                place = Scope(target.organisation) if action.organisation else target
                rule = may(actor.who, str(routes[name].permission))
                should, got = rule is not None and covers(actor.scope, place), status not in REFUSED
                tally["done" if got else "refused"] += 1
                if got != should or status >= 500:
                    wrong.append(f"{name} by {actor}, {called}: {status}")
    return {"actions": len(ACTIONS), **told(tally, wrong)}


async def act(world: World, method: str, path: str, actor: Actor, target: Scope, body: dict[str, Any]) -> int:
    """The status of the real handler's answer."""
    names = {"key": world.keys_of[target], "hold": marker(target)}
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


async def guesses_judged(world: World, count: int, seed: int) -> dict[str, Any]:
    """An administrator of beta asks for ids of acme: true ones and ones like them. No answer has anything of acme."""
    chance, wrong, answers = random.Random(seed), list[str](), Counter[int]()
    carol = next(one for one in world.actors if (one.who, one.place, one.state) == ("key:admin", *BETA))
    reads = [one for one in world.frame.router.routes if one.method == "GET" and "{" in one.path]
    true = [marker(target) for name, target in TARGETS.items() if name != "other organisation"]
    own = {marker(TARGETS["other organisation"]), marker(app_of(TARGETS["other organisation"]))}
    for _ in range(count):
        route = chance.choice(reads)
        path = re.sub(r"\{(\w+)\}", lambda found: guess(found[1], chance, true), route.path)
        named = {"pushwarden-organisation": chance.choice(["acme", "beta", "default"])} if chance.random() < 0.5 else {}
        reply = await request(world.frame, "GET", path, b"", {**carol.headers, **named})
        answers[reply.status] += 1
        seen = set(MARKED.findall(reply.body.decode("utf-8", "replace").replace(path, ""))) - own
        asked = set(MARKED.findall(path))
        if seen - asked or (reply.status == 200 and asked & set(true)):
            wrong.append(f"{path} {named}: {reply.status} {reply.body[:200]!r}")
    return {"guesses": count, "answers": dict(sorted(answers.items())), "reads": len(wrong), "wrong": wrong[:20]}


BETA = ("other organisation", "good")


def guess(name: str, chance: random.Random, true: list[str]) -> str:
    if name == "env":
        return chance.choice(["production", "sandbox", "simulated"])
    if name == "app":
        return chance.choice(["shop", "other", "till", "nothing"])
    if chance.random() < 0.5:
        return chance.choice(true)
    if name == "version":
        return str(chance.randrange(1, 20))
    return f"{chance.getrandbits(80):020x}" if chance.random() < 0.5 else f"{name}_{chance.getrandbits(48):012x}"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    """The api process' parts with three apps in two organisations, and every actor."""
    settings = Settings(data=folder)
    make_keys(settings.keys, {})
    settings.run.mkdir(mode=0o700)
    migrate({"control": settings.control_db, "devices": settings.devices_db, "journal": settings.journal_db})
    api = Api(settings)
    actors, keys_of = await enrol(api)
    await load(api.catalog, api.keys, api.roll)
    await api.ring.open()
    await api.adopt()
    try:
        yield World(api, actors, api.doors()._frame, keys_of)
    finally:
        await api.close()


async def enrol(api: Api) -> tuple[list[Actor], dict[Scope, str]]:
    """Everybody, and a key's id for each target."""
    now, actors, keys_of = api.clock.now_ms(), list[Actor](), dict[Scope, str]()
    entry = AuditEntry(now, "test", "stage.set", Scope())

    def work(tables: Tables) -> Changed[None]:
        for organisation in ("default", "acme", "beta"):
            tables.organisations.insert(Organisation(organisation, organisation.title()))
        for place in TARGETS.values():
            keys_of[place] = furnish(tables, place, now)
        publish(tables, entry)
        actors.clear()
        actors.extend(keys(tables, now))
        actors.extend(people(tables, now))
        return Changed(None)

    await api.catalog.change(entry, work)
    return actors, keys_of


def furnish(tables: Tables, place: Scope, now: int) -> str:
    """An app, and a thing of every kind with the place's marker in its id or name; the id of its key."""
    assert place.environment is not None
    word = marker(place)
    if not any(one.id == place.app for one in tables.apps.all(place.organisation)):
        bundle = f"com.{place.organisation}.{place.app}"
        tables.apps.insert(App(place.organisation, place.app, marker(app_of(place)), bundle_id=bundle))
    tables.credentials.insert(
        Credential(
            place.organisation, place.app, place.environment, word, "apns", CredentialKind.APNS_TOKEN,
            CredentialState.ACTIVE, word, {"key_id": "KEY1234567", "team_id": "TEAM123456"}, created_at=now,
        )
    )  # fmt: skip
    lane = f"{place.organisation}/{place.app}/{place.environment}/apns/bulk"
    tables.holds.put(Hold(word, lane, f"held: {word}", now))
    row, _ = minted(word, KeyKind.READ, place, now_ms=now, expires_at=now + HOUR_MS)
    tables.keys.insert(row)
    return row.id


def keys(tables: Tables, now: int) -> Iterator[Actor]:
    for kind in KeyKind:
        for place, scope in PLACES.items():
            for state in KEY_STATES if place in ("installation", "environment") else KEY_STATES[:1]:
                row, text = minted(f"{kind} {place}", kind, scope, now_ms=now, expires_at=now + HOUR_MS)
                if state == "revoked":
                    row = replace(row, revoked_at=now)
                if state == "expired":
                    row = replace(row, created_at=now - HOUR_MS, expires_at=now)
                if state == "forged":
                    row, _ = minted(f"{kind} {place}", kind, scope, now_ms=now, expires_at=now + HOUR_MS)
                tables.keys.insert(row)
                yield Actor(f"key:{kind}", place, state, {"authorization": f"Bearer {text}"})


def people(tables: Tables, now: int) -> Iterator[Actor]:
    for role in Role:
        for place, scope in PLACES.items():
            for state in PERSON_STATES if place in ("installation", "environment") else PERSON_STATES[:1]:
                yield person(tables, role, place, scope, state, now)


def person(tables: Tables, role: Role, place: str, scope: Scope, state: str, now: int) -> Actor:
    name = secrets.token_hex(6)
    bindings = () if state == "without roles" else (Binding(role, scope),)
    disabled = now if state == "disabled" else None
    tables.people.insert(
        Person(name, scope.organisation, f"{name}@x.example", "P", bindings=bindings, disabled_at=disabled)
    )
    secret = secrets.token_urlsafe(32)
    seen = now - 24 * HOUR_MS if state == "idle" else now
    if state != "ended":
        tables.sessions.put(Session(f"s{name}", name, digest(secret), seen, seen, now + HOUR_MS, "", "test"))
    return Actor(str(role), place, state, {"cookie": f"pushwarden={secret}"})


def played(folder: Path, guesses: int, seed: int = 1) -> dict[str, Any]:
    """All of it; ok when everything is as the table says and no guess read anything."""

    async def work() -> dict[str, Any]:
        async with opened(folder) as world:
            with capture_logs():  # of some thousand stops
                return await judged(world, guesses, seed)

    return asyncio.run(work())


async def judged(world: World, guesses: int, seed: int) -> dict[str, Any]:
    began = time.monotonic()
    parts = {
        "routes": await routes_judged(world),
        "pages": await pages_judged(world),
        "lists": await lists_judged(world),
        "actions": await actions_judged(world),
        "guesses": await guesses_judged(world, guesses, seed),
    }
    wrong = sum(len(part["wrong"]) for part in parts.values())
    states = dict(Counter(one.state for one in world.actors))
    return {"name": "matrix", "ok": not wrong, "actors": states, **parts, "seconds": round(time.monotonic() - began, 1)}
