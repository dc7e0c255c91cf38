"""Every route and page, asked by every role and kind of key from every place and state: who gets in, and who should."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from access_actions import actions_judged
from access_spec import may
from access_world import REFUSED, TARGETS, Actor, World, app_of, covers, marker, opened, told
from cast import request
from pushwarden.control.console.door import Console
from pushwarden.control.console.pages import PageRoute
from pushwarden.control.console.visit import Visit
from pushwarden.control.people.roll import ORGANISATION, csrf_of
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import PushwardenError
from pushwarden.core.scope import Scope
from pushwarden.web.call import Answer, Call
from pushwarden.web.frame import Frame
from pushwarden.web.routes import Route, Within
from pushwarden.wiring.fleet.places import looks

THINGS = {
    "credential": "cred-1", "key": "key-1", "hold": "hold-1", "callback": "cb-1", "request": "req-1", "probe": "pr-1",
    "id": "0" * 20, "installation_id": "i-1", "audience": "1", "version": "1",
}  # fmt: skip


def expected(actor: Actor, route: Route, target: Scope) -> bool:
    """Whether the route's handler may be reached, for a place of its path."""
    return route.permission is None or admitted(actor, str(route.permission), route.within, placed(route.path, target))


def admitted(actor: Actor, permission: str, within: Within, place: Scope) -> bool:
    rule = may(actor.who, permission)
    if actor.state != "good" or rule is None or (rule.whole and actor.place != "installation"):
        return False
    if within is Within.INSTALLATION:
        return actor.place == "installation"
    if actor.scope.organisation not in ("", place.organisation):
        return False
    around = within is Within.AROUND and covers(place, actor.scope)
    return within is Within.HANDLER or covers(actor.scope, place) or around


def placed(path: str, target: Scope) -> Scope:
    """As much of the target as the path names."""
    return Scope(
        target.organisation,
        target.app if "{app}" in path else "",
        target.environment if "{env}" in path else None,
    )


def page_expected(actor: Actor, page: PageRoute, target: Scope) -> bool:
    """A page is of the organisation the person is in; below /apps an app of another one is nowhere.

    Other addresses name no place: what they ask the API for is judged there.
    """
    if not page.signed_in:
        return True
    if actor.state not in ("good", "without roles"):
        return False
    place = placed(page.path if page.path.startswith("/apps/{app}/") else "", target)
    home = actor.scope.organisation or ("default" if actor.state == "without roles" else target.organisation)
    if place.app and home != target.organisation:
        return False
    if page.permission is None:
        return True
    return admitted(actor, str(page.permission), page.within, replace(place, organisation=home))


def filled(path: str, target: Scope) -> str:
    names = {**THINGS, "app": target.app, "env": str(target.environment), "organisation": target.organisation}
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "thing-1"), path)


def asked_for(actor: Actor) -> list[tuple[str, Scope]]:
    """Who is nobody any more is refused for that, whatever is asked for."""
    return list(TARGETS.items()) if actor.state == "good" else [("own", TARGETS["own"])]


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
            for name, target in asked_for(actor):
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
            for name, target in asked_for(actor):
                got, should = await ask_page(world, console, page, actor, target), page_expected(actor, page, target)
                tally["reached" if got else "refused"] += 1
                if got != should:
                    wrong.append(f"{page.method} {page.path} by {actor}, {name}: {'in' if got else 'out'}")
    return {"pages": len(console.router.routes), **told(tally, wrong)}


MARKED = re.compile(r"zq[a-z]+zq")


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


async def views_judged(world: World) -> dict[str, Any]:
    """The pages themselves, drawn for people: none shows a thing of a place that is not theirs."""
    console = world.api.doors().console
    people = [one for one in world.actors if one.state == "good" and not one.who.startswith("key:")]
    people = [one for one in people if one.place != "installation"]  # who is of everywhere may see everything
    own = {id(actor): {marker(one) for one in MARKS if near(actor, one, actor.scope.organisation)} for actor in people}
    answers, shown, wrong = Counter[int](), 0, list[str]()
    for page, name, actor in product(looks(console.router.routes), ("own", "other organisation"), people):
        if name == "own" or "{app}" in page.path:
            status, seen = await looked(console, filled(page.path, TARGETS[name]), actor, TARGETS[name])
            answers[status] += 1
            shown += len(seen)
            wrong += [f"{page.path} shows {actor}, {name}: {one}" for one in seen - own[id(actor)]]
            wrong += [f"{page.path} breaks for {actor}, {name}: {status}"] if status >= 500 else []
    return {"asked": answers.total(), **{str(key): answers[key] for key in sorted(answers)}, "things_shown": shown,
            "wrong": wrong[:50]}  # fmt: skip


async def looked(console: Console, path: str, actor: Actor, target: Scope) -> tuple[int, set[str]]:
    headers = {"cookie": f"{actor.headers['cookie']}; {ORGANISATION}={target.organisation}", "sec-fetch-site": "none"}
    reply = await request(console, "GET", path, b"", headers)  # type: ignore[arg-type]
    return reply.status, set(MARKED.findall(reply.body.decode("utf-8", "replace")))


MARKS = [
    *TARGETS.values(),
    *map(app_of, TARGETS.values()),
    *(Scope(place.organisation) for place in TARGETS.values()),
]


def near(actor: Actor, place: Scope, organisation: str) -> bool:
    """In the organisation that was asked about, and within the actor's place; names of an app
    and of people are seen from inside the app and the organisation."""
    if actor.state != "good" or place.organisation != organisation:
        return False
    return covers(actor.scope, place) or (place.environment is None and covers(place, actor.scope))


async def read(world: World, path: str, actor: Actor, organisation: str) -> str:
    """The body as text; empty when it was refused."""
    if actor.who.startswith("key:"):
        reply = await request(world.frame, "GET", path, b"", {**actor.headers, "pushwarden-organisation": organisation})
        return reply.body.decode("utf-8", "replace") if reply.status == 200 else ""
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
        return b"".join([part async for part in answer.stream]).decode("utf-8", "replace")
    return answer.encoded().decode("utf-8", "replace")


async def guesses_judged(world: World, count: int, seed: int) -> dict[str, Any]:
    """An administrator of beta asks for ids of acme: true ones and ones like them. No answer has anything of acme."""
    chance, wrong, answers = random.Random(seed), list[str](), Counter[int]()
    carol = next(one for one in world.actors if (one.who, one.place, one.state) == ("key:admin", *BETA))
    reads = [one for one in world.frame.router.routes if one.method == "GET" and "{" in one.path]
    true = [marker(target) for name, target in TARGETS.items() if name != "other organisation"]
    home = TARGETS["other organisation"]
    own = {marker(one) for one in (home, app_of(home), Scope(home.organisation))}
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
        "views": await views_judged(world),
        "actions": await actions_judged(world),
        "guesses": await guesses_judged(world, guesses, seed),
    }
    wrong = sum(len(part["wrong"]) for part in parts.values())
    states = dict(Counter(one.state for one in world.actors))
    return {"name": "matrix", "ok": not wrong, "actors": states, **parts, "seconds": round(time.monotonic() - began, 1)}
