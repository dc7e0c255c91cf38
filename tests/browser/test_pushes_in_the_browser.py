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


def _tail(request: Request) -> str:
    return request.url.rpartition("/")[2]
