"""Pushes through the whole product: HTTP request → processes → TLS and HTTP/2 → the simulator's log and phones."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from product_fixtures import (
    SLOW,
    ask,
    calm,
    conserved,
    device,
    ended,
    fleet,
    frames,
    script,
    send,
    times_seen,
    under_way,
    until,
)
from pushwarden.wiring.stage import BUNDLE_ID, Stage

__all__ = ["calm"]
pytestmark = SLOW

TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "alert": ("", {"title": "Hello", "subtitle": "there", "body": "ümlaut 🔔", "badge": 3, "link": "shop://1"}),
    "background": ("", {"data": {"n": 1}}),
    "voip": (".voip", {"data": {"call": "1"}}),
    "complication": (".complication", {"data": {"steps": 9}}),
    "fileprovider": (".pushkit.fileprovider", {"data": {"container-identifier": "root"}}),
    "mdm": ("", {"data": {"mdm": "magic"}}),
    "location": (".location-query", {}),
    "liveactivity": (
        ".push-type.liveactivity",
        {"apns": {"aps": {"event": "update", "timestamp": 1_800_000_000, "content-state": {"goals": 2}}}},
    ),
    "pushtotalk": (".voip-ptt", {"ttl": 0, "data": {"channel": "7"}}),
    "widgets": (".push-type.widgets", {}),
    "controls": (".push-type.controls", {}),
}


def phone(stage: Stage, token: str) -> None:
    stage.control("POST", f"/phone/{token}")


def arrived(stage: Stage, token: str) -> list[dict[str, Any]]:
    return list(stage.control("GET", f"/phone/{token}?wait=20")["pushes"])


def test_every_push_type_arrives_as_the_preview_showed_it(calm: Stage) -> None:
    base = calm.make_app("types")
    for place, (kind, (suffix, fields)) in enumerate(TYPES.items()):
        token, name = f"{place + 1:064x}", f"phone-{kind}"
        token_kind = "alert" if kind == "background" else kind
        device(calm, base, name, token, token_kind=token_kind, user="ada")
        phone(calm, token)
        body = {"to": {"device": name}, "type": kind, **fields}
        preview = calm.call("POST", f"{base}/pushes/preview", json=body)
        (shown,) = preview["requests"]
        push = calm.call("POST", f"{base}/pushes", json=body)["id"]
        assert ended(calm.settled(base, push)) == {"accepted": 1}, kind
        (got,) = arrived(calm, token)
        assert got["body"] == shown["body"]
        assert len(shown["body"].encode()) == shown["body_bytes"] <= shown["limit_bytes"]
        assert got["topic"] == shown["headers"]["apns-topic"] == BUNDLE_ID + suffix
        assert got["push_type"] == shown["headers"]["apns-push-type"] == kind
        assert got["id"].replace("-", "").startswith(push)
        assert token not in json.dumps(preview)


def test_each_way_to_name_recipients_reaches_exactly_those(calm: Stage) -> None:
    base = calm.make_app("targets")
    fleet(calm, base, 33)
    raw = [f"{number:064x}" for number in range(900, 905)]
    expected: list[tuple[dict[str, Any], set[int]]] = [
        ({"user": "user-3"}, {3}),
        ({"users": ["user-1", "user-2", "user-2", "nobody"]}, {1, 2}),
        ({"device": "00000000-0000-4000-8000-000000000005"}, {5}),
        ({"tags": "plan:1 && !lang:1"}, {n for n in range(33) if n % 3 == 1 and n % 11 != 1}),
        ({"tags": "plan:0 || lang:4"}, {n for n in range(33) if n % 3 == 0 or n % 11 == 4}),
        ({"all": True}, set(range(33))),
        ({"tokens": raw}, set(range(5))),
    ]
    for to, numbers in expected:
        push = send(calm, base, to)
        state = calm.settled(base, push)
        assert ended(state) == {"accepted": len(numbers)}, to
        assert conserved(state)
        assert times_seen(calm, push) == dict.fromkeys(numbers, 1), to


def test_a_template_gives_each_phone_its_own_words(calm: Stage) -> None:
    base = calm.make_app("template")
    names = {f"{n + 0x7000:064x}": f'user "{n}" ü' for n in range(5)}
    for number, (token, user) in enumerate(names.items()):
        device(calm, base, f"phone-{number}", token, user=user, build=str(number))
        phone(calm, token)
    push = send(calm, base, {"all": True}, "alert", title="Hi {{user}}", body="build {{build}}")
    assert ended(calm.settled(base, push)) == {"accepted": 5}
    for number, (token, user) in enumerate(names.items()):
        (got,) = arrived(calm, token)
        assert json.loads(got["body"])["aps"]["alert"] == {"title": f"Hi {user}", "body": f"build {number}"}


def test_a_push_waits_for_its_time(calm: Stage) -> None:
    base = calm.make_app("later")
    fleet(calm, base, 3)
    offset = time.time_ns() - time.monotonic_ns()
    due = time.time() + 1.5
    push = send(calm, base, {"all": True}, not_before=due)
    assert calm.call("GET", f"{base}/pushes/{push}")["state"] == "scheduled"
    assert ended(calm.settled(base, push)) == {"accepted": 3}
    assert all(frame.ns + offset >= due * 1e9 - 2e6 for frame in frames(calm, push))


def test_what_expires_while_stopped_is_never_sent(calm: Stage) -> None:
    base = calm.make_app("expiring")
    fleet(calm, base, 7)
    calm.call("POST", "/v1/stop", json={"app": "expiring"})
    push = send(calm, base, {"all": True}, ttl=1, when_stopped="hold")
    state = calm.call("GET", f"{base}/pushes/{push}")
    assert state["state"] == "held"
    until(lambda: time.time() > calm_end(state), "the end of its life")
    calm.call("POST", "/v1/resume", json={"app": "expiring", "held": "release"})
    state = calm.settled(base, push)
    assert ended(state) == {"expired": 7}
    assert conserved(state)
    assert frames(calm, push) == []


def calm_end(state: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(state["expires_at"]).timestamp() + 0.01


def test_a_collapse_id_stands_in_the_request_and_is_measured_in_bytes(calm: Stage) -> None:
    base = calm.make_app("collapse")
    fleet(calm, base, 1)
    body: dict[str, Any] = {"to": {"all": True}, "title": "x", "collapse_id": "ü" * 32}
    shown = calm.call("POST", f"{base}/pushes/preview", json=body)["requests"][0]
    assert shown["headers"]["apns-collapse-id"] == "ü" * 32
    push = calm.call("POST", f"{base}/pushes", json=body)["id"]
    assert ended(calm.settled(base, push)) == {"accepted": 1}
    refused = ask(calm, "POST", f"{base}/pushes", json=body | {"collapse_id": "ü" * 32 + "x"})
    assert (refused.status_code, refused.json()["field"]) == (422, "collapse_id")


def test_a_cancel_in_mid_flight_ends_the_rest_and_frees_its_place_in_the_fence(calm: Stage) -> None:
    base = calm.make_app("cancel")
    fleet(calm, base, 6000)
    with script(calm, {"do": "delay", "ms": 100}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        answer = calm.call("POST", f"{base}/pushes/{push}/cancel")
        replied = time.monotonic_ns()
        assert answer["receipt"]["drained"], answer["receipt"]
        state = calm.settled(base, push)
    assert state["stopped"] > 0
    assert sum(ended(state).values()) == 6000
    assert conserved(state)
    seen = frames(calm, push)
    assert len(seen) == state["accepted"] + state["unknown"]
    assert not [frame for frame in seen if frame.ns > replied]
    assert calm.call("POST", f"{base}/pushes/{push}/cancel")["receipt"] is None
    assert calm.call("GET", "/v1/stop")["stops"] == []

    def freed() -> bool:
        return "pushwarden_stops 0.0" in ask(calm, "GET", "/metrics").text

    until(freed, "the fence slot of the cancelled push")
    again = send(calm, base, {"user": "user-1"})
    assert ended(calm.settled(base, again)) == {"accepted": 1}


@pytest.mark.parametrize(
    ("rule", "reason", "kind"),
    [
        ({"do": "reset", "code": 8}, "reset", "background"),
        ({"do": "disconnect"}, "connection lost", "background"),
        ({"do": "refuse", "status": 400, "reason": "BadCollapseId"}, "BadCollapseId", "alert"),
        ({"do": "refuse", "status": 418, "reason": "Teapot"}, "Teapot", "alert"),
        ({"do": "refuse", "status": 400, "reason": "x", "body": "none"}, "HTTP 400", "alert"),
    ],
)
def test_failures_are_listed_with_plain_words(calm: Stage, rule: dict[str, Any], reason: str, kind: str) -> None:
    app = f"words-{rule['do']}-{rule.get('code', rule.get('status', 0))}-{rule.get('body', 'json')}"
    base = calm.make_app(app)
    fleet(calm, base, 4)
    fields = {"title": "x"} if kind == "alert" else {}
    with script(calm, rule):
        push = send(calm, base, {"all": True}, kind, **fields)
        state = calm.settled(base, push)
    assert conserved(state)
    assert sum(ended(state).values()) == 4
    listed = calm.call("GET", f"{base}/pushes/{push}/failures?limit=2")
    rest = calm.call("GET", f"{base}/pushes/{push}/failures?after={listed['next']}")
    failures = listed["failures"] + rest["failures"]
    assert {failure["reason"] for failure in failures} == {reason}
    assert len(failures) == 4
    assert sorted(failure["seq"] for failure in failures) == [0, 1, 2, 3]
    for failure in failures:
        assert failure["meaning"].endswith(".")
        assert failure["action"].endswith(".")
        assert "does not list" not in failure["meaning"] or reason == "Teapot"
