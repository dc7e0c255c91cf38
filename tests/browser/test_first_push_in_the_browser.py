"""From an empty form to a push that arrived, as a person does it: clicks counted, time told, a file dropped."""

from __future__ import annotations

import json
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from browser_fixtures import Open, World, browser, open_tab, world
from product_fixtures import SLOW
from pushwarden.core.principal import Role
from pushwarden.providers.generated import generated_key

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
CLICKS = 9
PATIENCE_MS = 60_000


class Hand:
    """Presses what a person would press, and counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def press(self, name: str, role: str = "button") -> None:
        self.clicks += 1
        self.page.locator("main").get_by_role(role, name=name).first.click()  # type: ignore[arg-type]


def test_the_first_push_shows_on_the_simulated_phone_within_nine_clicks(open_tab: Open) -> None:
    page = open_tab("/apps/new", Role.OPERATOR).page
    hand, began = Hand(page), time.monotonic()
    page.get_by_label("Name", exact=True).fill("Northwind Rail")
    page.get_by_label("Bundle ID (iPhone and iPad)").fill("com.northwind.rail")
    expect(page.locator("#derived")).to_contain_text("northwind-rail")
    hand.press("Create app")
    hand.press("Use the simulated phone instead")
    hand.press("Send to 1 device, Simulated")
    expect(page.locator("#outcome .lead")).to_contain_text("Shown by the simulated phone", timeout=PATIENCE_MS)
    seconds = time.monotonic() - began
    hand.press("Yes, finish", "link")
    expect(page.get_by_role("heading", name="Northwind Rail")).to_be_visible()
    assert hand.clicks <= CLICKS
    print(json.dumps({"onboarding": {"clicks": hand.clicks, "seconds": round(seconds, 1)}}))


def test_a_dropped_file_is_proven_without_another_click(open_tab: Open, world: World, tmp_path: Path) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "dropped", "name": "Dropped", "bundle_id": "com.acme.dropped"})
    page = open_tab("/apps/dropped/simulated/credentials", Role.OPERATOR).page
    large = tmp_path / "large.p8"
    large.write_bytes(b"x" * 70_000)
    page.locator("#f-file").set_input_files(large)
    expect(page.locator("[data-said]")).to_contain_text("too large: a credential has at most 64 kB")
    key = tmp_path / "AuthKey_DROPPED123.p8"
    key.write_bytes(generated_key())
    page.get_by_text("Paste text instead").click()
    page.locator("#p-team").fill("9XY8Z7W6V5")
    page.locator("#f-file").set_input_files(key)
    expect(page.locator("#report .result")).to_contain_text("Ready.", timeout=PATIENCE_MS)
    expect(page.locator("#report")).to_contain_text("DROPPED123 — same as in the file name")
    expect(page.get_by_label("Standby Apple credential")).to_contain_text("Ready (standby)")


def test_the_phone_of_the_composer_follows_what_is_typed(open_tab: Open, world: World) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "followed", "name": "Followed", "bundle_id": "com.acme.followed"})
    world.stage.call("POST", "/v1/apps/followed/simulated/credentials/simulated", json={"provider": "apns"})
    world.stage.call("POST", "/v1/apps/followed/simulated/phones", json={"provider": "apns"})
    page = open_tab("/apps/followed/simulated/send", Role.OPERATOR).page
    page.get_by_label("Title").fill("The train is late")
    expect(page.locator("#prev .note")).to_contain_text("The train is late")
    expect(page.locator("#before")).to_contain_text("Credential is active")
    page.get_by_label("Title").press("Control+Enter")
    expect(page.locator("#outcome .lead")).to_contain_text("by the simulated phone", timeout=PATIENCE_MS)


def test_a_double_click_sends_once_and_the_way_back_sends_anew(open_tab: Open, world: World) -> None:
    base = "/v1/apps/twiceclicked/simulated"
    world.stage.call("POST", "/v1/apps", json={"id": "twiceclicked", "name": "Twice", "bundle_id": "com.acme.twice"})
    world.stage.call("POST", f"{base}/credentials/simulated", json={"provider": "apns"})
    world.stage.call("POST", f"{base}/phones", json={"provider": "apns"})
    page = open_tab("/apps/twiceclicked/simulated/send", Role.OPERATOR).page
    send = page.get_by_role("button", name="Send to 1 device, Simulated")
    send.dblclick(no_wait_after=True)
    expect(page.locator("#outcome .lead")).to_contain_text("by the simulated phone", timeout=PATIENCE_MS)
    assert _titles(world, base) == ["Hello"]
    page.go_back()
    page.get_by_label("Title").fill("Once more")
    send.click()
    expect(page.locator("#outcome .lead")).to_contain_text("by the simulated phone", timeout=PATIENCE_MS)
    assert _titles(world, base) == ["Once more", "Hello"]
    page.get_by_role("link", name="Again: Hello").click()
    expect(page.get_by_label("Title")).to_have_value("Hello")


def _titles(world: World, base: str) -> list[str]:
    return [one["title"] for one in world.stage.call("GET", f"{base}/pushes")["pushes"]]
