"""All apps of the organisation: how each stands, and what needs somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.plots import Validity, expiry, spark
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.control.console.zone import zone_of
from pushwarden.core.health import DAY_MS
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.verdict import NEEDS_SOMEBODY, State
from pushwarden.web.routes import Within

FACETS: dict[str, Callable[[Any], bool]] = {
    "": lambda _: True,
    "attention": lambda one: one.verdict.state in NEEDS_SOMEBODY,
    "production": lambda one: one.environment == Environment.PRODUCTION,
    "sandbox": lambda one: one.environment == Environment.SANDBOX,
    "stopped": lambda one: one.verdict.state == State.STOPPED,
}
"""What the page's filter can show."""
MOST = 60
"""Rows of a page, unless all are asked for."""
ENDING = 8
"""Credentials on the line of when they end: those that end first."""
SPARK = 3
"""Minutes of a point of a row's line."""


async def show(visit: Visit) -> Page:
    found = await visit.api.get("/v1/overview")
    wanted = visit.query.get("show", "") if visit.query.get("show", "") in FACETS else ""
    meeting = [one for one in found.places if FACETS[wanted](one)]
    whole = "all" in visit.query
    shown = meeting if whole else meeting[:MOST]
    context = {
        "title": "Apps",
        "places": found.places,
        "rows": [_row(visit, one) for one in shown],
        "show": wanted,
        "asked": urlencode({**({"show": wanted} if wanted else {}), **({"all": 1} if whole else {})}),
        "left": len(meeting) - len(shown),
        "counts": {name: sum(map(meets, found.places)) for name, meets in FACETS.items()},
        "needing": needing(found.places),
        "worst": min((one.verdict.state for one in found.places), key=list(State).index, default=State.NOTHING),
        "changes": {one.app: one for one in found.changes},
        "line": expiry("ends", ending(found.places), visit.now_ms, zone_of(visit.headers)),
        "binned": await _binned(visit),
    }
    return Page("apps/page.html", context)


def ending(places: list[Any]) -> list[Validity]:
    """Credentials with an end, the first ones; one that serves several environments of an app stands there once."""
    found: dict[tuple[str, str, int], list[str]] = {}
    for one in places:
        for lane in one.credentials:
            if lane.ends_at:
                found.setdefault((one.name, lane.name, lane.ends_at), []).append(one.environment.capitalize())
    first = sorted(found.items(), key=lambda item: (item[0][2], item[0]))[:ENDING]
    return [
        Validity(name, provider if len(where) > 1 else f"{provider}, {where[0]}", ends)
        for (name, provider, ends), where in first
    ]


async def _binned(visit: Visit) -> int:
    """How many deleted apps this person could put back."""
    if not visit.principal.about(Permission.APP_DELETE, Scope(visit.where.organisation)):
        return 0
    return len((await visit.api.get("/v1/bin")).apps)


def needing(places: list[Any]) -> list[Any]:
    """Whatever needs somebody, the worst first; what is so in both environments, or everywhere, stands there once."""
    found = sorted((one for one in places if FACETS["attention"](one)), key=_urgency)
    return list({_said(one): one for one in reversed(found)}.values())[::-1]


def _said(one: Any) -> tuple[str, ...]:
    said, app = one.verdict, "" if one.verdict.where == "system" else one.app
    return (app, said.todo) if said.todo else (app, said.sentence, said.rest)


def _urgency(one: Any) -> tuple[int, bool, str]:
    sandbox = one.environment != Environment.PRODUCTION
    return list(State).index(State(one.verdict.state)), sandbox, one.name.casefold()


def _row(visit: Visit, one: Any) -> dict[str, Any]:
    over = one.accepted[2:-1]
    sums = [sum(over[at : at + SPARK]) for at in range(0, len(over), SPARK)]
    where = Scope(visit.where.organisation, one.app, Environment(one.environment))
    return {
        "place": one,
        "spark": spark(sums),
        "total": sum(one.accepted) + one.refused,
        "lanes": [(lane.name, lane.health, days_left(lane.ends_at, visit.now_ms)) for lane in one.credentials],
        "may_stop": visit.may(Permission.STOP, where),
    }


def days_left(ends_at: int, now_ms: int) -> int | None:
    """Begun days until it ends, negative after; None for what does not end."""
    return -(-(ends_at - now_ms) // DAY_MS) if ends_at else None


async def home(_: Visit) -> Redirect:
    return Redirect("/apps")


def routes() -> tuple[PageRoute, ...]:
    return (
        page("GET", "/", home, None),
        page("GET", "/apps", show, Permission.APP_READ, within=Within.HANDLER),
    )
