"""The tab Send & test, and going live, by forms alone."""

from __future__ import annotations

import asyncio
import html
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from browsing import Browser
from people import signed_in
from product_fixtures import SLOW, alone, until
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.core.principal import Role
from pushwarden.core.push import Message, PushType, Source
from pushwarden.core.scope import Environment, Scope
from pushwarden.settings import Settings
from pushwarden.wiring.fleet.pushes import Device, Sent, record
from pushwarden.wiring.fleet.teller import ToldClock
from pushwarden.wiring.stage import Stage
from pushwarden.wiring.stores import stores_of
from real import need

__all__ = ["alone"]
pytestmark = SLOW
FORM = {"mode": "form", "to": "device", "device": "simulated-iphone", "type": "alert", "title": "Hi", "body": "There"}


@pytest.fixture
def dana(alone: Stage) -> Browser:
    return Browser(alone, signed_in(alone))


def begun(dana: Browser, name: str) -> str:
    """An app with the simulated phone; the address of its send page."""
    dana.post("/apps/new", name=name, bundle_id=f"com.{name}")
    dana.post(f"/apps/{name}/simulated/start/simulated")
    return f"/apps/{name}/simulated/send"


def test_a_composed_push_is_looked_at_sent_and_seen(dana: Browser) -> None:
    page = begun(dana, "composed")
    assert "Send to 1 device, Simulated" in dana.get(page)
    _, looked = dana.post(f"{page}/look", 200, **FORM)
    assert "Credential is active" in looked and "of 4" in looked and "Alert, priority 10" in looked
    to, _ = dana.post(page, **FORM, once="once-1")
    again, _ = dana.post(page, **FORM, once="once-1")
    assert again == to
    until(lambda: "Shown by the simulated phone</span>" in dana.get(to), "the phone")
    shown = dana.get(to)
    assert "Did it show?" in shown and "apns-id" in shown
    assert 'value="Hi"' in dana.get(page)
    query = to.partition("?")[2].partition("#")[0]
    assert "What we know" in dana.get(f"{page}/help?{query}")


def test_the_form_turns_to_json_and_back(dana: Browser) -> None:
    page = begun(dana, "turned")
    _, shown = dana.post(f"{page}/turn", 200, **FORM)
    text = re.search(r'<textarea id="f-json".*?>(.*?)</textarea>', shown, re.S)[1]  # type: ignore[index]
    assert json.loads(text.replace("&#34;", '"'))["title"] == "Hi"
    _, form = dana.post(f"{page}/turn", 200, mode="json", json='{"to": {"device": "d9"}, "title": "From JSON"}')
    assert 'value="From JSON"' in form and 'value="d9"' in form
    _, broken = dana.post(page, 422, mode="json", json='{"to":')
    assert "The JSON can’t be read" in broken and "There is a problem" in broken


def test_a_push_that_is_refused_keeps_what_was_typed(dana: Browser) -> None:
    page = begun(dana, "typed")
    _, shown = dana.post(page, 422, **FORM | {"badge": "many"})
    assert "Write a whole number" in shown and 'value="many"' in shown and 'value="Hi"' in shown
    _, shown = dana.post(page, 422, **FORM | {"title": "", "body": "", "sound": ""})
    assert "There is a problem" in shown
    _, shown = dana.post("/apps/typed/sandbox/send", 409, **FORM)
    assert "There is a problem" in shown and 'value="Hi"' in shown


def test_a_link_holds_a_payload(dana: Browser) -> None:
    page = begun(dana, "linked")
    shown = dana.get(f'{page}?payload={{"to":{{"all":true}},"title":"Kept"}}')
    assert 'value="Kept"' in shown
    assert dana.get(f"{page}?payload=nonsense")


