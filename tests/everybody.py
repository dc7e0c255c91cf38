"""Whether everybody can read and use the console: every page and state looked at, summed up as one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from browser_fixtures import World, opened
from chromium import Tab, chromium, tab
from console_places import places
from console_states import STATES, furnished
from looking_at import CLAIMS, told
from product_fixtures import close_stage


class Look(NamedTuple):
    """broken: claim → what breaks it. octets: of its first load."""

    name: str
    broken: dict[str, Any]
    octets: int


def summary() -> dict[str, Any]:
    """ok when nothing is broken on any page or in any state, in light and in dark."""
    world = opened()
    try:
        with chromium() as browser:
            furnished(world)
            pages, states = list(_pages(browser, world)), list(_states(browser, world))
    finally:
        close_stage(world.stage)
    looks = pages + states
    counts = Counter({claim: 0 for claim in (*CLAIMS, "complaints")})
    for look in looks:
        counts.update({claim: len(found) if isinstance(found, list) else 1 for claim, found in look.broken.items()})
    largest = max(looks, key=lambda look: look.octets)
    return {
        "name": "axe", "ok": not counts.total(), "pages": len(pages), "states": len(states), "schemes": 2,
        "violations": counts["light"] + counts["dark"], "broken": dict(counts),
        "first_load": {"largest_bytes": largest.octets, "of": largest.name},
        "where": {look.name: look.broken for look in looks if look.broken},
    }  # fmt: skip


def _pages(browser: Browser, world: World) -> Iterator[Look]:
    dana = world.as_one_of_the_cast("dana")
    for place in places(world.stage):
        with tab(browser, world.stage.url, cookies=dana if place.signed_in else {}) as opened_tab:
            opened_tab.go(place.path)
            yield _looked(place.name, opened_tab)


def _states(browser: Browser, world: World) -> Iterator[Look]:
    for state in STATES:
        cookies = world.cookie(state.role, state.where) if state.role else {}
        with state.around(world), tab(browser, world.stage.url, cookies=cookies, width=state.width) as opened_tab:
            state.do(opened_tab.go(state.path))
            yield _looked(state.name, opened_tab, state.status)


def _looked(name: str, shown: Tab, status: int = 200) -> Look:
    broken = told(shown.page)
    shown.forgive(status)
    octets = shown.page.evaluate("looking.weight()")
    return Look(name, broken | ({"complaints": shown.complaints} if shown.complaints else {}), octets)
