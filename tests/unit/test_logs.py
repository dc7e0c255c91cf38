"""What a log line never shows."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pushwarden.core.secret import Secret
from pushwarden.observe.logs import hide

PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJURUFNIn0.c2lnbmF0dXJl"
SECRETS = [PEM, JWT, "a1" * 32, "pwk_prod_12345_abcdef", "dGhlIHRva2Vu:APA91bFoi3lMMre9G3XzR1LrF4ZT82"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", ["{}", "before {} after", "Authorization: Bearer {}"])
def test_a_secret_inside_any_text_is_hidden(secret: str, place: str) -> None:
    line = json.dumps(hide(None, "info", {"event": place.format(secret), "deep": {"list": [place.format(secret)]}}))
    assert secret[8:] not in line
    assert secret[-12:] not in line


@pytest.mark.parametrize(
    "name", ["authorization", "device_token", "tokens", "password", "p8_private", "api_key", "client_secret", "Cookie"]
)
def test_a_value_with_a_secrets_name_is_hidden(name: str) -> None:
    assert hide(None, "info", {name: "plain words", "inner": {name: ["plain"]}}) == {
        name: "<hidden>",
        "inner": {name: "<hidden>"},
    }


def test_what_people_need_stays() -> None:
    event = {
        "event": "claimed",
        "push": "0123456789abcdef0123",
        "tokens": 5,
        "token_kind": "voip",
        "ms": 1.5,
        "ok": None,
    }
    assert hide(None, "info", dict(event)) == event


def test_long_hex_is_recognisable_and_useless() -> None:
    assert hide(None, "info", {"at": "f00d" * 16}) == {"at": "f00d…(64)"}


def test_bytes_and_secrets_show_their_length_only() -> None:
    assert hide(None, "info", {"body": b"abc", "thing": Secret(b"abcd")}) == {
        "body": "<3 bytes>",
        "thing": "<secret, 4 bytes>",
    }


PROGRAM = """
import logging, structlog
from pushwarden.observe.logs import configure
configure("info", "sender-urgent")
log = structlog.get_logger("x")
log.debug("unseen")
log.info("seen", authorization="Bearer abc", n=1)
logging.getLogger("library").warning("uses %s", "Bearer abcdef123")
try:
    raise ValueError("pwk_live_deadbeef00")
except ValueError:
    log.exception("failed")
raise RuntimeError("Authorization: Bearer abcdef456")
"""


def test_every_line_is_json_on_standard_error_whoever_logs() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    seen, library, failed, crashed = (json.loads(line) for line in done.stderr.splitlines())
    assert done.stdout == ""
    assert (seen["event"], seen["n"], seen["process"], seen["level"]) == ("seen", 1, "sender-urgent", "info")
    assert library["event"] == "uses Bearer <hidden>"
    assert library["process"] == "sender-urgent"
    assert "Traceback" in failed["exception"]
    assert (crashed["event"], crashed["level"]) == ("crashed", "critical")
    assert "RuntimeError" in crashed["exception"]
    assert "deadbeef" not in done.stderr
    assert "abcdef" not in done.stderr
