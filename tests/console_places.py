"""Every page of the console with an address that shows something: from its own table, so that none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from pushwarden.control.console.app import build
from pushwarden.control.console.door import Desk
from pushwarden.control.console.pages import PageRoute
from pushwarden.wiring.stage import Stage

NOTHING: Any = None
DESK = Desk(*[NOTHING] * len(Desk.__dataclass_fields__))
V1 = "/v1/apps/acme-shop/production"
_DEVICES = "/apps/{app}/{env}/devices"
SKIPPED: dict[str, str] = {
    "/": "leads to /apps",
    f"{_DEVICES}/export": "a file",
    f"{_DEVICES}/listen": "a part of a page",
}
"""Pages with no look of their own, and why."""


@dataclass(frozen=True)
class Place:
    """before: what is done on the page before it is looked at; once: only the first time, as it changes the company."""

    name: str
    path: str
    signed_in: bool = True
    before: Callable[[Page], None] | None = None
    once: bool = False


STATES: tuple[Place, ...] = ()
"""Looks that need something done first."""


def pages() -> list[PageRoute]:
    """All pages people open, as their table has them."""
    table = build(DESK).router.routes
    shown = [route for route in table if route.method == "GET" and route.path not in SKIPPED]
    return sorted(shown, key=lambda route: route.path)


def places(stage: Stage) -> list[Place]:
    """One for every page. KeyError names what no address is known for."""
    names = named(stage)
    return [Place(_name(one.path), filled(one.path, names), one.signed_in) for one in pages()]


def named(stage: Stage) -> dict[str, str]:
    """What stands in an address for each name of the table."""
    return {"app": "acme-shop", "env": "production", "installation_id": "qa-iphone-15"}


def filled(path: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)


def _name(path: str) -> str:
    words = [word.strip("{}") for word in path.split("/") if word not in ("", "{app}", "{env}")]
    return "-".join(words)
