"""Schedules, Guard and Calls: pages that promise nothing they cannot do, and show the way that works today."""

from __future__ import annotations

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Visit
from pushwarden.core.principal import Permission


async def schedules(visit: Visit) -> Page:
    return Page("later/schedules.html", {"title": "Schedules"})


async def guard(visit: Visit) -> Page:
    return Page("later/guard.html", {"title": "Guard"})


async def calls(visit: Visit) -> Page:
    """Whether pushes for calls could go out today: devices that wait for them, and a credential that covers them."""
    summary = await visit.api.get(f"{visit.v1}/devices/summary", days=1)
    waiting = sum(one.live for one in summary.kinds if one.token_kind == "voip")
    return Page("later/calls.html", {"title": "Calls", "waiting": waiting})


def routes() -> tuple[PageRoute, ...]:
    base = "/apps/{app}/{env}/"
    return (
        page("GET", base + "schedules", schedules, Permission.PUSH_READ),
        page("GET", base + "guard", guard, Permission.PUSH_READ),
        page("GET", base + "calls", calls, Permission.DEVICE_READ),
    )
