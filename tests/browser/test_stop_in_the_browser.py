"""Stopping in a real browser: two clicks from every page, told to every other tab, the same without scripts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser_fixtures import Open, World, browser, open_tab, world
from console_places import named, pages
from looking_at import told
from product_fixtures import SLOW
from pushwarden.core.principal import Role
from pushwarden.wiring.fleet.places import filled

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW


def an_app(world: World, name: str) -> str:
    world.stage.call("POST", "/v1/apps", json={"id": name, "name": name.title(), "bundle_id": f"com.acme.{name}"})
    return f"/apps/{name}/production/settings"


def resume(world: World, app: str) -> None:
    world.stage.call("POST", "/v1/resume", json={"app": app, "environment": "production", "held": "discard"})


def ask_to_stop(page: Page) -> None:
    page.get_by_role("banner").get_by_role("link", name="Stop pushes").click()


def test_every_page_asks_after_one_click_with_the_focus_on_cancel(open_tab: Open, world: World) -> None:
    known, tab = named(world.stage), open_tab("/apps", Role.OPERATOR)
    asked = 0
    for route in pages():
        page = tab.go(filled(route.path, known))
        if not route.signed_in or tab.status != 200 or route.path == "/stop":
            continue
        if page.locator(".frame").count() == 0:
            continue  # where somebody only proves who it is
        ask_to_stop(page)
        dialog = page.get_by_role("alertdialog")
        expect(dialog.get_by_role("button", name="Stop now")).to_be_visible()
        expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        asked += 1
    assert asked > 15


@pytest.mark.parametrize("scripts", [True, False])
def test_two_clicks_stop_and_show_the_receipt(
    open_tab: Open, world: World, scripts: bool, record_property: Callable[[str, object], None]
) -> None:
    app = f"halted-{scripts}".lower()
    page = open_tab(an_app(world, app), Role.RESPONDER, java_script_enabled=scripts).page
    ask_to_stop(page)
    began = time.monotonic()
    page.get_by_role("button", name="Stop now").click()
    expect(page.get_by_role("heading", name="Receipt for")).to_be_visible()
    record_property("receipt_ms", round(1000 * (time.monotonic() - began)))
    print(f"\nreceipt on screen {1000 * (time.monotonic() - began):.0f} ms after the second click, scripts {scripts}")
    expect(page.locator(".band.stopped", has_text=f"Stopped. {app.title()}, Production")).to_be_visible()
    expect(page.locator("#receipt tbody tr")).not_to_have_count(0)
    resume(world, app)


def test_every_other_tab_is_told_and_told_again_when_it_is_lifted(open_tab: Open, world: World) -> None:
    address = an_app(world, "told")
    watching = open_tab(address, Role.VIEWER).page
    expect(watching.locator("#bands")).to_be_attached()
    world.stage.call("POST", "/v1/stop", json={"app": "told", "environment": "production", "reason": "Crash loop"})
    expect(watching.locator(".band.stopped", has_text="Crash loop")).to_be_visible()
    assert watching.title().startswith("Stopped – ")
    assert "logo-stopped" in str(watching.locator("link[rel=icon]").get_attribute("href"))
    resume(world, "told")
    expect(watching.locator(".band.stopped")).to_have_count(0)
    assert not watching.title().startswith("Stopped")


def test_what_is_stopped_or_resumed_in_steps_is_for_everybody(open_tab: Open, world: World) -> None:
    settings = an_app(world, "looked-at")
    asked = {"app": "looked-at", "environment": "production", "reason": "Crash loop in 5.3"}
    tab, target = open_tab(settings, Role.OPERATOR), "?target=looked-at/production"
    world.stage.call("POST", "/v1/stop", json=asked)
    try:
        for path in ("/apps", settings, f"/stop/receipt{target}", f"/resume{target}"):
            expect(tab.go(path).locator(".band.stopped", has_text="Crash loop")).to_be_visible()
            assert not (broken := told(tab.page)), f"{path} {json.dumps(broken, indent=1)}"
        world.stage.call("POST", "/v1/resume", json={**asked, "held": "discard", "ramp": {"minutes": 10}})
        expect(tab.go(settings).locator(".band.info", has_text="Resuming")).to_be_visible()
        assert not (broken := told(tab.page)), json.dumps(broken, indent=1)
    finally:
        world.stage.call("POST", "/v1/stop", json=asked)
        resume(world, "looked-at")
