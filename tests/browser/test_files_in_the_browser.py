"""Files dropped on the credentials page as people have them: each is answered in place, the missing is asked for."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apns_fixtures import Pair
from browser_fixtures import Open, World, browser, open_tab, world
from chromium import Tab
from credential_samples import SAMPLES, Sample, by_openssl
from fcm_pushes import rsa_key
from product_fixtures import SLOW
from pushwarden.core.messages import MESSAGES
from pushwarden.core.principal import Role

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
PATIENCE_MS = 60_000
HUNDRED_MEGABYTES = 100 << 20
LONG = (-1, 20_000)
"""Days of a certificate, from the day at which the samples were made: it is good today."""
DROP = """([name, content, size]) => {
  const bytes = size ? new Uint8Array(size) : Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name));
  const zone = document.querySelector("[data-drop]");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""


def drop(page: Page, name: str, content: bytes = b"", size: int = 0) -> None:
    page.evaluate(DROP, [name, base64.b64encode(content).decode(), size])


def answered(page: Page, message: str) -> None:
    """The card of a refused file says it in the words of this message."""
    title = MESSAGES[message].title.partition("{")[0].strip()
    expect(page.locator("section[aria-labelledby=h-refused]")).to_contain_text(title, timeout=PATIENCE_MS)
    expect(page.locator("section[aria-labelledby=h-refused]")).to_contain_text("othing was saved")


@pytest.fixture
def shop(open_tab: Open, world: World) -> Tab:
    """The credentials page of an app of its own."""
    if not any(one["id"] == "dropzone" for one in world.stage.call("GET", "/v1/apps")["apps"]):
        world.stage.call("POST", "/v1/apps", json={"id": "dropzone", "name": "Drop", "bundle_id": "com.acme.shop"})
    return open_tab("/apps/dropzone/production/credentials", Role.OPERATOR)


def test_a_keychain_file_asks_for_its_password_until_it_opens(shop: Tab) -> None:
    page = shop.page
    drop(page, "Certificates.p12", by_openssl("-legacy", of=Pair(days=LONG, key=rsa_key())))
    password = page.get_by_label("Password of the file")
    expect(password).to_be_focused()
    password.fill("Secret")
    page.get_by_role("button", name="Open and check").click()
    answered(page, "p12.password")
    page.get_by_label("Password of the file").fill("secret")
    page.get_by_role("button", name="Open and check").click()
    expect(page.locator("#report")).to_contain_text("Old encryption (RC2-40", timeout=PATIENCE_MS)
    expect(page.locator("#report")).to_contain_text("The password opens the file")


STORES = {
    "p12.no_key": lambda: by_openssl("-nokeys", of=Pair(days=LONG, key=rsa_key())),
    "cert.expired": lambda: Pair(days=(-400, -1)).p12(),
    "cert.wrong_bundle": lambda: Pair(uid="com.other", days=LONG).p12(),
}


@pytest.mark.parametrize("message", STORES)
def test_a_p12_that_cannot_send_says_why_once_it_is_open(shop: Tab, message: str) -> None:
    page = shop.page
    drop(page, "push.p12", STORES[message]())
    page.get_by_label("Password of the file").fill("secret")
    page.get_by_role("button", name="Open and check").click()
    answered(page, message)
    expect(page.locator("section[aria-labelledby=h-refused] .acts .btn").first).to_be_visible()


def test_files_of_other_kinds_are_each_named(shop: Tab) -> None:
    page = shop.page
    for sample, message in _others().items():
        drop(page, SAMPLES[sample].hints.get("file_name", "file"), SAMPLES[sample].make())
        answered(page, message)


def _others() -> dict[str, str]:
    """A sample for each message about files that are no credential at all, as far as there is one."""
    kinds = ("file.is_profile", "file.is_google_services", "file.is_csr", "file.is_document", "file.empty")
    return {next(name for name, one in SAMPLES.items() if _alone(one, kind)): kind for kind in kinds}


def _alone(sample: Sample, message: str) -> bool:
    return sample.says == message and len(sample.make()) < 60_000


def test_a_hundred_megabytes_never_leave_the_browser(shop: Tab) -> None:
    page, sent = shop.page, list[str]()
    page.on("request", lambda request: sent.append(request.method))
    drop(page, "film.mov", size=HUNDRED_MEGABYTES)
    expect(page.locator("[data-said]")).to_contain_text("too large: a credential has at most 64 kB. Nothing was sent")
    assert "POST" not in sent


def test_without_scripts_a_hundred_megabytes_are_refused_with_a_sentence(
    open_tab: Open, world: World, shop: Tab, tmp_path: Path
) -> None:
    film = tmp_path / "film.mov"
    with film.open("wb") as file:
        file.truncate(HUNDRED_MEGABYTES)
    page = open_tab("/apps/dropzone/production/credentials", Role.OPERATOR, java_script_enabled=False).page
    page.locator("#f-file").set_input_files(film)
    page.locator("form[data-upload]").get_by_role("button", name="Check and save").first.click()
    expect(page.locator("h1")).to_contain_text("more than the 2 MB a form takes", timeout=PATIENCE_MS)
