"""While everything is stopped: the band stands on every page, and no page is worse to read for it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from browser_fixtures import Open, World, browser, open_tab, world
from chromium import Tab
from console_places import named, pages
from looking_at import NARROW, SCRIPT, SHORT, frame
from product_fixtures import SLOW
from pushwarden.wiring.fleet.places import filled

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW


@pytest.fixture
def stopped(world: World) -> Iterator[World]:
    """The whole organisation, with a reason that markup and a long word stand in."""
    world.stage.call("POST", "/v1/stop", json={"reason": "<b>Crash</b> loop in 5.3: " + "x" * 120})
    yield world
    world.stage.call("POST", "/v1/resume", json={"held": "discard"})


def wrong(tab: Tab) -> list[str]:
    """What axe finds, light and dark, and what of the frame is not as it should be."""
    tab.page.evaluate(SCRIPT)
    found = [*frame(tab.page), *tab.axe()]
    tab.page.emulate_media(color_scheme="dark")
    found += tab.axe("color-contrast")
    tab.page.emulate_media(color_scheme="light")
    return found


def test_every_page_says_it_is_stopped_and_is_for_everybody(open_tab: Open, stopped: World) -> None:
    known, tab = named(stopped.stage), open_tab("/apps")
    broken, banded = {}, 0
    for route in pages():
        page = tab.go(filled(route.path, known))
        if not route.signed_in or tab.status != 200 or page.locator(".frame").count() == 0:
            continue
        banded += 1
        band = page.locator(".band.stopped")
        if band.count() != 1 or not page.title().startswith("Stopped – "):
            broken[route.path] = ["no band, or no title that says so"]
        elif found := wrong(tab):
            broken[route.path] = found
    assert not broken, json.dumps(broken, indent=1)
    assert banded > 30


def test_the_band_and_what_is_under_it_fit_a_narrow_page(open_tab: Open, stopped: World) -> None:
    tab = open_tab("/apps/acme-shop/production/overview", width=NARROW, height=SHORT)
    receipt = tab.page.locator(".band.stopped").get_by_role("link", name="Receipt").get_attribute("href")
    for path in ("/apps/acme-shop/production/overview", str(receipt), "/resume?target=/", "/stop", "/stop/receipt"):
        page = tab.go(path)
        assert not (found := wrong(tab)), f"{path} {json.dumps(found, indent=1)}"
        assert page.evaluate("limit => looking.wide(limit)", NARROW) == [], path
