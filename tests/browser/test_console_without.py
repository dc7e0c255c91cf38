"""The console without scripts, without colours, by keys, and on a slow line."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser_fixtures import BASE, Open, World, browser, open_tab, world
from journeys import stop
from looking_at import SCRIPT
from product_fixtures import SLOW
from pushwarden.core.principal import Role

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW


@pytest.fixture
def resumed(world: World) -> object:
    """Nothing stays stopped for the tests that follow."""
    yield
    for one in world.stage.call("GET", "/v1/stop")["stops"]:
        where = {name: one[name] for name in ("app", "environment") if one[name]}
        world.stage.call("POST", "/v1/resume", json={**where, "held": "discard"})


@pytest.mark.usefixtures("resumed")
def test_a_stop_needs_no_javascript(open_tab: Open, world: World) -> None:
    page = open_tab("/apps/acme-drivers/production/devices", java_script_enabled=False).page
    walk = stop(page)
    assert walk.clicks == 2
    expect(page.locator(".band.stopped")).to_be_visible()


def test_who_may_not_stop_sees_who_can(open_tab: Open) -> None:
    button = open_tab(f"{BASE}/overview", role=Role.VIEWER).page.get_by_role("button", name="Stop pushes")
    expect(button).to_be_disabled()
    assert button.get_attribute("title")


def test_an_app_is_made_without_javascript(open_tab: Open, world: World) -> None:
    page = open_tab("/apps/new", java_script_enabled=False).page
    page.get_by_label("Name", exact=True).fill("Plain Forms")
    page.get_by_role("button", name="Create app").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    assert page.get_by_label("Name", exact=True).input_value() == "Plain Forms"
    page.get_by_label("Bundle ID (iPhone and iPad)", exact=True).fill("com.example.plainforms")
    page.get_by_role("button", name="Create app").click()
    assert world.stage.call("GET", "/v1/apps/plain-forms")["trial"] is True


def test_a_first_load_is_small_and_a_second_one_smaller(open_tab: Open, world: World) -> None:
    tab = open_tab("/signin", role=None)
    wire = tab.page.context.new_cdp_session(tab.page)
    sizes: list[int] = []
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda told: sizes.append(int(told["encodedDataLength"])))
    tab.page.context.add_cookies(
        [{"name": "pushwarden", "value": world.as_one_of_the_cast("dana")["pushwarden"], "url": tab.url}]
    )
    wire.send("Network.clearBrowserCache")
    tab.go(f"{BASE}/overview").evaluate("() => document.fonts.ready.then(() => 0)")
    first = sum(sizes)
    sizes.clear()
    tab.go(f"{BASE}/overview")
    assert 48_000 < first <= 150_000
    assert sum(sizes) < first / 2


def test_forced_colours_keep_what_is_current_and_what_is_a_button(open_tab: Open) -> None:
    page = open_tab(f"{BASE}/overview", forced_colors="active").page
    page.evaluate(SCRIPT)
    assert page.evaluate("looking.edgeless()") == []
    assert page.evaluate("looking.flat()") == []


def test_the_skip_link_leads_past_the_bar(open_tab: Open) -> None:
    page = open_tab(f"{BASE}/overview").page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
