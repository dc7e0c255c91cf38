"""Devices through the whole product: registered, rotated, opted out, imported, dead, held, released."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from product_fixtures import (
    SLOW,
    ask,
    calm,
    conserved,
    device,
    ended,
    fleet,
    frames,
    key_of,
    script,
    send,
    times_seen,
    under_way,
    until,
)
from pushwarden.wiring.stage import Stage, device_line

__all__ = ["calm"]
pytestmark = SLOW


def token_of(number: int) -> str:
    return str(json.loads(device_line(number))["token"])


def name_of(number: int) -> str:
    return str(json.loads(device_line(number))["installation_id"])


def cli(stage: Stage, *arguments: str) -> Any:
    """What the command prints as JSON."""
    environ = os.environ | {"PUSHWARDEN_URL": stage.url, "PUSHWARDEN_KEY": stage.key}
    command = [sys.executable, "-m", "pushwarden.cli.main", *arguments, "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_a_rotated_token_is_the_one_that_is_sent_to(calm: Stage) -> None:
    base = calm.make_app("rotate")
    old, new = "a1" * 32, "b2" * 32
    assert device(calm, base, "phone", f"<{old.upper()[:8]} {old[8:]}>", user="ada")["change"] == "created"
    assert device(calm, base, "phone", new, user="ada")["change"] == "updated"
    assert device(calm, base, "phone", new, user="ada")["change"] == "unchanged"
    for token in (old, new):
        calm.control("POST", f"/phone/{token}")
    push = send(calm, base, {"user": "ada"}, "alert", title="x")
    assert ended(calm.settled(base, push)) == {"accepted": 1}
    assert len(calm.control("GET", f"/phone/{new}?wait=20")["pushes"]) == 1
    assert calm.control("GET", f"/phone/{old}?wait=0")["pushes"] == []


def test_a_token_belongs_to_the_installation_that_registered_it_last(calm: Stage) -> None:
    base = calm.make_app("moved")
    token = "c3" * 32
    device(calm, base, "first", token, user="ada")
    device(calm, base, "second", token, user="bob")
    assert ask(calm, "GET", f"{base}/devices/first").status_code == 404
    push = send(calm, base, {"users": ["ada", "bob"]})
    assert ended(calm.settled(base, push)) == {"accepted": 1}
    assert len(frames(calm, push)) == 1


def test_an_opt_out_while_the_push_is_queued_is_withdrawn(calm: Stage) -> None:
    base = calm.make_app("optout")
    fleet(calm, base, 20)
    calm.call("POST", "/v1/stop", json={"app": "optout"})
    fan_out = send(calm, base, {"all": True}, when_stopped="hold")
    single = send(calm, base, {"user": "user-3"}, when_stopped="hold")
    assert calm.call("DELETE", f"{base}/devices/{name_of(3)}") == {"removed": 1}
    calm.call("POST", "/v1/resume", json={"app": "optout", "held": "release"})
    state = calm.settled(base, single)
    assert ended(state) == {"withdrawn": 1}
    state = calm.settled(base, fan_out)
    assert conserved(state)
    assert 3 not in times_seen(calm, fan_out)
    assert ended(state)["accepted"] == 19
    assert frames(calm, single) == []


def test_an_opt_out_in_the_middle_of_a_fan_out_is_never_written_to(calm: Stage) -> None:
    base = calm.make_app("midway")
    fleet(calm, base, 6000)
    with script(calm, {"do": "delay", "ms": 100}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        calm.call("DELETE", f"{base}/devices/{name_of(5999)}")
        state = calm.settled(base, push)
    assert ended(state) == {"accepted": 5999, "withdrawn": 1}
    assert conserved(state)
    seen = times_seen(calm, push)
    assert seen == dict.fromkeys(range(5999), 1)


def test_an_import_tells_each_bad_line_and_keeps_every_good_one(calm: Stage) -> None:
    base = calm.make_app("import")
    lines = [
        device_line(0),
        b"{not json\n",
        b'{"installation_id":"x","token":"zz"}\n',
        b'{"installation_id":"x","token":"ab","colour":"red"}\n',
        b"\n",
        device_line(1),
        b'{"installation_id":"","token":"abab"}\n',
        b'{"installation_id":"long","token":"' + b"ab" * 9000 + b'"}\n',
        b'{"installation_id":"r\\r\\nHost: x","token":"abab"}\n',
        device_line(2).rstrip(b"\n"),
    ]
    report = calm.import_devices(base, iter(lines))
    assert (report["created"], report["refused"]) == (3, 6)
    assert [error["line"] for error in report["errors"]] == [2, 3, 4, 7, 8, 9]
    assert "colour" in report["errors"][2]["message"]
    push = send(calm, base, {"all": True})
    assert ended(calm.settled(base, push)) == {"accepted": 3}


def test_an_export_imported_elsewhere_is_the_same_export(calm: Stage) -> None:
    one, other = calm.make_app("export-a"), calm.make_app("export-b")
    fleet(calm, one, 300)
    device(calm, one, "odd", "d4" * 10, user='quote " and ü', tags=["a", "b:c"], test=True, token_kind="voip")
    calm.call("DELETE", f"{one}/devices/{name_of(7)}")
    first = ask(calm, "GET", f"{one}/devices/export").text
    assert len(first.splitlines()) == 300
    report = calm.import_devices(other, iter([first.encode()]))
    assert (report["created"], report["refused"]) == (300, 0)
    assert sorted(ask(calm, "GET", f"{other}/devices/export").text.splitlines()) == sorted(first.splitlines())


def test_a_device_key_registers_and_removes_and_sees_nothing(calm: Stage) -> None:
    base = calm.make_app("devicekey")
    key = key_of(calm, "device", app="devicekey")
    made = ask(calm, "PUT", f"{base}/devices/mine", key, json={"token": "e5" * 32})
    assert made.status_code == 201
    for method, path, body in (
        ("GET", f"{base}/devices/mine", None),
        ("GET", f"{base}/devices?user=x", None),
        ("GET", f"{base}/devices/export", None),
        ("POST", f"{base}/devices/import", {}),
        ("POST", f"{base}/pushes", {"to": {"all": True}}),
        ("GET", f"{base}/pushes", None),
        ("POST", "/v1/stop", {}),
        ("GET", "/v1/stop", None),
        ("GET", "/v1/audit", None),
    ):
        assert ask(calm, method, path, key, json=body).status_code == 403, (method, path)
    assert ask(calm, "DELETE", f"{base}/devices/mine", key).json() == {"removed": 1}


def test_a_token_that_died_is_buried_until_it_is_registered_again(calm: Stage) -> None:
    base = calm.make_app("dead")
    fleet(calm, base, 400)
    number = 11
    row = {"state": "unregistered", "timestamp_ms": int(time.time() * 1000) + 60_000}
    calm.control("POST", "/tokens", json={"tokens": {token_of(number): row}})
    push = send(calm, base, {"all": True})
    assert ended(calm.settled(base, push)) == {"accepted": 399, "refused": 1}
    path = f"{base}/devices/{name_of(number)}"
    gone = until(
        lambda: next((d for d in calm.call("GET", path)["devices"] if d["state"] == "gone"), None), "the tombstone"
    )
    assert gone["gone_reason"] == "Unregistered"
    again = send(calm, base, {"all": True})
    assert ended(calm.settled(base, again)) == {"accepted": 399}
    calm.control("POST", "/tokens", json={"tokens": {token_of(number): {"state": "ok"}}})
    assert device(calm, base, name_of(number), token_of(number))["change"] == "revived"
    third = send(calm, base, {"all": True})
    assert ended(calm.settled(base, third)) == {"accepted": 400}


def test_a_410_older_than_the_registration_touches_no_token(calm: Stage) -> None:
    base = calm.make_app("stale410")
    device(calm, base, "phone", "f6" * 32, user="ada")
    calm.control("POST", "/tokens", json={"tokens": {"f6" * 32: {"state": "unregistered"}}})
    push = send(calm, base, {"user": "ada"})
    state = calm.settled(base, push)
    assert ended(state) == {"refused": 1}
    assert state["refusals"][0]["reason"] == "Unregistered"
    again = send(calm, base, {"user": "ada"})
    assert ended(calm.settled(base, again)) == {"refused": 1}
    assert calm.call("GET", f"{base}/devices/phone")["devices"][0]["state"] == "live"


def open_hold(stage: Stage, app: str) -> Any:
    found = stage.call("GET", "/v1/holds", params={"open": "true"})["holds"]
    return next((hold for hold in found if f"/{app}/" in hold["lane"]), None)


def test_a_mass_invalidation_holds_the_lane_until_a_person_discards_it_by_api(calm: Stage) -> None:
    base = calm.make_app("mass-api")
    fleet(calm, base, 9000)
    bad = {"do": "refuse", "status": 400, "reason": "BadDeviceToken", "topic": "com.example.shop", "share": 0.3}
    with script(calm, bad, {"do": "delay", "ms": 40}):
        push = send(calm, base, {"all": True})
        hold = until(lambda: open_hold(calm, "mass-api"), "the hold")
        assert "No device was touched" in hold["reason"]
        held = until(lambda: _held(calm, base, push), "the held shards")
        assert conserved(held)
        assert held["pending"] > 0
    assert token_of(0) not in json.dumps(hold)
    released = calm.call("POST", f"/v1/holds/{hold['id']}/release", json={"verdict": "discard", "reason": "ours"})
    assert released["release"] == "discard"
    state = calm.settled(base, push)
    assert conserved(state)
    assert set(ended(state)) == {"accepted", "refused"}
    assert sum(times_seen(calm, push).values()) == 9000
    assert ask(calm, "POST", f"/v1/holds/{hold['id']}/release", json={"verdict": "apply"}).status_code == 409
    exported = ask(calm, "GET", f"{base}/devices/export").text
    assert '"gone_at"' not in exported


def _held(stage: Stage, base: str, push: str) -> Any:
    state = stage.call("GET", f"{base}/pushes/{push}")
    return state if state["state"] == "held" and not state["in_flight"] else None


def test_a_mass_invalidation_is_shown_and_applied_by_command_line(calm: Stage) -> None:
    base = calm.make_app("mass-cli")
    fleet(calm, base, 9000)
    later = int(time.time() * 1000) + 60_000
    gone = {"do": "refuse", "status": 410, "reason": "Unregistered", "share": 0.3, "timestamp_ms": later}
    with script(calm, gone, {"do": "delay", "ms": 40}):
        push = send(calm, base, {"all": True})
        until(lambda: open_hold(calm, "mass-cli"), "the hold")
        until(lambda: _held(calm, base, push), "the held shards")
    (shown,) = [hold for hold in cli(calm, "holds", "list") if "/mass-cli/" in hold["lane"]]
    cli(calm, "holds", "release", shown["id"], "--verdict", "apply")
    state = calm.settled(base, push)
    assert conserved(state)
    assert sum(ended(state).values()) == 9000

    def buried() -> int:
        return ask(calm, "GET", f"{base}/devices/export").text.count('"gone_at"')

    until(lambda: buried() == state["refused"], "the tombstones")
