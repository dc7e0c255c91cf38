"""Every page of the console in a real browser: read by everybody, reached by keys, narrow, dark, without scripts."""

from __future__ import annotations

import json

import pytest

from browser_fixtures import Open, World, browser, open_tab, world
from console_places import named, pages
from looking_at import told
from product_fixtures import SLOW
from pushwarden.wiring.fleet.places import filled

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
STATUS = {"/welcome": 410}
"""Of pages that need a link of their own; they say so."""
PAGES = [route.path for route in pages()]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(path: str, open_tab: Open, world: World) -> None:
    tab = open_tab(filled(path, named(world.stage)))
    assert tab.status == STATUS.get(path, 200)
    broken = told(tab.page)
    assert not broken, json.dumps(broken, indent=1)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_the_same_without_javascript(path: str, open_tab: Open, world: World) -> None:
    page = open_tab(filled(path, named(world.stage)), java_script_enabled=False).page
    assert page.locator("h1").count() == 1
    assert page.locator("main").inner_text().strip()
