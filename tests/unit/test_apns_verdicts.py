"""APNs: every answer has an outcome, and an unknown one costs no token."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest

from pushwarden.core.outcome import Blame, Ending, Retry
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.verdicts import VERDICTS
from pushwarden.providers.port import Reply
from pushwarden.providers.verdicts import Verdict

STATUSES = (100, 200, 201, 301, 400, 401, 403, 404, 405, 407, 410, 413, 418, 429, 500, 502, 503, 599, 999)


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}, raw)


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: f"{verdict.status}-{verdict.reason}")
def test_a_documented_answer_means_what_the_table_says(verdict: Verdict) -> None:
    outcome = APNS.classify(reply(verdict.status, {"reason": verdict.reason, "timestamp": 1_700_000_000_123}))
    assert (outcome.ending, outcome.reason, outcome.status) == (Ending.REFUSED, verdict.reason, verdict.status)
    assert (outcome.blame, outcome.retry) == (verdict.blame, verdict.retry)
    assert outcome.gone_ms == (1_700_000_000_123 if verdict.status == 410 else None)


def test_the_table_has_each_documented_pair_once() -> None:
    pairs = [(verdict.status, verdict.reason) for verdict in VERDICTS]
    assert len(set(pairs)) == len(pairs) == 33
    assert all(verdict.meaning.endswith(".") and verdict.action.endswith(".") for verdict in VERDICTS)


def test_only_three_answers_blame_the_device_and_only_a_dated_410_says_since_when() -> None:
    blamed = {(verdict.status, verdict.reason) for verdict in VERDICTS if verdict.blame is Blame.DEVICE}
    assert blamed == {(400, "BadDeviceToken"), (410, "ExpiredToken"), (410, "Unregistered")}
    assert {verdict.status for verdict in VERDICTS if verdict.gone} == {410}


@pytest.mark.parametrize("reason", ["DeviceTokenNotForTopic", "TopicDisallowed", "BadTopic", "MissingTopic"])
def test_a_fault_of_the_configuration_touches_no_token(reason: str) -> None:
    outcome = APNS.classify(reply(400, {"reason": reason, "timestamp": 1_700_000_000_000}))
    assert (outcome.blame, outcome.gone_ms) == (Blame.CREDENTIAL, None)


def test_a_thousand_unknown_reasons_delete_no_token() -> None:
    chance = random.Random(2)
    for _ in range(1000):
        reason = "".join(chance.choices(string.printable + "é€😀", k=chance.randint(1, 40)))
        status = chance.choice([*STATUSES[4:], chance.randint(300, 999)])
        outcome = APNS.classify(reply(status, {"reason": reason, "timestamp": 1_700_000_000_000}))
        assert outcome.reason == reason
        assert outcome.retry is Retry.ONCE
        assert outcome.blame is not Blame.DEVICE
        assert outcome.gone_ms is None


UNREADABLE = [b"", b"{", b'{"reason":"Unreg', b"null", b"[]", b'{"reason":7}', b'{"reason":""}', b"<html>", b"\xff\xfe",
              b'{"reason":"a\xff"}', b'{"timestamp":1}', b"[" * 8000, b'{"reason":null}']  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", UNREADABLE)
def test_an_answer_without_a_readable_reason_is_judged_by_its_status(status: int, body: bytes) -> None:
    outcome = APNS.classify(reply(status, body))
    if 200 <= status < 300:
        assert outcome.ending is Ending.ACCEPTED
        return
    assert (outcome.ending, outcome.reason, outcome.gone_ms) == (Ending.REFUSED, f"HTTP {status}", None)
    expected = {403: Blame.CREDENTIAL, 410: Blame.DEVICE, 413: Blame.MESSAGE, 429: Blame.PROVIDER, 503: Blame.PROVIDER}
    assert outcome.blame is expected.get(status, outcome.blame)
    if status >= 500:
        assert outcome.retry is Retry.LATER


@pytest.mark.parametrize("timestamp", [None, 0, -1, True, "1700000000000", 1_700_000_000, 1.7e12, 2**70, [], {}])
def test_a_410_without_a_believable_time_says_not_since_when(timestamp: object) -> None:
    outcome = APNS.classify(reply(410, {"reason": "Unregistered", "timestamp": timestamp}))
    assert (outcome.blame, outcome.gone_ms) == (Blame.DEVICE, None)


def test_a_known_reason_with_a_foreign_status_is_an_unknown_one() -> None:
    outcome = APNS.classify(reply(400, {"reason": "Unregistered", "timestamp": 1_700_000_000_000}))
    assert (outcome.blame, outcome.retry, outcome.gone_ms) == (Blame.MESSAGE, Retry.ONCE, None)


def test_a_closing_server_sends_the_push_elsewhere_and_blames_nobody() -> None:
    for status, reason in ((503, "Shutdown"), (400, "IdleTimeout")):
        outcome = APNS.classify(reply(status, {"reason": reason}))
        assert (outcome.blame, outcome.retry) == (Blame.NOBODY, Retry.ELSEWHERE)


@pytest.mark.parametrize(
    ("value", "seconds"), [("30", 30.0), ("0", 0.0), ("99999999", 86_400.0), ("-1", None), ("soon", None), ("", None)]
)
def test_a_wait_the_provider_asks_for_is_kept(value: str, seconds: float | None) -> None:
    assert APNS.classify(reply(503, {"reason": "ServiceUnavailable"}, retry_after=value)).retry_after == seconds
