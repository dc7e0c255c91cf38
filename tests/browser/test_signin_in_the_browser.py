"""Getting in with a real browser: the first link, a passkey, and what is shown on the way, read by everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from playwright.sync_api import Browser, Page

from browser_fixtures import Open, aside, browser, open_tab, world
from chromium import tab
from product_fixtures import SLOW, close_stage
from pushwarden.settings import Settings
from pushwarden.wiring.entrance import link_for
from pushwarden.wiring.stage import Stage

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
PASSWORD = "correct horse battery"
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def fresh() -> Iterator[Stage]:
    """An installation nobody has signed in to."""
    stage = Stage(Path(mkdtemp(prefix="pwf-", dir="/tmp")), providers=()).__enter__()
    yield stage
    close_stage(stage)


def with_authenticator(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def test_the_first_person_comes_by_the_link_makes_a_passkey_and_comes_back_by_it(
    browser: Browser, fresh: Stage
) -> None:
    link = aside(lambda: link_for(Settings(data=fresh.data)))
    site, path = re.match(r"(http://localhost:\d+)(/.*)", link).groups()  # type: ignore[union-attr]
    with tab(browser, site) as opened:
        page = opened.go(path)
        with_authenticator(page)
        assert opened.axe() == []
        page.get_by_label("Your name").fill("Ada L.")
        page.get_by_label("E-mail").fill("ada@house.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("The same once more").fill(PASSWORD)
        page.get_by_role("button", name="Make my account").click()
        page.wait_for_url("**/second-step")
        assert opened.axe() == []
        page.get_by_label("Name of this device").fill("Laptop")
        page.get_by_role("button", name="Make a passkey").click()
        page.wait_for_url("**/apps")
        opened.go("/profile")
        page.get_by_role("rowheader", name="Laptop").wait_for()
        assert opened.axe() == []
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/signin")
        assert opened.go("/apps").url.endswith("/signin?next=%2Fapps")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/apps")
        opened.go("/confirm?next=%2Faccess")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/access")
        assert opened.complaints == []


def test_what_is_refused_at_the_door_is_said_so_that_everybody_reads_it(open_tab: Open) -> None:
    opened = open_tab("/signin", role=None)
    page = opened.page
    page.get_by_label("E-mail").fill("nobody@acme.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    assert page.title().startswith("Error:")
    assert page.evaluate("document.activeElement.className") == "summary"
    assert page.get_by_label("E-mail").input_value() == "nobody@acme.example"
    assert opened.axe() == []


def test_a_key_and_an_invitation_are_shown_once_and_read_by_everybody(open_tab: Open) -> None:
    opened = open_tab("/access/keys/new")
    page = opened.page
    page.get_by_label("Name").fill("Browser test")
    page.get_by_label("Works for how many days").fill("999")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("alert").wait_for()
    assert opened.axe() == []
    page.get_by_label("Works for how many days").fill("9")
    page.get_by_role("button", name="Make the key").click()
    assert re.match(r"pwk_[a-z0-9]{12}_", page.locator("#key").inner_text())
    assert opened.axe() == []
    opened.go("/access/invite")
    page.get_by_label("E-mail").fill("ann@acme.example")
    page.get_by_role("button", name="Make the link").click()
    assert "/welcome?link=" in page.locator("#link").inner_text()
    assert opened.axe() == []


def test_a_wrong_code_shows_the_same_picture_again(open_tab: Open) -> None:
    opened = open_tab("/profile/code")
    page = opened.page
    secret = page.locator("#secret").inner_text()
    page.get_by_label("Code of six digits").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("alert").wait_for()
    assert page.locator("#secret").inner_text() == secret
    assert opened.axe() == []


def test_colours_kept_in_the_account_are_those_of_the_page(open_tab: Open) -> None:
    opened = open_tab("/profile")
    page = opened.page
    for word, colour in (("Dark", "dark"), ("Light", "light")):
        page.get_by_role("button", name="Switch between light and dark").click()
        page.get_by_label(word, exact=True).check()
        page.get_by_role("button", name="Keep this").click()
        page.wait_for_load_state()
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == colour
    page.get_by_label("As the system").check()
    page.get_by_role("button", name="Keep this").click()
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.dataset.theme") is None
