"""What can be told of a page by looking at it: whether everybody can read it, reach it and use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from chromium import violations
from reading import wrong

SCRIPT = Path(__file__).with_suffix(".js").read_text()
NARROW, SHORT = 320, 256
"""A page of 1280 × 1024 at 400 %."""
MOST_STOPS = 150
MOST_OCTETS = 150_000


def told(page: Page) -> dict[str, Any]:
    """Claim → what breaks it; what is kept is left out. The page is opened at its size, without any axe in it yet."""
    page.evaluate(SCRIPT)
    return {claim: broken for claim, look in CLAIMS.items() if (broken := look(page))}


def heavy(page: Page) -> list[str]:
    """More on the wire than a first load may have."""
    octets = page.evaluate("looking.weight()")
    return [f"{octets} bytes"] if octets > MOST_OCTETS else []


def dark(page: Page) -> list[str]:
    page.emulate_media(color_scheme="dark")
    found = violations(page, "color-contrast", "link-in-text-block")
    page.emulate_media(color_scheme="light")
    return found


def forced(page: Page) -> list[str]:
    """What cannot be told apart where colours are the reader's own."""
    page.emulate_media(forced_colors="active")
    found: list[str] = page.evaluate("[...looking.edgeless(), ...looking.flat()]")
    page.emulate_media(forced_colors="none")
    return found


def frame(page: Page) -> list[str]:
    """Title, one main, one h1, names of what has several, and nothing the content policy would have to allow."""
    seen = page.evaluate("looking.frame()")
    wanted = {"main": 1, "unnamed": 0, "captions": [], "styled": [], "inline": 0, "ids": [], "lang": "en"}
    wrong = [f"{name}: {seen[name]}" for name, value in wanted.items() if seen[name] != value]
    wrong += [] if len(seen["h1"]) == 1 and seen["h1"][0] else [f"h1: {seen['h1']}"]
    return wrong + ([] if seen["title"].endswith(" – Pushwarden") else [f"title: {seen['title']}"])


def narrow(page: Page) -> list[str]:
    """What makes the page scroll in both directions when it is narrow, and what text set apart is cut off there."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": NARROW, "height": SHORT})
    found: list[str] = page.evaluate("limit => [...looking.wide(limit), ...looking.spaced()]", NARROW)
    page.set_viewport_size(before)
    return found


def keyboard(page: Page) -> list[str]:
    """Every stop of the Tab key, once round: it shows a ring, lies in view and under nothing that sticks."""
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    wrong, first = [], None
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate("looking.focused()")
        if stop is None or stop["key"] == first:
            break
        first = stop["key"] if first is None else first
        wrong += [f"no ring: {stop['name']}"] if not stop["ring"] else []
        wrong += [f"hidden: {stop['name']}"] if not stop["seen"] else []
    return wrong


CLAIMS: dict[str, Callable[[Page], Any]] = {
    "weight": heavy,
    "words": lambda page: wrong(page.evaluate("looking.texts()")),
    "frame": frame,
    "moving": lambda page: page.evaluate("looking.moving()"),
    "light": violations,
    "dark": dark,
    "forced": forced,
    "narrow": narrow,
    "keyboard": keyboard,
}
"""In their order: the last ones leave the focus elsewhere."""
