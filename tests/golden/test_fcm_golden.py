"""Golden requests of FCM: exact headers and body bytes by push type and target, kept by hand in golden/fcm/*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fcm_pushes import APP, CREDENTIAL, TOKEN, push, rows
from pushwarden.core.push import PushType
from pushwarden.providers.fcm import FCM
from pushwarden.providers.fcm.facts import PUSH_TYPES

FOLDER = Path(__file__).parent / "fcm"
FILES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_request_is_exactly_this(file: Path) -> None:
    golden: dict[str, Any] = json.loads(file.read_text())
    sent = push(PushType(golden["type"]), **golden["push"])
    FCM.validate(sent, APP)
    token = golden.get("member", TOKEN.decode()).encode()
    (envelope,) = FCM.render(sent, APP, CREDENTIAL, rows(1, token, **golden.get("values", {})))
    assert envelope.origin.authority == b"fcm.googleapis.com"
    assert envelope.path == b"/v1/projects/acme-shop-1/messages:send"
    assert envelope.headers == ((b"content-type", b"application/json"),)
    assert isinstance(envelope.body, list)
    assert [body.decode() for body in envelope.body] == [golden["body"].replace("TOKEN", TOKEN.decode())]


def test_every_push_type_and_target_has_a_golden_request() -> None:
    golden = [json.loads(file.read_text()) for file in FILES]
    assert {one["type"] for one in golden} == set(PUSH_TYPES)
    assert {one.get("member", "/token/").split("/")[1] for one in golden} == {"token", "topics", "condition"}
