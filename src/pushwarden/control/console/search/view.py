"""Search: apps, devices by installation or how a token begins, pushes by id or apns-id, people, pages, things to do."""

from __future__ import annotations

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

MOST_PLACES = 90
"""Environments of apps that are looked through for a device or a push."""
MOST_FOUND = 20
LEAST_TOKEN = 8
_PUSH = re.compile(r"[0-9a-f]{20}|[0-9a-f]{32}")
PAGES = (
    ("Apps", "/apps"), ("Deliveries", "/deliveries"), ("Audit", "/audit"), ("Access", "/access"), ("System", "/system"),
    ("Your account", "/profile"), ("Help", "/help"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """kind: an icon. where: what it is, in small."""

    kind: str
    name: str
    href: str
    where: str = ""


async def search(visit: Visit) -> Page | Redirect:
    """A push, device or app named exactly is gone to at once."""
    q = visit.query.get("q", "").strip()[:200]
    if not q:
        return Page("search/page.html", {"title": "Search", "q": q, "groups": {}})
    apps = list(await _apps(visit))
    groups = {
        "Do": [one for one in _actions(visit, apps) if _about(q, one)],
        "Apps": [one for one in _of_apps(apps) if _about(q, one)],
        "Pushes": await _pushes(visit, apps, q),
        "Devices": await _devices(visit, apps, q),
        "People": await _people(visit, q),
        "Pages": [one for one in _pages(apps) if _about(q, one) and not _about(q, Found("", one.where, ""))][
            :MOST_FOUND
        ],
    }
    found = {name: group for name, group in groups.items() if group}
    everything = [one for group in found.values() for one in group]
    if len(everything) == 1 and everything[0].kind in ("deliveries", "device"):
        return Redirect(everything[0].href)
    return Page("search/page.html", {"title": "Search", "q": q, "groups": found})


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
        if visit.may(Permission.STOP):
            yield Found("stop", f"Stop pushes of {app.name}…", f"/stop?app={quote(app.id)}")
        yield Found("send", f"Send test push to {app.name}", f"/apps/{quote(app.id)}/production/send")
        yield Found("credentials", f"Renew certificate of {app.name}", f"/apps/{quote(app.id)}/production/credentials")


def _of_apps(apps: list[Any]) -> Iterator[Found]:
    for app in apps:
        named = " ".join(dict.fromkeys(filter(None, (app.id, app.bundle_id, app.android_package))))
        yield Found("apps", app.name, f"/apps/{quote(app.id)}/production/overview", named)


def _pages(apps: list[Any]) -> Iterator[Found]:
    for name, href in PAGES:
        yield Found("page", name, href)
    for app in apps:
        for id, name in bar.TABS:
            yield Found("page", name, f"/apps/{quote(app.id)}/production/{id}", app.name)


def _places(apps: list[Any]) -> list[tuple[Any, Environment]]:
    return [(app, environment) for app in apps for environment in Environment][:MOST_PLACES]


async def _pushes(visit: Visit, apps: list[Any], q: str) -> list[Found]:
    """By its id, or an apns-id, which begins with it."""
    digits = q.replace("-", "").lower()
    if not _PUSH.fullmatch(digits):
        return []
    for app, environment in _places(apps):
        try:
            push = await visit.api.get(f"/v1/apps/{app.id}/{environment}/pushes/{digits[:20]}")
        except PushwardenError:
            continue
        said = getattr(push, "title", "") or digits[:20]
        href = f"/apps/{quote(app.id)}/{environment}/activity/{digits[:20]}"
        return [Found("deliveries", said, href, f"{app.name}, {environment}")]
    return []


async def _devices(visit: Visit, apps: list[Any], q: str) -> list[Found]:
    """By installation, user, or how a token begins."""
    found: list[Found] = []
    for app, environment in _places(apps) if " " not in q else ():
        for name in ("installation_id", "user", *(("token",) if len(q) >= LEAST_TOKEN else ())):
            try:
                listed = await visit.api.get(f"/v1/apps/{app.id}/{environment}/devices", limit=5, **{name: q})
            except PushwardenError:
                continue
            found += [_device(app, environment, one) for one in _field(listed, "devices")]
            if found and name == "installation_id":
                break
    return list({one.href: one for one in found}.values())[:MOST_FOUND]


def _device(app: Any, environment: Environment, one: Any) -> Found:
    name = str(_field(one, "installation_id"))
    href = f"/apps/{quote(app.id)}/{environment}/devices?q={quote(name)}"
    return Found("device", name, href, f"{app.name}, {environment}")


def _field(one: Any, name: str) -> Any:
    return one[name] if isinstance(one, dict) else getattr(one, name)


async def _people(visit: Visit, q: str) -> list[Found]:
    try:
        listed = await visit.api.get("/v1/users")
    except PushwardenError:
        return []
    people = [Found("access", str(_field(one, "name")), "/access", str(_field(one, "email"))) for one in
              _field(listed, "users")]  # fmt: skip
    return [one for one in people if _about(q, one) or q.casefold() in one.where.casefold()][:MOST_FOUND]


def routes() -> tuple[PageRoute, ...]:
    return (page("GET", "/search", search, None, within=Within.HANDLER),)
