"""All apps of the organisation."""

from __future__ import annotations

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.principal import Permission
from pushwarden.web.routes import Within


async def show(visit: Visit) -> Page:
    return Page("apps/page.html", {"title": "Apps"})


async def home(_: Visit) -> Redirect:
    return Redirect("/apps")


def routes() -> tuple[PageRoute, ...]:
    return (
        page("GET", "/", home, None),
        page("GET", "/apps", show, Permission.APP_READ, within=Within.HANDLER),
    )
