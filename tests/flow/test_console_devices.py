"""The devices' pages: found as people look for them, marked with an undo, and honest words while there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from people import SignedIn, signed_in
from product_fixtures import SLOW, calm, device, send, until
from pushwarden.control.console.devices.asking import Asked
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
TOKEN = "5eed" * 16


@pytest.mark.parametrize(
    ("q", "show", "tries"),
    [
        ("", "all", [{}]),
        ("", "gone", [{"state": "gone"}]),
        ("tag:beta build:512", "test", [{"test": "true", "tags": "beta", "build": "512"}]),
        ("ada", "all", [{"installation_id": "ada"}, {"user": "ada"}, {"token": "ada"}]),
        ('user:"Ada L" 5eed', "apple", [{"provider": "apns", "user": "Ada L", "installation_id": "5eed"}]),
        ('it"s', "all", [{"installation_id": 'it"s'}]),
        ("https://x", "all", [{"installation_id": "https://x"}]),
        ("x", "nonsense", [{"installation_id": "x"}]),
    ],
)
def test_what_is_typed_is_asked_so(q: str, show: str, tries: list[dict[str, str]]) -> None:
    found = [query for _, query in Asked.of({"q": q, "show": show}).tries()]
    assert found[: len(tries)] == tries


def test_the_next_page_asks_only_what_the_text_was() -> None:
    asked = Asked.of({"q": "5eed", "by": "token", "after": "1.0.9"})
    assert list(asked.tries()) == [("token", {"token": "5eed", "after": "1.0.9"})]


Get = Callable[..., httpx2.Response]


def visiting(stage: Stage, someone: SignedIn) -> Get:
    def ask(path: str, form: dict[str, Any] | None = None, **options: Any) -> httpx2.Response:
        headers = {"cookie": someone.cookie, **options.pop("headers", {})}
        if form is None:
            return stage.client.get(stage.url + path, headers=headers, **options)
        return stage.client.post(stage.url + path, headers=headers, data={"csrf": someone.csrf, **form}, **options)

    return ask


def fleet(stage: Stage, name: str) -> str:
    base = stage.make_app(name)
    device(stage, base, "anns-phone", TOKEN, user="ann", app_version="5.3", build="512", tags=["beta"])
    device(stage, base, "bobs-phone", "bb" * 32, user="bob", app_version="5.2")
    return base.removeprefix("/v1")


@SLOW
def test_a_device_is_found_by_what_people_have_at_hand(calm: Stage) -> None:
    pages = fleet(calm, "looked-for")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    for q in ("anns-phone", "ann", TOKEN[:6], TOKEN, "tag:beta", "version:5.3 build:512", "user:ann"):
        text = see(f"{pages}/devices", params={"q": q}).text
        assert "anns-phone" in text, q
        assert "bobs-phone" not in text, q
        assert TOKEN not in text.replace(f'value="{TOKEN}"', "").replace(f"q={TOKEN}", ""), q
    assert "No device is like that" in see(f"{pages}/devices?q=nobody").text
    assert "at least the first 4" not in see(f"{pages}/devices?q=x").text
    assert "Give at least the first 4 characters" in see(f"{pages}/devices?q=token:x").text
    assert "2 devices" in see(f"{pages}/devices").text


@SLOW
def test_a_device_is_marked_with_one_click_and_the_toast_takes_it_back(calm: Stage) -> None:
    pages = fleet(calm, "marked")
    omar = signed_in(calm, Role.OPERATOR)
    see = visiting(calm, omar)
    done = see(f"{pages}/devices/anns-phone/test", {"test": "true", "back": f"{pages}/devices?q=ann"})
    assert (done.status_code, done.headers["location"]) == (303, f"{pages}/devices?q=ann")
    toast = done.headers["set-cookie"].partition(";")[0]
    shown = see(f"{pages}/devices", headers={"cookie": f"{omar.cookie}; {toast}"}).text
    assert "anns-phone is a test device." in shown
    assert f'action="{pages}/devices/anns-phone/test?test=false"' in shown
    assert calm.call("GET", f"/v1{pages}/devices/anns-phone")["devices"][0]["marked"] is True
    see(f"{pages}/devices/anns-phone/test?test=false", {})
    assert calm.call("GET", f"/v1{pages}/devices/anns-phone")["devices"][0]["test"] is False
    assert (
        see(f"{pages}/devices/anns-phone/test", {"test": "true", "back": "//evil.example"}).headers["location"]
        == f"{pages}/devices"
    )
    assert see(f"{pages}/devices/nobody/test", {"test": "true"}).status_code == 404


@SLOW
def test_a_viewer_reads_and_changes_nothing_and_is_told_who_may(calm: Stage) -> None:
    pages = fleet(calm, "viewed")
    signed_in(calm, Role.OPERATOR)
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    text = see(f"{pages}/devices/anns-phone").text
    assert "This device can be reached" in text
    assert "5eed…(64)" in text
    for path, form in (("test", {"test": "true"}), ("forget", {}), ("tokens", {})):
        assert see(f"{pages}/devices/anns-phone/{path}", form).status_code == 403
    assert see(f"{pages}/devices/export").status_code == 403
    assert see(f"{pages}/devices/clear", {}).status_code == 403
    assert re.search(r'<button[^>]*disabled[^>]*title="Ask [^>]*>', text)
    assert calm.call("GET", f"/v1{pages}/devices/anns-phone")["devices"][0]["test"] is False


@SLOW
def test_the_whole_token_is_shown_on_request_and_noted(calm: Stage) -> None:
    pages = fleet(calm, "revealed")
    see = visiting(calm, signed_in(calm, Role.OPERATOR))
    assert TOKEN not in see(f"{pages}/devices/anns-phone").text
    assert TOKEN in see(f"{pages}/devices/anns-phone/tokens", {}).text
    rows = calm.call("GET", "/v1/audit?limit=20")["entries"]
    assert ("device.reveal", "anns-phone") in {(row["action"], row["target"]) for row in rows}
    file = see(f"{pages}/devices/export")
    assert (len(file.text.splitlines()), "attachment" in file.headers["content-disposition"]) == (2, True)
    assert see(f"{pages}/devices/anns-phone/forget", {}).status_code == 303
    assert see(f"{pages}/devices/anns-phone").status_code == 404


@SLOW
def test_an_app_without_devices_is_listened_to_with_its_own_snippet(calm: Stage) -> None:
    base = calm.make_app("quiet-one")
    pages = base.removeprefix("/v1")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    for language in ("swift", "kotlin", "curl"):
        text = see(f"{pages}/devices?lang={language}").text
        assert f"/v1{pages}/devices" in text
        assert "Listening" in text
        assert "Three usual reasons" not in text
    assert "Three usual reasons" in see(f"{pages}/devices/listen?since=1").text
    device(calm, "/v1/apps/quiet-one/sandbox", "elsewhere", "ab" * 32)
    text = until(lambda: (t := see(f"{pages}/devices/listen").text) and "1 device" in t and t, "the other environment")
    assert "Sandbox has" in text
    device(calm, base, "here", "cd" * 32)
    found = see(f"{pages}/devices/listen", headers={"hx-request": "true"})
    assert found.headers["hx-redirect"] == f"{pages}/devices"


@SLOW
def test_another_organisations_person_finds_no_device(calm: Stage) -> None:
    pages = fleet(calm, "hidden-fleet")
    carol = visiting(calm, signed_in(calm, Role.ADMIN, Scope("default", "quite-another")))
    for path in ("", "/anns-phone", "/listen", "/clear", "/export"):
        answer = carol(f"{pages}/devices{path}")
        assert answer.status_code == 404, path
        assert "anns-phone" not in answer.text.replace(path, "")


@SLOW
def test_a_devices_page_has_its_last_pushes_each_with_why(calm: Stage) -> None:
    base = calm.make_app("told-pushes")
    pages = base.removeprefix("/v1")
    device(calm, base, "anns-phone", TOKEN, user="ann")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    assert "Nothing was sent here yet" in see(f"{pages}/devices/anns-phone").text
    push = send(calm, base, {"device": "anns-phone"}, "alert", title="Your <order>")
    calm.settled(base, push)
    text = see(f"{pages}/devices/anns-phone").text
    assert f'href="{pages}/activity/why?device=anns-phone&amp;push={push}"' in text
    assert "Your &lt;order&gt;" in text
    assert "Accepted by" in text


@SLOW
def test_the_plot_shows_alerts_or_the_kind_that_is_chosen(calm: Stage) -> None:
    base = calm.make_app("kinds-apart")
    pages = base.removeprefix("/v1")
    device(calm, base, "anns-phone", TOKEN)
    device(calm, base, "anns-phone", "cc" * 32, token_kind="voip")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    text = see(f"{pages}/devices").text
    assert "1 device can be reached." in text
    assert "1 token for calls and other kinds" in text
    assert re.search(r'href="[^"]*/devices" aria-current="true">Apple<', text)
    chosen = see(f"{pages}/devices?churn=apns.voip").text
    assert re.search(r'churn=apns.voip" aria-current="true">Apple, calls<', chosen)
    assert see(f"{pages}/devices?churn=nonsense").status_code == 200
    assert "Each is kept for 30 days" in text
    assert re.search(r"<button[^>]*disabled[^>]*>(?:<svg.*?</svg>)?Import<", text)
