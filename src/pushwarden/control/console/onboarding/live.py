"""Going live: what is looked at first, and one button. From then on pushes reach everybody they name."""

from __future__ import annotations

from pushwarden.control.console.onboarding.steps import facts_of
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Conflict
from pushwarden.core.principal import Permission


async def show(visit: Visit) -> Page:
    return await _drawn(visit)


async def go(visit: Visit) -> Page | Redirect:
    said = visit.form.text("version")
    version = int(said) if said.isascii() and said.isdigit() and len(said) < 16 else 0
    live = visit.form.text("trial") != "true"
    try:
        app = await visit.api.patch(f"/v1/apps/{visit.where.app}", {"version": max(1, version), "trial": not live})
    except Conflict:
        return await _drawn(visit, "conflict", 409)
    said = f"{app.name} is live: pushes reach everybody they name." if live else f"{app.name} is on trial again."
    return Redirect(f"{visit.base}/overview", toast=said)


async def _drawn(visit: Visit, problem: str = "", status: int = 200) -> Page:
    whole = await visit.api.get(f"/v1/apps/{visit.where.app}")
    context = {"title": "Go live", "whole": whole, "ready": await facts_of(visit), "problem": problem}
    return Page("onboarding/live.html", context, status)


def routes() -> tuple[PageRoute, ...]:
    address = "/apps/{app}/{env}/live"
    return (
        page("GET", address, show, Permission.APP_READ),
        page("POST", address, go, Permission.APP_WRITE),
    )
