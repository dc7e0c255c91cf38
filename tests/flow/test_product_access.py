"""Who may do what, and what bad input comes to, on the real server over real sockets."""

from __future__ import annotations

import json
import re
import socket
from contextlib import closing
from typing import Any

import pytest

from people import signed_in
from product_fixtures import SLOW, ask, calm, ended, fleet, frames, key_of, send, until
from pushwarden.core.principal import Role
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
pytestmark = SLOW

KEPT = {"/healthz", "/readyz"}


def filled(path: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)


def carol(stage: Stage) -> str:
    """An administrator of another organisation."""
    if ask(stage, "GET", "/v1/organisations").text.find('"rival"') < 0:
        stage.call("POST", "/v1/organisations", json={"id": "rival", "name": "Rival"})
    headers = {"pushwarden-organisation": "rival"}
    made = ask(stage, "POST", "/v1/keys", headers=headers, json={"name": "carol", "kind": "admin"})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def test_carol_sees_and_does_nothing_in_the_whole_table(calm: Stage) -> None:
    base = calm.make_app("private")
    fleet(calm, base, 5)
    push = send(calm, base, {"all": True}, "alert", title="Secret Sauce")
    calm.settled(base, push)
    key_id = calm.call("GET", "/v1/keys")["keys"][0]["id"]
    credential = calm.call("GET", f"{base}/credentials")["credentials"][0]["id"]
    callback = calm.call("POST", "/v1/apps/private/callbacks", json={"url": "https://example.com/outcomes"})
    request = calm.call("POST", f"{base}/credentials/requests", json={})
    proof = calm.call("POST", f"{base}/credentials/{credential}/verify")
    dana = signed_in(calm, Role.VIEWER)
    invited = calm.call("POST", "/v1/invitations", json={"email": "x@x.example", "roles": [{"role": "viewer"}]})
    receipt = calm.call("POST", "/v1/stop", json={"app": "private"})["id"]
    ramp = calm.call("POST", "/v1/resume", json={"app": "private", "ramp": {}})["ramp"]
    names = {
        "app": "private", "env": "simulated", "id": push, "credential": credential, "key": key_id, "hold": "hold_1",
        "version": "1", "person": dana.person.id, "invitation": invited["view"]["id"],
        "session": calm.call("GET", "/v1/sessions")["sessions"][0]["id"],
        "ramp": ramp["id"], "receipt": receipt,
        "probe": proof["id"], "request": request["request"]["id"],
        "callback": callback["callback"]["id"],
        "installation_id": "00000000-0000-4000-8000-000000000001", "organisation": "default", "import": "imp_1",
    }  # fmt: skip
    theirs = carol(calm)
    paths = calm.call("GET", "/openapi.json")["paths"]
    before = len(frames(calm))
    asked = 0
    for path, methods in paths.items():
        for method in methods:
            for headers in ({}, {"pushwarden-organisation": "default"}):
                answer = ask(calm, method.upper(), filled(path, names), theirs, headers=headers, json={})
                asked += 1
                assert answer.status_code < 500, (method, path, answer.text)
                text = answer.text
                assert "Secret Sauce" not in text
                if not path.startswith("/v1/audit"):  # her own refused attempts stand there, with what she named
                    assert push not in text or answer.status_code >= 400
                    assert credential not in text
                if "{" in path:
                    assert answer.status_code in (401, 403, 404, 422), (method, path, headers, text)
    assert asked > 60
    entries = ask(calm, "GET", "/v1/audit", theirs, params={"limit": 500}).json()["entries"]
    assert {entry["scope"].partition("/")[0] for entry in entries} == {"rival"}
    state = calm.call("GET", f"{base}/pushes/{push}")
    assert ended(state) == {"accepted": 5}
    assert calm.call("GET", "/v1/apps/private")["enabled"] is True
    assert calm.call("GET", "/v1/stop")["stops"] == []
    assert [one["step"] for one in calm.call("GET", "/v1/ramps")["ramps"] if one["id"] == ramp["id"]] == [1]
    assert len(ask(calm, "GET", f"{base}/devices/export").text.splitlines()) == 5
    assert len(frames(calm)) == before


