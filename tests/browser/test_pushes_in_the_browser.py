"""Pushes as people follow, find and narrow them in a browser."""

from __future__ import annotations

import time

from playwright.sync_api import Request, expect

from browser_fixtures import Open, World, browser, open_tab, world
from product_fixtures import SLOW
from pushwarden.core.principal import Role

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
PATIENCE_MS = 60_000
SOON_SECONDS = 12
"""Until a push goes out: its page is open by then."""


def with_a_phone(world: World, app: str) -> str:
    """A new app with a simulated iPhone; its API base."""
    world.stage.call("POST", "/v1/apps", json={"id": app, "name": app, "bundle_id": f"com.acme.{app}"})
    base = f"/v1/apps/{app}/simulated"
    world.stage.call("POST", f"{base}/credentials/simulated", json={"provider": "apns"})
    world.stage.call("POST", f"{base}/phones", json={"provider": "apns"})
    return base


def test_a_push_is_followed_from_waiting_to_the_phone_on_one_page(open_tab: Open, world: World) -> None:
    base = with_a_phone(world, "followed-push")
    body = {"to": {"all": True}, "type": "alert", "title": "The train is late", "confirm": True}
    soon = int(time.time()) + SOON_SECONDS
    push = world.stage.call("POST", f"{base}/pushes", json=body | {"not_before": soon})
    opened = open_tab(f"{base.removeprefix('/v1')}/activity/{push['id']}", Role.VIEWER)
    asked: list[str] = []
    opened.page.on("request", lambda one: asked.append(_tail(one)))
    expect(opened.page.locator("#story")).to_contain_text("Scheduled.")
    expect(opened.page.locator("#story .line")).to_contain_text("The app reported it", timeout=PATIENCE_MS)
    expect(opened.page.locator("#story #watch")).to_have_count(0)
    expect(opened.page.locator("#story")).not_to_have_attribute("aria-busy", "true")
    assert "live" in asked
    assert push["id"] not in asked


def test_a_list_is_narrowed_by_choosing_and_its_address_says_so(open_tab: Open) -> None:
    page = open_tab("/deliveries?range=30d", Role.VIEWER).page
    page.get_by_label("App", exact=True).select_option("acme-shop")
    page.wait_for_url("**app=acme-shop**")
    page.get_by_role("link", name="Refused").click()
    page.wait_for_url("**show=refused**")
    assert "range=30d" in page.url and "app=acme-shop" in page.url
    expect(page.locator("#rows tbody tr").first).to_contain_text("Acme Shop")


def test_with_the_keyboard_alone_a_person_is_found_and_a_stop_asked_for(open_tab: Open) -> None:
    opened = open_tab("/apps/acme-shop/production/activity", Role.ADMIN)
    page = opened.page
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Stop pushes of Acme Shop…")).to_be_visible()
    assert opened.axe() == []
    page.keyboard.type("omar")
    expect(page.locator("#offers [aria-selected=true]")).to_contain_text("Omar R.")
    page.keyboard.press("Escape")
    expect(page.locator("#offers")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#offers [aria-selected=true]")).to_contain_text("Omar R.")
    page.keyboard.press("Enter")
    page.wait_for_url("**/access/people/**")
    page.keyboard.press("Control+k")
    page.keyboard.type("stop acme shop")
    expect(page.locator("#offers [aria-selected=true]")).to_contain_text("Stop pushes of Acme Shop…")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alertdialog")).to_be_visible()


def _tail(request: Request) -> str:
    return request.url.rpartition("/")[2]