def test_a_responder_tests_and_reaches_nobody_else(alone: Stage, dana: Browser) -> None:
    page = begun(dana, "responded")
    rita = Browser(alone, signed_in(alone, Role.RESPONDER))
    assert re.search(r"An audience<small>Ask \w+ \d+", rita.get(page))
    assert rita.post(page, **FORM)[0].startswith(f"{page}?push=")
    _, shown = rita.post(page, 403, **FORM | {"to": "audience"})
    assert "You may send to test devices only" in shown
    viewer = Browser(alone, signed_in(alone, Role.VIEWER))
    assert '<button class="btn big primary" type="button" disabled>Send</button>' in viewer.get(page)
    viewer.post(page, 403, **FORM)


def test_an_app_goes_live_after_a_look_and_a_stale_look_is_shown_anew(alone: Stage, dana: Browser) -> None:
    page = begun(dana, "lively").replace("/simulated/send", "/production/live")
    review = dana.get(page)
    assert "Let lively go live?" in review and "Not yet: " in review
    assert "Somebody changed this app meanwhile" in dana.post(page, 409, version="77")[1]
    version = re.search(r'name="version" value="(\d+)"', review)[1]  # type: ignore[index]
    assert dana.post(page, version=version)[0] == "/apps/lively/production/overview"
    assert alone.call("GET", "/v1/apps/lively")["trial"] is False
    assert "Back to trial" in dana.get(page)
    versions = alone.call("GET", "/v1/apps/lively/versions")
    assert versions["versions"][0]["number"] > 1


def test_a_token_on_trial_becomes_a_test_device_first(alone: Stage, dana: Browser) -> None:
    begun(dana, "tokened")
    _, looked = dana.post("/apps/tokened/sandbox/send/look", 200, **FORM | {"to": "token", "token": "ab" * 32})
    assert "The token becomes a test device" in looked
    dana.post("/apps/tokened/sandbox/send", 409, **FORM | {"to": "token", "token": "ab" * 32})
    devices = alone.call("GET", "/v1/apps/tokened/sandbox/devices")["devices"]
    assert [one["test"] for one in devices] == [True]


def test_last_tests_are_tests_and_nothing_that_a_program_sent(alone: Stage, dana: Browser) -> None:
    page = begun(dana, "lasttests")
    dana.post(page, **FORM | {"title": "By hand"})
    alone.call(
        "POST", f"/v1{page.removesuffix('/send')}/pushes", json={"to": {"device": FORM["device"]}, "title": "API"}
    )
    shown = dana.get(page)
    assert "“By hand”" in shown and "“API”" not in shown


def test_a_push_that_was_sent_is_used_again_as_it_was(dana: Browser) -> None:
    page = begun(dana, "usedagain")
    to, _ = dana.post(page, **FORM | {"title": "The first", "badge": "4"})
    dana.post(page, **FORM | {"title": "The second"})
    until(lambda: "Use it again" in dana.get(to), "the end of the first")
    push = re.search(r"push=(\w+)", to)[1]  # type: ignore[index]
    again = dana.get(f"{page}?again={push}")
    assert 'value="The first"' in again and 'name="badge" type="text" value="4"' in again
    assert 'value="simulated-iphone" checked' in again
    assert dana.ask("GET", f"{page}?again=" + "0" * 20).status_code == 404
    assert dana.ask("GET", f"{page}?again=../../x").status_code == 404


def test_a_token_of_the_other_environment_is_refused_before_it_leaves(alone: Stage, dana: Browser) -> None:
    begun(dana, "mixedup")
    token, name = "cd" * 32, "xcode-phone"
    device = {"provider": "apns", "token": token, "test": True}
    alone.call("PUT", f"/v1/apps/mixedup/sandbox/devices/{name}", json=device)
    page, form = "/apps/mixedup/production/send", FORM | {"to": "token", "token": token}
    _, looked = dana.post(f"{page}/look", 200, **form)
    assert "This token is registered in Sandbox, as xcode-phone: Production would refuse it." in looked
    assert "Send in Sandbox</a>" in looked
    _, refused = dana.post(page, 422, **form)
    assert "This token is registered in Sandbox; Production would refuse it." in refused
    assert alone.call("GET", "/v1/apps/mixedup/production/devices")["devices"] == []
    assert "Registered in Sandbox, not here" in dana.get(page)
    alone.call("PUT", f"/v1/apps/mixedup/production/devices/{name}", json=device)
    _, known = dana.post(f"{page}/look", 200, **form)
    assert "would refuse it" not in known


