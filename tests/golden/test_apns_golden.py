"""Golden requests of APNs: exact headers and body bytes for every push type, kept by hand in golden/apns/*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apns_fixtures import APP, CREDENTIAL, TOKEN, rows
from provider_pushes import push
from pushwarden.core.push import PushType
from pushwarden.providers.apns import APNS
from pushwarden.providers.port import Cell

FOLDER = Path(__file__).parent / "apns"
FILES = sorted(FOLDER.glob("*.json"))


def cell(value: Cell) -> bytes:
    return value if isinstance(value, bytes) else value[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_request_is_exactly_this(file: Path) -> None:
    golden: dict[str, Any] = json.loads(file.read_text())
    sent = push(PushType(golden["type"]), **golden["push"])
    APNS.validate(sent, APP)
    (envelope,) = APNS.render(sent, APP, CREDENTIAL, rows(**golden.get("values", {})))
    assert envelope.origin.authority == b"api.push.apple.com"
    assert cell(envelope.path) == b"/3/device/" + TOKEN
    assert [[name.decode(), cell(value).decode()] for name, value in envelope.headers] == golden["headers"]
    assert cell(envelope.body).decode() == golden["body"]


def test_every_push_type_has_a_golden_request() -> None:
    assert {json.loads(file.read_text())["type"] for file in FILES} == set(PushType)
