"""From nothing to the first push on the simulated phone, by forms alone, as a browser without scripts sends them."""

from __future__ import annotations

import re
import time

import pytest

from browsing import Browser
from people import signed_in
from product_fixtures import SLOW, alone, until
from pushwarden.control.console.onboarding.form import NewApp
from pushwarden.control.console.onboarding.steps import Facts, State, next_step, steps
from pushwarden.core.principal import Role
from pushwarden.wiring.stage import Stage

__all__ = ["alone"]
pytestmark = SLOW
KEY = "-----BEGIN PRIVATE KEY-----\nbroken\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def dana(alone: Stage) -> Browser:
    return Browser(alone, signed_in(alone))


def test_the_simulated_phone_shows_the_first_push_after_four_forms(alone: Stage, dana: Browser) -> None:
    assert "Production and Sandbox are made at once" in dana.get("/apps/new")
    to, _ = dana.post("/apps/new", name="Café & Söhne", bundle_id="com.cafe.app")
    assert to == "/apps/cafe-sohne/sandbox/start/credential"
    assert alone.call("GET", "/v1/apps/cafe-sohne")["trial"] is True
    assert "Use the simulated phone" in dana.get(to)
    to, _ = dana.post("/apps/cafe-sohne/simulated/start/simulated")
    assert "Send to 1 device, Simulated" in dana.get(to)
    to, _ = dana.post("/apps/cafe-sohne/simulated/start/send", device="simulated-iphone", title="Hi", body="There")
    until(lambda: "Shown by the simulated phone</span>" in dana.get(to), "the phone")
    page = dana.get(to)
    assert "Accepted by the simulated Apple" in page
    assert page.count('<span class="vh">Done: </span>') == 5
    assert dana.ask("GET", "/apps/cafe-sohne/simulated/start").headers["location"].endswith("/overview")


def test_a_second_app_of_the_same_name_gets_an_id_of_its_own(dana: Browser) -> None:
    assert dana.post("/apps/new", name="Twin", bundle_id="com.twin.a")[0].startswith("/apps/twin/")
    assert dana.post("/apps/new", name="Twin", bundle_id="com.twin.b")[0].startswith("/apps/twin-2/")


def test_a_form_with_mistakes_comes_back_with_what_was_typed_and_links_to_each_field(dana: Browser) -> None:
    _, page = dana.post("/apps/new", 422, name="Wild", bundle_id="com.wild.*", android_package="x")
    assert "Error: Step 2 of 6" in page
    assert 'href="#f-bundle_id"' in page and 'href="#f-android_package"' in page
    assert 'value="com.wild.*"' in page and 'value="Wild"' in page
    _, page = dana.post("/apps/new", 422)
    assert "Give the app a name" in page


def test_a_file_that_is_no_credential_says_why_and_makes_nothing(alone: Stage, dana: Browser) -> None:
    dana.post("/apps/new", name="Wrong files", bundle_id="com.wrong.files")
    here = "/apps/wrong-files/sandbox/start/credential"
    for name, content, words in (
        ("photo.png", b"\x89PNG\r\n\x1a\n" + b"x" * 100, "Choose another file"),
        ("AuthKey_ABC123DEFG.p8", KEY.encode(), "The key file is damaged"),
        ("empty.p8", b"", "The file is empty"),
        ("big.p8", b"x" * 70_000, "too large for a credential"),
    ):
        _, page = dana.post(here, 422, files={"file": (name, content)})
        assert words in page, (name, re.sub(r"<[^>]+>", " ", page)[-2500:])
    _, page = dana.post(here, 422)
    assert "No file was chosen" in page
    assert alone.call("GET", "/v1/apps/wrong-files/sandbox/credentials")["credentials"] == []


def test_a_pasted_token_becomes_a_test_device(alone: Stage, dana: Browser) -> None:
    dana.post("/apps/new", name="Pasted", bundle_id="com.pasted.app")
    here = "/apps/pasted/sandbox/start/device"
    assert "Waiting for a device" in dana.get(here)
    assert "three usual reasons" not in dana.get(here).lower()
    assert "three usual reasons" in dana.get(here + "?since=1").lower()
    _, page = dana.post(f"{here}/token", 422, token="not a token!")
    assert 'value="not a token!"' in page
    to, _ = dana.post(f"{here}/token", token="<" + "ab" * 32 + ">")
    name = to.partition("device=")[2]
    (device,) = alone.call("GET", f"/v1/apps/pasted/sandbox/devices/{name}")["devices"]
    assert (device["test"], device["provider"]) == (True, "apns")
    assert name in dana.get(here)


def test_a_viewer_looks_and_makes_nothing(alone: Stage, dana: Browser) -> None:
    dana.post("/apps/new", name="Looked at", bundle_id="com.looked.at")
    viewer = Browser(alone, signed_in(alone, Role.VIEWER))
    assert viewer.ask("GET", "/apps/new").status_code == 403
    for path in ("simulated/start/simulated", "sandbox/start/device/token", "sandbox/start/credential"):
        viewer.post(f"/apps/looked-at/{path}", 403, token="ab" * 32)
    assert alone.call("GET", "/v1/apps/looked-at/simulated/credentials")["credentials"] == []


@pytest.mark.parametrize(
    ("name", "id"),
    [("Acme Shop", "acme-shop"), ("  Ünïcode!  App ", "unicode-app"), ("日本", "")],
)
def test_an_id_follows_from_the_name(name: str, id: str) -> None:
    assert NewApp(name).id == id


def test_the_first_step_that_is_not_done_is_next() -> None:
    assert next_step(Facts()) == "credential"
    assert next_step(Facts(credential=True)) == "credential"
    assert next_step(Facts(credential=True, sends=True)) == "device"
    assert next_step(Facts(credential=True, sends=True, device=True)) == "send"
    assert next_step(Facts(credential=True, sends=True, device=True, pushed=True)) == ""
    assert [step.state for step in steps(Facts(credential=True), "credential")] == [
        State.DONE, State.DONE, State.NOW, State.LATER, State.LATER, State.LATER,
    ]  # fmt: skip


def test_a_device_that_registers_is_offered_and_help_comes_after_half_a_minute(alone: Stage, dana: Browser) -> None:
    dana.post("/apps/new", name="Waited", bundle_id="com.waited")
    page = "/apps/waited/sandbox/start/device"
    now = time.time_ns() // 1_000_000
    assert "Three usual reasons" not in dana.get(f"{page}/list?since={now}")
    waited = dana.get(f"{page}/list?since={now - 31_000}")
    assert "Still nothing? Three usual reasons" in waited and "Nothing registered yet" in waited
    for name, token in (("first", "aa"), ("second", "bb")):
        alone.call("PUT", f"/v1/apps/waited/sandbox/devices/{name}", json={"provider": "apns", "token": token * 32})
    there = dana.get(f"{page}/list?since={now - 31_000}")
    assert "2 registered in the last 15 minutes" in there and "Three usual reasons" not in there
    assert there.index("second") < there.index("first")
    assert dana.post(page, device="second")[0].endswith("/start/send?device=second")
    assert "2 registered in the last 15 minutes" in dana.get(page)