async def refused_by_apple(stage: Stage, app: str, name: str) -> str:
    """A push of Production to this device that Apple answered with BadDeviceToken; its id."""
    stores = stores_of(Settings(data=stage.data), "test")
    clock = ToldClock(time.time_ns() // 1_000_000 - 60_000)
    where = Scope("default", app, Environment.PRODUCTION)
    journal = SqliteJournal(stage.data / "journal.db", clock.now_ms)
    try:
        ((audience, (seq,)),) = (await stores.devices.find(where, installations=[name])).items()
        (token,) = (await stores.devices.pick(audience, [seq])).tokens
        await record(journal, clock, Sent(
            clock.ms, app, Environment.PRODUCTION, PushType.ALERT, f"device {name}", 1, 1, Message("To Xcode"),
            to=Device(audience, seq, token, ""), source=Source.TEST, reason="BadDeviceToken",
        ), random.Random(1))  # fmt: skip
    finally:
        journal.close()
        await stores.close()
    return str(stage.call("GET", f"/v1/apps/{app}/production/pushes")["pushes"][0]["id"])


def test_what_apple_does_not_know_here_is_sent_in_the_other_environment_by_one_button(
    alone: Stage, dana: Browser
) -> None:
    begun(dana, "twoworlds")
    device = {"provider": "apns", "token": "ef" * 32, "test": True}
    alone.call("PUT", "/v1/apps/twoworlds/production/devices/xcode-phone", json=device)
    push = asyncio.run(refused_by_apple(alone, "twoworlds", "xcode-phone"))
    page = "/apps/twoworlds/production/send"
    shown = dana.get(f"{page}?push={push}")
    assert "Apple doesn’t know this token in Production." in shown and "run from Xcode, which uses Sandbox" in shown
    assert "Try this token in Sandbox" in shown and "Try this token" not in _as_viewer(alone, f"{page}?push={push}")
    dana.ask("POST", f"{page}/elsewhere", data={"csrf": dana.who.csrf, "push": push})
    (there,) = alone.call("GET", "/v1/apps/twoworlds/sandbox/devices")["devices"]
    assert (there["installation_id"], there["test"]) == ("xcode-phone", True)


def _as_viewer(stage: Stage, path: str) -> str:
    return Browser(stage, signed_in(stage, Role.VIEWER)).get(path)


def test_the_copied_commands_really_send(alone: Stage, dana: Browser, tmp_path: Path) -> None:
    page = begun(dana, "copied")
    shown = dana.get(
        f"{page}?payload=" + quote(json.dumps({"to": {"device": FORM["device"]}, "title": "It's “there”"}))
    )
    shell, program = (
        html.unescape(re.search(rf'id="{id}"[^>]*>(.*?)</pre>', shown, re.S)[1])  # type: ignore[index]
        for id in ("curl", "python")
    )
    environ = {**os.environ, "PUSHWARDEN_URL": alone.url, "PUSHWARDEN_KEY": alone.key}
    sent = subprocess.run([need("bash"), "-c", shell], env=environ, capture_output=True, text=True, check=True)
    assert json.loads(sent.stdout)["id"]
    (tmp_path / "httpx.py").write_text("from httpx2 import *")
    own = [sys.executable, "-c", program]
    subprocess.run(own, env=environ | {"PYTHONPATH": str(tmp_path)}, check=True)
    titles = [one["title"] for one in alone.call("GET", f"/v1{page.removesuffix('/send')}/pushes")["pushes"]]
    assert titles == ["It's “there”"] * 2
