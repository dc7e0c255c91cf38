"""The first push and a stop without a mouse: the Tab key comes to everything, Enter does it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browser_fixtures import Open, World, browser, open_tab, world
from product_fixtures import SLOW
from pushwarden.core.principal import Role

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
FARTHEST = 90
NAMED = """() => {
  const one = document.activeElement;
  return one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText || "";
}"""
PATIENCE_MS = 60_000


def reach(page: Page, name: str) -> None:
    """Presses Tab until the focus is on what begins with this name."""
    for _ in range(FARTHEST):
        page.keyboard.press("Tab")
        if page.evaluate(NAMED).strip().startswith(name):
            return
    raise AssertionError(f"the Tab key did not come to {name}")


def press(page: Page, name: str) -> None:
    reach(page, name)
    page.keyboard.press("Enter")


def test_the_first_push_needs_no_mouse(open_tab: Open) -> None:
    page = open_tab("/apps", Role.OPERATOR).page
    press(page, "Create app")
    expect(page.get_by_role("heading", name="Create app")).to_be_visible()
    for label, words in (("Name", "Keyed In"), ("Bundle ID", "com.example.keyedin")):
        reach(page, label)
        page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Let Apple know us")).to_be_visible()
    press(page, "Use the simulated phone instead")
    expect(page.get_by_role("heading", name="Send the first push")).to_be_visible()
    press(page, "Send to 1 device, Simulated")
    expect(page.locator("#outcome .lead")).to_contain_text("Shown by the simulated phone", timeout=PATIENCE_MS)
    press(page, "Yes, finish")
    expect(page.get_by_role("heading", name="Keyed In")).to_be_visible()


def test_a_stop_and_its_resume_need_no_mouse(open_tab: Open, world: World) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "keyed", "name": "Keyed", "bundle_id": "com.acme.keyed"})
    page = open_tab("/apps/keyed/production/settings", Role.OPERATOR).page
    press(page, "Stop pushes")
    expect(page.get_by_role("alertdialog").get_by_role("link", name="Cancel")).to_be_focused()
    press(page, "Stop now")
    expect(page.get_by_role("heading", name="Receipt for")).to_be_visible()
    press(page, "Resume…")
    expect(page.get_by_role("heading", name="Resume")).to_be_visible()
    reach(page, "Type")
    page.keyboard.type(page.evaluate(NAMED).strip().removeprefix("Type ").removesuffix(" to resume it"))
    press(page, "Resume sending")
    expect(page.locator(".band.stopped")).to_have_count(0)


def test_escape_closes_what_is_open_and_gives_the_focus_back(open_tab: Open) -> None:
    page = open_tab("/apps/acme-shop/production/overview", Role.OPERATOR).page
    press(page, "Switch app")
    page.keyboard.press("Escape")
    expect(page.locator("details.switch[open]")).to_have_count(0)
    assert "Switch app" in page.evaluate(NAMED)
    press(page, "Stop pushes")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.keyboard.press("Escape")
    assert "Stop pushes" in page.evaluate(NAMED)


def test_a_menu_that_is_left_closes_and_covers_nothing(open_tab: Open) -> None:
    page = open_tab("/apps/acme-shop/production/overview", Role.OPERATOR).page
    press(page, "Switch app")
    reach(page, "Production")
    expect(page.locator("details.switch[open]")).to_have_count(0)