def test_carol_stops_only_what_is_hers(calm: Stage) -> None:
    base = calm.make_app("unstopped")
    fleet(calm, base, 2)
    theirs = carol(calm)
    assert ask(calm, "POST", "/v1/stop", theirs, json={"app": "unstopped"}).status_code == 404
    assert ask(calm, "POST", "/v1/stop", theirs, json={"installation": True}).status_code in (403, 404)
    assert ask(calm, "POST", "/v1/stop", theirs, json={}).status_code == 200
    push = send(calm, base, {"all": True})
    assert ended(calm.settled(base, push)) == {"accepted": 2}
    assert ask(calm, "POST", "/v1/resume", theirs, json={}).status_code == 200


def test_a_revoked_key_is_refused(calm: Stage) -> None:
    base = calm.make_app("revoked")
    made = calm.call("POST", "/v1/keys", json={"name": "robot", "kind": "send", "app": "revoked"})
    assert ask(calm, "GET", f"{base}/pushes", made["key"]).status_code == 200
    calm.call("POST", f"/v1/keys/{made['view']['id']}/revoke")
    assert ask(calm, "GET", f"{base}/pushes", made["key"]).status_code == 401


def test_a_stop_key_stops_and_does_nothing_else(calm: Stage) -> None:
    base = calm.make_app("braked")
    fleet(calm, base, 2)
    brake = key_of(calm, "stop", app="braked")
    for method, path, body in (
        ("POST", f"{base}/pushes", {"to": {"all": True}, "title": "x"}),
        ("GET", f"{base}/pushes", None),
        ("GET", f"{base}/devices/export", None),
        ("PUT", f"{base}/devices/x", {"token": "abab"}),
        ("GET", "/v1/apps/braked", None),
        ("GET", "/v1/keys", None),
        ("POST", "/v1/resume", {"app": "braked"}),
        ("GET", "/metrics", None),
    ):
        assert ask(calm, method, path, brake, json=body).status_code in (403, 404), (method, path)
    receipt = ask(calm, "POST", "/v1/stop", brake)
    assert (receipt.status_code, receipt.json()["drained"]) == (200, True)
    assert len(ask(calm, "GET", "/v1/stop", brake).json()["stops"]) == 1
    refused = ask(calm, "POST", f"{base}/pushes", json={"to": {"all": True}, "title": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "stopped")
    assert ask(calm, "POST", "/v1/resume", brake, json={"app": "braked"}).status_code in (403, 404)
    calm.call("POST", "/v1/resume", json={"app": "braked"})
    push = send(calm, base, {"all": True})
    assert ended(calm.settled(base, push)) == {"accepted": 2}


BASE = "/v1/apps/bad-input/simulated"


@pytest.fixture
def target(calm: Stage) -> Stage:
    if ask(calm, "GET", "/v1/apps/bad-input").status_code == 404:
        calm.make_app("bad-input")
    return calm


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"to":{"all":true},"title":"x"', 400, "malformed"),
        (b"", 400, "malformed"),
        (b"\xff\xfe\x00", 400, "malformed"),
        (b"[" * 100_000, 422, "invalid"),
        (b'{"to":{"all":true},"titel":"x"}', 422, "unknown_field"),
        (b'{"to":{"all":true},"title":7}', 422, "invalid"),
        (b'{"to":{"all":"yes"},"title":"x"}', 422, "invalid"),
        (b'{"to":{"tokens":["g0g0"]},"title":"x"}', 422, "invalid"),
        (b'{"to":{"tokens":["ab\\r\\nx: y"]},"title":"x"}', 422, "invalid"),
        (b'{"to":{"user":"a\\r\\nb"},"title":"x"}', 422, "invalid"),
        (b'{"to":{"all":true},"title":"x","collapse_id":"a\\r\\nb"}', 422, "invalid"),
        (b'{"to":{"all":true},"title":"x","apns":{"headers":{"apns-topic":"other"}}}', 422, "invalid"),
        (b'{"to":{"all":true},"title":"\\ud800"}', 400, "malformed"),
        (b'{"to":{"all":true},"type":"voip"}', 422, "invalid"),
        (b'{"to":{"all":true},"title":"' + b"x" * 5000 + b'"}', 413, "payload_too_large"),
        (b'{"to":{"all":true},"title":"' + b"x" * (1 << 20) + b'"}', 413, "body_too_large"),
        (b'{"to":{"tokens":[' + b",".join([b'"abab"'] * 1_000_000) + b"]}}", 413, "body_too_large"),
        (b'{"to":{"users":[' + b",".join([b'"u"'] * 20_000) + b"]}}", 422, "invalid"),
    ],
    ids=range(18),
)
def test_bad_bodies_get_a_problem_that_says_what_to_do(target: Stage, body: bytes, status: int, code: str) -> None:
    headers = {"content-type": "application/json"}
    answer = ask(target, "POST", f"{BASE}/pushes", content=body, headers=headers)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert problem["detail"].rstrip()[-1] in ".…"
    assert target.call("GET", f"{BASE}/pushes")["pushes"] == []


