"""A preview shows the exact requests, hides what is secret and writes nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import WHERE, House, opened

HELLO = {"to": {"user": "u1"}, "title": "Hello {{user}}", "collapse_id": "c1", "ttl": 60}
TOKEN = f"{1:064x}"


def run(folder: Path, body: Any, before: Any = None, count: int = 5) -> tuple[int, Any]:
    async def story() -> tuple[int, Any]:
        async with opened("sqlite", folder, count) as house:
            if before:
                before(house)
            answer = await house.post(body, path="/pushes/preview")
            assert (await house.get("/pushes")).json() == {"pushes": [], "next": None}
            assert not house.bell.rung
            return answer.status_code, answer.json()

    return asyncio.run(story())


def test_the_exact_request_is_shown_with_headers_body_and_size(tmp_path: Path) -> None:
    status, said = run(tmp_path, HELLO)
    assert status == 200
    (request,) = said["requests"]
    assert (
        request["url"] == "https://api.sandbox.push.apple.com/3/device/0000…(64)"
        or "/3/device/0000…(64)" in request["url"]
    )
    headers = request["headers"]
    assert headers["apns-topic"] == "org.example.shop"
    assert (headers["apns-push-type"], headers["apns-priority"], headers["apns-collapse-id"]) == ("alert", "10", "c1")
    assert "authorization" not in headers
    assert json.loads(request["body"])["aps"]["alert"]["title"] == "Hello u1"
    assert request["body_bytes"] == len(request["body"]) and request["limit_bytes"] == 4096
    assert said["audiences"] == [{"provider": "apns", "token_kind": "alert", "recipients": 1}]
    assert TOKEN not in json.dumps(said)


@pytest.mark.parametrize(
    ("to", "shown"),
    [({"all": True}, 3), ({"tokens": ["ab" * 32, "cd" * 32]}, 2), ({"user": "nobody"}, 0), ({"tags": "none"}, 0)],
)
def test_up_to_three_recipients_are_shown(tmp_path: Path, to: Any, shown: int) -> None:
    status, said = run(tmp_path, {"to": to, "title": "t"})
    assert (status, len(said["requests"])) == (200, shown)


def test_a_body_too_large_after_filling_is_named(tmp_path: Path) -> None:
    status, said = run(tmp_path, {"to": {"user": "u1"}, "title": "{{user}}" + "x" * (4096 - 31)})
    assert (status, said["requests"]) == (
        200,
        [{"provider": "apns", "refused": "PayloadTooLarge", "token": "0000…(64)"}],
    )


def test_a_stop_is_a_warning_not_a_refusal(tmp_path: Path) -> None:
    def stopped(house: House) -> None:
        house.fence.stop(WHERE, house.clock.ms)

    status, said = run(tmp_path, HELLO, stopped)
    assert status == 200 and len(said["requests"]) == 1
    assert said["warnings"] == ["Sending is stopped here: this push would be refused or held."]


def test_what_would_be_refused_is_refused_here_too(tmp_path: Path) -> None:
    status, said = run(tmp_path, HELLO | {"title": "x" * 5000})
    assert (status, said["code"], said["limit"]) == (413, "payload_too_large", 4096)
