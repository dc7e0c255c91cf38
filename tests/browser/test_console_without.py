"""The console without scripts, without colours, by keys, and on a slow line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from browser_fixtures import BASE, Open, World, browser, open_tab, world
from journeys import LONG_MS, stop
from looking_at import SCRIPT
from product_fixtures import SLOW
from pushwarden.core.principal import Role
from pushwarden.providers.generated import generated_key

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
PASSWORD = "correct horse battery"


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


def test_an_invitation_and_a_sign_in_need_no_javascript(open_tab: Open) -> None:
    page = open_tab("/access/invite", java_script_enabled=False).page
    page.get_by_label("E-mail").fill("plain@acme.example")
    page.get_by_role("button", name="Make the link").click()
    link = urlsplit(page.locator("#link").inner_text().strip())
    tab = open_tab(f"{link.path}?{link.query}", role=None, java_script_enabled=False)
    page = tab.page
    page.get_by_label("Your name").fill("Plain P.")
    for label in ("Password", "The same once more"):
        page.get_by_label(label).fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_role("link", name="Later").click()
    expect(page.get_by_role("link", name="Plain P., your account")).to_be_visible()
    tab.go("/profile").get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail").fill("plain@acme.example")
    page.get_by_label("Password").fill("something else")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Plain P., your account")).to_be_visible()


def test_a_first_push_is_sent_and_followed_without_javascript(open_tab: Open) -> None:
    page = open_tab("/apps/new", java_script_enabled=False).page
    page.get_by_label("Name", exact=True).fill("Plain Pushes")
    page.get_by_label("Bundle ID (iPhone and iPad)", exact=True).fill("com.example.plainpushes")
    page.get_by_role("button", name="Create app").click()
    page.get_by_role("button", name="Use the simulated phone instead").click()
    page.get_by_role("button", name="Send to 1 device, Simulated").click()
    expect(page.locator("#outcome")).to_contain_text("simulated phone", timeout=LONG_MS)
    expect(page.locator("#outcome")).to_contain_text("Accepted by the simulated Apple", timeout=LONG_MS)


def test_a_credential_is_uploaded_and_told_of_without_javascript(open_tab: Open, world: World, tmp_path: Path) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "plain-key", "name": "Plain", "bundle_id": "com.acme.plainkey"})
    page = open_tab("/apps/plain-key/simulated/credentials", Role.OPERATOR, java_script_enabled=False).page
    key = tmp_path / "AuthKey_PLAINKEY12.p8"
    key.write_bytes(b"no key at all")
    page.locator("#f-file").set_input_files(key)
    page.get_by_role("button", name="Check and save").first.click()
    expect(page.locator("main")).to_contain_text("othing was saved")
    key.write_bytes(generated_key())
    page.locator("#f-file").set_input_files(key)
    page.get_by_text("Paste text instead").click()
    page.locator("#p-team").fill("9XY8Z7W6V5")
    page.get_by_role("button", name="Check and save").first.click()
    expect(page.locator("#report")).to_contain_text("PLAINKEY12 — same as in the file name")


def test_settings_are_changed_without_javascript_and_what_is_wrong_is_kept(open_tab: Open, world: World) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "plain-set", "name": "Plain", "bundle_id": "com.acme.plainset"})
    page = open_tab("/apps/plain-set/production/settings", java_script_enabled=False).page
    page.get_by_label("Told by mail").fill("nobody")
    page.get_by_label("Description").fill("Kept while it is wrong")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    expect(page.get_by_label("Description")).to_have_value("Kept while it is wrong")
    page.get_by_label("Told by mail").fill("ops@acme.example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).not_to_be_empty()
    assert world.stage.call("GET", "/v1/apps/plain-set")["description"] == "Kept while it is wrong"


def test_a_resume_needs_no_javascript_and_its_receipt_stays(open_tab: Open, world: World) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "plain-stop", "name": "Plain", "bundle_id": "com.acme.plainstop"})
    tab = open_tab("/apps/plain-stop/production/settings", Role.OPERATOR, java_script_enabled=False)
    page = tab.page
    stop(page, "Crash loop")
    receipt = page.url.removeprefix(tab.url)
    page.locator(".band.stopped").get_by_role("link", name="Resume…").click()
    page.get_by_label("Everybody at once").check()
    page.get_by_label("Type plain-stop to resume it").fill("shop")
    page.get_by_role("button", name="Resume sending").click()
    expect(page.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    expect(page.get_by_label("Everybody at once")).to_be_checked()
    page.get_by_label("Type plain-stop to resume it").fill("plain-stop")
    page.get_by_role("button", name="Resume sending").click()
    expect(page.locator(".band.stopped", has_text="Plain")).to_have_count(0)
    expect(tab.go(receipt).get_by_role("heading", name="Lifted.")).to_be_visible()


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
