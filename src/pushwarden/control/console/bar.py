"""What stands around every page: apps to switch to, environments, tabs, bands, what is in effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pushwarden.control.console.desk import Desk
from pushwarden.control.console.places import named, reach
from pushwarden.control.console.visit import Visit
from pushwarden.core.app import App
from pushwarden.core.errors import PushwardenError
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope

RAIL = (
    ("apps", "Apps", "/apps"),
    ("deliveries", "Deliveries", "/deliveries"),
    ("audit", "Audit", "/audit"),
    ("access", "Access", "/access"),
    ("system", "System", "/system"),
)
TABS = (
    ("overview", "Overview"),
    ("credentials", "Credentials"),
    ("devices", "Devices"),
    ("send", "Send & test"),
    ("schedules", "Schedules"),
    ("guard", "Guard"),
    ("calls", "Calls"),
    ("activity", "Activity"),
    ("history", "History"),
    ("settings", "Settings"),
)


@dataclass(frozen=True, slots=True)
class Strip:
    """The foot: which configuration is in effect, and where."""

    version: int
    loaded: int
    senders: int
    build: str
    simulated_only: bool


async def context(desk: Desk, visit: Visit) -> dict[str, Any]:
    """Everything base.html and app.html name, from memory but for the stops' reasons."""
    snapshot = desk.snapshot()
    loaded, apps = desk.senders(), _apps(visit, snapshot.apps.values())
    organisations = desk.sessions.organisations(visit.principal)
    return {
        "visit": visit,
        "person": visit.visitor,
        "csrf": visit.visitor.csrf,
        "Permission": Permission,
        "ask": partial(_ask, desk, visit),
        "rail": RAIL,
        "tabs": TABS,
        "section": visit.path.split("/")[1],
        "tab": visit.path.split("/")[4] if visit.where.app and visit.path.count("/") > 3 else "",
        "apps": apps,
        "app": next((one for one in apps if one.id == visit.where.app), None),
        "environment": visit.where.environment,
        "environments": tuple(Environment),
        "tab_counts": await _counts(visit),
        "stops": await _standing(visit, "/v1/stop", "stops"),
        "ramps": await _standing(visit, "/v1/ramps", "ramps"),
        "whereabouts": whereabouts,
        "named": named,
        "organisations": organisations,
        "reach": partial(reach, organisations=organisations, apps=apps),
        "strip": Strip(
            snapshot.version,
            sum(one == snapshot.version for one in loaded.values()),
            len(loaded),
            desk.version,
            desk.simulated_only,
        ),
    }


def _ask(desk: Desk, visit: Visit, permission: Permission, where: Scope | None = None) -> str:
    """Whom to ask, for a button that this person may not press. where: of what it is about, else the page's place."""
    names = desk.sessions.able(permission, where or visit.where)
    if not names:
        return "Nobody here may do this; ask whoever runs the server."
    *first, last = names[:3]
    either = f"{', '.join(first)} or {last}" if first else last
    return f"Ask {either.removesuffix('.')}."


def _apps(visit: Visit, apps: Any) -> list[App]:
    own = visit.visitor.organisation
    found = [
        one
        for one in apps
        if one.organisation == own and visit.principal.about(Permission.APP_READ, Scope(own, one.id))
    ]
    return sorted(found, key=lambda one: one.name.casefold())


async def _counts(visit: Visit) -> Any:
    """What stands beside the tabs of an app's page; None where there are none."""
    if not visit.where.app or visit.partial or not visit.may(Permission.APP_READ):
        return None
    try:
        return await visit.api.get(f"{visit.v1}/counts")
    except PushwardenError:
        return None


async def _standing(visit: Visit, path: str, name: str) -> list[Any]:
    """What is stopped, or resumed in steps, at or above this page's place; on pages of no app, all of the person's."""
    if not visit.principal.id:
        return []
    try:
        listed = await visit.api.get(path)
    except PushwardenError:
        return []
    where = visit.where
    return [
        one
        for one in getattr(listed, name)
        if not where.app or (one.app in ("", where.app) and one.environment in ("", str(where.environment)))
    ]


def whereabouts(one: Any, apps: Sequence[App]) -> str:
    """The scope of a stop or a ramp, in words. apps: by which its app is called."""
    if not one.app:
        return "All apps" if one.organisation else "Everything on this server"
    name = next((app.name for app in apps if app.id == one.app), one.app)
    return f"{name}, {one.environment.capitalize()}" if one.environment else f"{name}, every environment"
