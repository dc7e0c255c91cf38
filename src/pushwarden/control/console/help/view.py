"""Help: the words explained, the keys, where to look. Everything stands in the page."""

from __future__ import annotations

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Visit
from pushwarden.core.verdict import LOOKS


async def show(_: Visit) -> Page:
    return Page("help/page.html", {"title": "Help", "looks": LOOKS})


def routes() -> tuple[PageRoute, ...]:
    return (page("GET", "/help", show, None),)
