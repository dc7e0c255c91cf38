"""Slots through the whole product: certificates side by side, trials on test devices, switches under load.

The judge is the simulator's log, which says by which client certificate each connection came.
"""

from __future__ import annotations

import json
from typing import Any

import rotation
from product_fixtures import SLOW, ask, calm, device, ended, fleet, frames, script, send, under_way, until
from pushwarden.bench.house import House
from pushwarden.wiring.stage import BUNDLE_ID, Stage
from rotation import DYING, active, certificates, number_of, p12, upload, use

__all__ = ["calm"]
pytestmark = SLOW

ALERTS = ((BUNDLE_ID, "app"),)
CALLS = ((BUNDLE_ID + ".voip", "voip"),)


def by_certificate(stage: Stage, push: str) -> set[int | None]:
    """Of which client certificates the connections of a push were; None for a provider token."""
    known = certificates(stage)
    return {known.get(frame.connection) for frame in frames(stage, push)}


def phone(stage: Stage, base: str, name: str = "phone", user: str = "ada", **fields: Any) -> None:
    """Takes alerts and calls."""
    at = f"{len(name):02x}{sum(map(ord, name)):04x}"
    device(stage, base, name, (at + "0a").ljust(64, "0"), user=user, **fields)
    device(stage, base, name, (at + "0b").ljust(64, "0"), user=user, token_kind="voip", **fields)


def test_an_alert_certificate_and_a_voip_certificate_send_side_by_side_each_its_own(calm: Stage) -> None:
    base = calm.make_app("beside")
    alerts, calls = p12(calm, ALERTS), p12(calm, CALLS, bundle=BUNDLE_ID + ".voip")
    made = [upload(calm, base, file).json()["credential"] for file in (alerts, calls)]
    assert [one["slot"] for one in made] == ["", "voip"]
    use(calm, base, made[0]["id"])
    phone(calm, base)
    refused = ask(calm, "POST", f"{base}/pushes", json={"to": {"user": "ada"}, "type": "voip", "data": {"n": 1}})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_credential")
    use(calm, base, made[1]["id"])
    hello = send(calm, base, {"user": "ada"}, "alert", title="Hello")
    ring = send(calm, base, {"user": "ada"}, "voip", data={"call": "1"})
    for push in (hello, ring):
        assert ended(calm.settled(base, push)) == {"accepted": 1}
    assert by_certificate(calm, hello) == {number_of(alerts)}
    assert by_certificate(calm, ring) == {number_of(calls)}
    effective = calm.call("GET", f"{base}/effective")["credentials"]
    assert {seat: one["id"] for seat, one in effective.items()} == {
        "apns": made[0]["id"], "apns/voip": made[1]["id"],
    }  # fmt: skip


def test_a_certificate_becomes_a_key_and_comes_back_and_no_device_is_touched(calm: Stage) -> None:
    base = calm.make_app("moving")
    key, file = active(calm, base), p12(calm)
    phone(calm, base)
    before = ask(calm, "GET", f"{base}/devices/export").text
    certificate = upload(calm, base, file).json()["credential"]["id"]
    for credential, numbers in ((certificate, {number_of(file)}), (key, {None}), (certificate, {number_of(file)})):
        use(calm, base, credential)
        push = send(calm, base, {"user": "ada"}, "alert", title="Hello")
        assert ended(calm.settled(base, push)) == {"accepted": 1}
        assert by_certificate(calm, push) == numbers
    assert ask(calm, "GET", f"{base}/devices/export").text == before


def test_a_credential_is_tried_on_test_devices_before_all_others_get_anything_by_it(calm: Stage) -> None:
    base = calm.make_app("canary")
    file = p12(calm)
    phone(calm, base)
    phone(calm, base, "desk", "ben", test=True)
    standby = upload(calm, base, file).json()["credential"]["id"]
    trial = {"to": {"users": ["ada", "ben"]}, "title": "Trial", "credential": standby}
    push = calm.call("POST", f"{base}/pushes", json=trial)["id"]
    assert ended(calm.settled(base, push)) == {"accepted": 1}
    assert by_certificate(calm, push) == {number_of(file)}
    usual = send(calm, base, {"users": ["ada", "ben"]}, "alert", title="Hello")
    assert ended(calm.settled(base, usual)) == {"accepted": 2}
    assert by_certificate(calm, usual) == {None}
    use(calm, base, standby)
    assert ask(calm, "POST", f"{base}/pushes", json=trial).json()["field"] == "credential"


def test_what_is_disabled_lets_its_pushes_wait_and_nothing_is_lost(calm: Stage) -> None:
    base = calm.make_app("disabled")
    fleet(calm, base, 3000)
    credential = calm.call("GET", f"{base}/credentials")["credentials"][0]
    with script(calm, {"do": "delay", "ms": 60}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        switch = {"version": credential["version"], "enabled": False}
        off = calm.call("PATCH", f"{base}/credentials/{credential['id']}", json=switch)
    said = ask(calm, "POST", f"{base}/pushes", json={"to": {"all": True}, "type": "background"}).json()
    assert "is disabled" in said["warnings"][0]
    dead = send(calm, base, {"all": True}, ttl=1)
    assert ended(calm.settled(base, dead)) == {"expired": 3000}
    until(lambda: calm.call("GET", f"{base}/pushes/{push}")["in_flight"] == 0, "the last answers")
    assert calm.call("GET", f"{base}/pushes/{push}")["state"] != "done"
    count = len(frames(calm, push))
    assert len(frames(calm, push)) == count < 3000
    calm.call("PATCH", f"{base}/credentials/{credential['id']}", json={"version": off["version"], "enabled": True})
    for waiting in (push, said["id"]):
        assert ended(calm.settled(base, waiting)) == {"accepted": 3000}


def test_credentials_that_change_under_fan_outs_lose_double_and_refuse_nothing(calm: Stage) -> None:
    house = House(calm, calm.make_app("rotation"))
    house.fill(0, 6000)
    house.script({"do": "delay", "ms": 20})
    told = rotation.rotate(house, 6000, switches=6, every=1500)
    house.script()
    assert told["ok"], told
    assert told["switches"] == 6


def test_a_certificate_refused_in_mid_run_holds_its_lane_alone_until_another_is_active(calm: Stage) -> None:
    dying, well = House(calm, calm.make_app("revoked-slot", bundle_id=DYING)), House(calm, calm.make_app("unharmed"))
    dying.fill(0, 6000)
    well.fill(0, 6000)
    told = rotation.revoke(dying, well, 6000)
    assert told["ok"], json.dumps(told)