def raw(stage: Stage, *parts: bytes, seconds: float = 15) -> bytes:
    """What the server answers to these bytes until it closes, or is silent for so long."""
    host, port = stage.url.removeprefix("http://").split(":")
    out = b""
    with closing(socket.create_connection((host, int(port)), timeout=15)) as sock:
        try:
            for part in parts:
                sock.sendall(part)
            sock.settimeout(seconds)
            while data := sock.recv(65536):
                out += data
        except (ConnectionError, TimeoutError):
            pass
    return out


def head(stage: Stage, *lines: str, path: str = BASE + "/pushes") -> bytes:
    text = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {stage.key}", *lines, "", ""]
    return "\r\n".join(text).encode()


def first_status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


@pytest.mark.parametrize(
    "make",
    [
        lambda s: (head(s, "Content-Length: 500"), b'{"to":{"all":true},'),
        lambda s: (head(s, "Content-Length: abc"), b"{}"),
        lambda s: (head(s, "Content-Length: -1"), b"{}"),
        lambda s: (head(s, "Content-Length: 2", "Content-Length: 3"), b"{}x"),
        lambda s: (head(s, "Content-Length: 2", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
        lambda s: (head(s, "Transfer-Encoding: chunked"), b"zz\r\n{}\r\n0\r\n\r\n"),
        lambda s: (head(s, "Transfer-Encoding: chunked"), b'5\r\n{"to"'),
        lambda s: (head(s, "Idempotency-Key: a\rb", "Content-Length: 2"), b"{}"),
        lambda s: (head(s, "X: " + "y" * 200_000, "Content-Length: 2"), b"{}"),
        lambda s: (head(s, "Expect: 200-maybe", "Content-Length: 2"), b"{}"),
        lambda s: (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),),
        lambda s: (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),),
        lambda s: (b"GET  /v1/apps\r\n\r\n\r\n",),
        lambda s: (b"\r\n" * 1000,),
        lambda s: (head(s, "Content-Length: 2"), b"{}GARBAGE GARBAGE\r\n\r\n"),
    ],
    ids=range(15),
)
def test_broken_http_costs_one_connection_and_no_5xx(target: Stage, make: Any) -> None:
    answer = raw(target, *make(target), seconds=0.3)
    for found in re.findall(rb"HTTP/1\.[01] (\d{3})", answer):
        assert 400 <= int(found) < 500, answer[:500]
    assert ask(target, "GET", "/healthz", "").status_code == 200
    assert target.call("GET", f"{BASE}/pushes")["pushes"] == []


def test_a_body_that_comes_byte_by_byte_is_taken(calm: Stage) -> None:
    base = calm.make_app("slow")
    fleet(calm, base, 1)
    body = b'{"to":{"all":true},"title":"slow"}'
    parts = [body[at : at + 1] for at in range(len(body))]
    answer = raw(calm, head(calm, f"Content-Length: {len(body)}", "Connection: close", path=f"{base}/pushes"), *parts)
    assert first_status(answer) == 202
    push = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    assert ended(calm.settled(base, push)) == {"accepted": 1}


def test_pipelined_requests_are_answered_in_order(calm: Stage) -> None:
    base = calm.make_app("pipeline")
    fleet(calm, base, 1)
    body = b'{"to":{"all":true},"title":"x"}'
    one = head(calm, f"Content-Length: {len(body)}", path=f"{base}/pushes") + body
    last = head(calm, "Content-Length: 1", "Connection: close", path=f"{base}/pushes") + b"{"
    answer = raw(calm, one * 5 + last)
    assert re.findall(rb"HTTP/1\.1 (\d{3})", answer) == [b"202"] * 5 + [b"400"]
    pushes = calm.call("GET", f"{base}/pushes")["pushes"]
    assert len(pushes) == 5
    until(lambda: all(calm.call("GET", f"{base}/pushes/{p['id']}")["state"] == "done" for p in pushes), "all five")
