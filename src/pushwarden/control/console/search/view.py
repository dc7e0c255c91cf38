"""Search: apps, devices by installation or how a token begins, pushes by id or apns-id, people, pages, things to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pushwarden.control.console import bar
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import PushwardenError
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment
from pushwarden.web.routes import Within

MOST_APPS = 100
"""Apps whose environments are looked through for a device; the page says when there are more."""
MOST_FOUND = 20
MOST_OFFERED = 6
"""Of each group, while somebody types."""
LEAST_TOKEN = 8
_PUSH = re.compile(r"[0-9a-f]{20}|[0-9a-f]{32}")
PAGES = (
    ("Apps", "/apps"), ("Deliveries", "/deliveries"), ("Audit", "/audit"), ("Access", "/access"), ("System", "/system"),
    ("Your account", "/profile"), ("Help", "/help"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """kind: an icon. where: what it is, in small. app: whose, of something to do."""

    kind: str
    name: str
    href: str
    where: str = ""
    app: str = ""


async def search(visit: Visit) -> Page | Redirect:
    """A push, device or app named exactly is gone to at once."""
    q, apps = _asked(visit), await _apps(visit)
    found = await _found(visit, apps, q) if q else {}
    everything = [one for group in found.values() for one in group]
    if len(everything) == 1 and found.keys() <= {"Pushes", "Devices"}:
        return Redirect(everything[0].href)
    beyond = max(0, len(apps) - MOST_APPS)
    return Page(
        "search/page.html", {"title": "Search", "q": q, "groups": found, "beyond": beyond, "most_apps": MOST_APPS}
    )


async def palette(visit: Visit) -> Page:
    """What the search field offers while somebody types; with nothing typed, what can be done."""
    q, apps = _asked(visit), await _apps(visit)
    first = {"Do": _near(visit, list(_actions(visit, apps))), "Pages": list(_pages([]))}
    found = await _found(visit, apps, q) if q else first
    shown = {name: group[:MOST_OFFERED] for name, group in found.items()}
    return Page("search/palette.html", {"title": "Search", "q": q, "groups": shown})


def _asked(visit: Visit) -> str:
    return visit.query.get("q", "").strip()[:200]


def _near(visit: Visit, actions: list[Found]) -> list[Found]:
    """Those about the app of the page one looks at, before the others."""
    app = visit.query.get("app", "")
    return sorted(actions, key=lambda one: bool(app) and one.app != app)


async def _found(visit: Visit, apps: list[Any], q: str) -> dict[str, list[Found]]:
    groups = {
        "Pushes": await _pushes(visit, apps, q),
        "Devices": await _devices(visit, apps, q),
        "Apps": [one for one in _of_apps(apps) if _about(q, one)],
        "Do": [one for one in _actions(visit, apps) if _about(q, one)],
        "People": await _people(visit, q),
        "Pages": [one for one in _pages(apps) if _about(q, one) and not _about(q, Found("", one.where, ""))][
            :MOST_FOUND
        ],
    }
    return {name: group for name, group in groups.items() if group}


async def _apps(visit: Visit) -> list[Any]:
    try:
        return list((await visit.api.get("/v1/apps")).apps)
    except PushwardenError:
        return []


def _about(q: str, one: Found) -> bool:
    """Every word begins a word of its name or place."""
    words = re.split(r"[^a-z0-9]+", f"{one.name} {one.where}".casefold())
    return all(any(word.startswith(part) for word in words) for part in q.casefold().split())


def _actions(visit: Visit, apps: list[Any]) -> Iterator[Found]:
    if visit.may(Permission.STOP):
        yield Found("stop", "Stop pushes…", "/stop")
    yield Found("resume", "Resume…", "/resume")
    yield Found("apps", "Create app", "/apps/new")
    for app in apps:
        base = f"/apps/{quote(app.id)}/production"
        if visit.may(Permission.STOP):
            yield Found("stop", f"Stop pushes of {app.name}…", f"/stop?app={quote(app.id)}", app=app.id)
        yield Found("deliveries", f"Send test push to {app.name}", f"{base}/send", app=app.id)
        yield Found("key", f"Renew certificate of {app.name}", f"{base}/credentials", app=app.id)
        yield Found("help", f"Why did a device of {app.name} not get a push?", f"{base}/activity/why", app=app.id)


def _of_apps(apps: list[Any]) -> Iterator[Found]:
    for app in apps:
        named = " ".join(dict.fromkeys(filter(None, (app.id, app.bundle_id, app.android_package))))
        yield Found("apps", app.name, f"/apps/{quote(app.id)}/production/overview", named)


def _pages(apps: list[Any]) -> Iterator[Found]:
    for name, href in PAGES:
        yield Found("right", name, href)
    for app in apps:
        for id, name in bar.TABS:
            yield Found("right", name, f"/apps/{quote(app.id)}/production/{id}", app.name)


def _places(apps: list[Any]) -> list[tuple[Any, Environment]]:
    return [(app, environment) for app in apps[:MOST_APPS] for environment in Environment]


async def _pushes(visit: Visit, apps: list[Any], q: str) -> list[Found]:
    """By its id, or an apns-id, which begins with it."""
    digits = q.replace("-", "").lower()
    if not _PUSH.fullmatch(digits):
        return []
    try:
        listed = (await visit.api.get("/v1/pushes", q=digits[:20], limit=1))["pushes"]
    except PushwardenError:
        return []
    names = {app.id: app.name for app in apps}
    return [_push(one, names) for one in listed]


def _push(one: Any, names: dict[str, str]) -> Found:
    href = f"/apps/{quote(one['app'])}/{one['environment']}/activity/{one['id']}"
    where = f"{names.get(one['app'], one['app'])}, {one['environment']}, {one['audience']}"
    return Found("deliveries", one["title"] or one["type"].capitalize(), href, where)


async def _devices(visit: Visit, apps: list[Any], q: str) -> list[Found]:
    """By installation, user, or how a token begins."""
    if " " in q:
        return []
    found = await asyncio.gather(*(_at(visit, app, environment, q) for app, environment in _places(apps)))
    return list({one.href: one for there in found for one in there}.values())[:MOST_FOUND]


async def _at(visit: Visit, app: Any, environment: Environment, q: str) -> list[Found]:
    """The first name that finds any."""
    for name in ("installation_id", "user", *(("token",) if len(q) >= LEAST_TOKEN else ())):
        try:
            listed = await visit.api.get(f"/v1/apps/{app.id}/{environment}/devices", limit=5, **{name: q})
        except PushwardenError:
            continue
        if rows := _field(listed, "devices"):
            return [_device(app, environment, one) for one in rows]
    return []


def _device(app: Any, environment: Environment, one: Any) -> Found:
    name = str(_field(one, "installation_id"))
    href = f"/apps/{quote(app.id)}/{environment}/devices/{quote(name, safe='')}"
    user = _field(one, "user")
    return Found("phone", name, href, ", ".join(filter(None, (user, app.name, str(environment)))))


def _field(one: Any, name: str) -> Any:
    return one[name] if isinstance(one, dict) else getattr(one, name)


async def _people(visit: Visit, q: str) -> list[Found]:
    try:
        listed = await visit.api.get("/v1/users")
    except PushwardenError:
        return []
    people = [_person(one) for one in _field(listed, "users")]
    return [one for one in people if _about(q, one) or q.casefold() in one.where.casefold()][:MOST_FOUND]


def _person(one: Any) -> Found:
    href = f"/access/people/{quote(str(_field(one, 'id')), safe='')}"
    return Found("access", str(_field(one, "name")), href, str(_field(one, "email")))


def routes() -> tuple[PageRoute, ...]:
    return (
        page("GET", "/search", search, None, within=Within.HANDLER),
        page("GET", "/search/offers", palette, None, within=Within.HANDLER),
    )
