"""From nothing to a push that a phone showed, without a file: simulators, credential and phone are Pushwarden's own."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from product_fixtures import SLOW, alone, ask, send, until
from pushwarden.wiring.stage import Stage

__all__ = ["alone"]
pytestmark = SLOW


def begin(stage: Stage, app: str, provider: str) -> str:
    """An app with a generated credential and a simulated phone; its address."""
    stage.call("POST", "/v1/apps", json={"id": app, "bundle_id": "org.example.first", "trial": True})
    base = f"/v1/apps/{app}/simulated"
    made = stage.call("POST", f"{base}/credentials/simulated", json={"provider": provider})
    assert made["credential"]["state"] == "active"
    assert "simulated" in str(made["credential"]["facts"]).lower()
    return base


def shown(stage: Stage, base: str) -> list[dict[str, Any]]:
    (phone,) = stage.call("GET", f"{base}/phones")["phones"]
    found: list[dict[str, Any]] = phone["shown"]
    return found


@pytest.mark.parametrize("provider", ["apns", "fcm"])
def test_a_phone_shows_the_first_push_of_an_app_that_has_no_file(alone: Stage, provider: str) -> None:
    base = begin(alone, f"first-{provider}", provider)
    assert alone.call("GET", f"{base}/phones") == {"phones": [], "stand": ["apns", "fcm"]}
    phone = alone.call("POST", f"{base}/phones", json={"provider": provider})
    again = ask(alone, "POST", f"{base}/phones", json={"provider": provider})
    assert (again.status_code, again.json()) == (200, phone)
    to = {"device": phone["installation_id"]}
    push = send(alone, base, to, "alert", title="Hello", body="It works", confirm=True)
    assert alone.settled(base, push)["accepted"] == 1
    (first,) = until(lambda: shown(alone, base), "what the phone shows")
    assert (first["title"], first["body"]) == ("Hello", "It works")
    told = until(lambda: alone.call("GET", f"{base}/pushes/{push}/story")["reports"]["received"], "its confirmation")
    assert told["devices"] == 1
    silent = send(alone, base, {"device": phone["installation_id"]}, data={"n": 1})
    assert alone.settled(base, silent)["accepted"] == 1
    newest, oldest = until(lambda: [*shown(alone, base), 0][1:] and shown(alone, base), "the silent push")
    assert (newest["title"], oldest["title"]) == ("", "Hello")
    assert ask(alone, "DELETE", f"{base}/phones/{phone['installation_id']}").status_code == 204
    assert alone.call("GET", f"{base}/phones")["phones"] == []
    assert ask(alone, "GET", f"{base}/devices/{phone['installation_id']}").status_code == 404


def test_a_phone_goes_on_after_the_simulators_fell(alone: Stage) -> None:
    base = begin(alone, "lasting", "apns")
    phone = alone.call("POST", f"{base}/phones")
    before = simulators(alone)
    os.kill(before, signal.SIGKILL)
    until(lambda: simulators(alone) != before, "the simulators")

    def after() -> bool:
        push = send(alone, base, {"device": phone["installation_id"]}, "alert", title="After")
        assert alone.settled(base, push)["accepted"] == 1
        return any(one["title"] == "After" for one in shown(alone, base))

    until(after, "a push after the fall")


def simulators(stage: Stage) -> int:
    """The process in which they are."""
    return int(json.loads((stage.data / "run" / "simulator-apns.json").read_text())["pid"])


def test_phones_and_made_credentials_are_of_the_simulated_environment_alone(alone: Stage) -> None:
    begin(alone, "fenced", "apns")
    for env in ("production", "sandbox"):
        for method, path, body in (
            ("POST", "phones", {}),
            ("GET", "phones", None),
            ("POST", "credentials/simulated", {"provider": "apns"}),
        ):
            answer = ask(alone, method, f"/v1/apps/fenced/{env}/{path}", json=body)
            assert (answer.status_code, answer.json()["field"]) == (422, "env")
    again = ask(alone, "POST", "/v1/apps/fenced/simulated/credentials/simulated", json={"provider": "apns"})
    assert (again.status_code, again.json()["code"]) == (409, "in_use")
