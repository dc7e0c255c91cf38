"""Every answer of FCM has one meaning, and only one of them ends a token."""

from __future__ import annotations

import itertools
import random
import string
from typing import Any

import pytest

from fcm_pushes import error, fcm_error, reply, violation
from pushwarden.core.outcome import Blame, Ending, Retry
from pushwarden.providers.fcm import FCM
from pushwarden.providers.fcm.verdicts import BAD_TOKEN, VERDICTS
from pushwarden.providers.verdicts import Verdict

WORDS = {"UNREGISTERED": "NOT_FOUND", "SENDER_ID_MISMATCH": "PERMISSION_DENIED", "QUOTA_EXCEEDED": "RESOURCE_EXHAUSTED"}


def body_of(verdict: Verdict) -> dict[str, Any]:
    if verdict.reason == BAD_TOKEN:
        return error(400, "INVALID_ARGUMENT", fcm_error("INVALID_ARGUMENT"), violation("message.token"))
    status = WORDS.get(verdict.reason, verdict.reason)
    return error(verdict.status, status, fcm_error(verdict.reason))


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda one: one.reason)
def test_a_documented_answer_means_what_the_table_says(verdict: Verdict) -> None:
    outcome = FCM.classify(reply(verdict.status, body_of(verdict)))
    assert (outcome.ending, outcome.reason, outcome.status) == (Ending.REFUSED, verdict.reason, verdict.status)
    assert (outcome.blame, outcome.retry, outcome.gone) == (verdict.blame, verdict.retry, verdict.gone)


def test_only_unregistered_ends_a_token() -> None:
    assert [verdict.reason for verdict in VERDICTS if verdict.gone] == ["UNREGISTERED"]


def test_a_404_without_the_detail_touches_no_token() -> None:
    """F24: the project or the address is wrong."""
    for body in (error(404, "NOT_FOUND"), b"<html>404</html>", b"", error(404, "NOT_FOUND", {"@type": "x"})):
        outcome = FCM.classify(reply(404, body))
        assert (outcome.blame, outcome.gone) == (Blame.CREDENTIAL, False)


def test_an_unregistered_with_a_foreign_status_ends_no_token() -> None:
    for status in (400, 403, 410, 500):
        outcome = FCM.classify(reply(status, error(status, "X", fcm_error("UNREGISTERED"))))
        assert not outcome.gone and outcome.blame is not Blame.DEVICE


def test_the_order_of_details_does_not_matter() -> None:
    details = [fcm_error("INVALID_ARGUMENT"), violation("message.token"), {"@type": "other", "x": 1}]
    for order in itertools.permutations(details):
        outcome = FCM.classify(reply(400, error(400, "INVALID_ARGUMENT", *order)))
        assert (outcome.reason, outcome.blame, outcome.gone) == (BAD_TOKEN, Blame.DEVICE, False)


@pytest.mark.parametrize(
    "fields", [("message",), ("message.android.ttl",), ("message.token", "message.data"), (), ("message.tokens",)]
)
def test_a_violation_of_anything_else_is_the_messages_fault(fields: tuple[str, ...]) -> None:
    body = error(400, "INVALID_ARGUMENT", fcm_error("INVALID_ARGUMENT"), violation(*fields))
    outcome = FCM.classify(reply(400, body))
    assert (outcome.blame, outcome.retry) == (Blame.MESSAGE, Retry.NEVER)


def test_a_message_too_large_has_no_details_and_is_the_messages_fault() -> None:
    outcome = FCM.classify(reply(400, error(400, "INVALID_ARGUMENT")))
    assert (outcome.reason, outcome.blame) == ("INVALID_ARGUMENT", Blame.MESSAGE)


def test_a_token_of_another_project_is_never_buried_at_once() -> None:
    """F23: without a time it is only doubted, and counts as bad; many of them hold the lane."""
    body = error(403, "PERMISSION_DENIED", fcm_error("SENDER_ID_MISMATCH"))
    outcome = FCM.classify(reply(403, body))
    assert (outcome.blame, outcome.gone, outcome.gone_ms) == (Blame.DEVICE, False, None)


def test_an_unauthenticated_goes_out_again_with_a_new_access_token() -> None:
    for body in (error(401, "UNAUTHENTICATED"), b"<html>", b""):
        outcome = FCM.classify(reply(401, body))
        assert (outcome.blame, outcome.retry) == (Blame.CREDENTIAL, Retry.ELSEWHERE)


@pytest.mark.parametrize(
    ("status", "headers", "least"),
    [
        (429, {}, 60.0),
        (429, {"retry_after": "7"}, 7.0),
        (500, {}, 10.0),
        (502, {}, 10.0),
        (503, {"retry_after": "120"}, 120.0),
        (503, {"retry_after": "1"}, 10.0),
        (503, {"retry_after": "Tue, 14 Nov 2023 22:14:20 GMT", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, 60.0),
        (503, {"retry_after": "soon"}, 10.0),
    ],
)
def test_the_wait_is_googles_own_or_the_one_it_asks_for(status: int, headers: dict[str, str], least: float) -> None:
    outcome = FCM.classify(reply(status, b"<html>Please try again in 30 seconds.</html>", **headers))
    assert (outcome.blame, outcome.retry, outcome.retry_after) == (Blame.PROVIDER, Retry.LATER, least)
    assert outcome.reason == f"HTTP {status}"


def test_a_thousand_unknown_reasons_end_no_token() -> None:
    dice = random.Random(3)
    known = {verdict.reason for verdict in VERDICTS}
    for _ in range(1000):
        reason = "".join(dice.choices(string.ascii_uppercase + "_", k=dice.randint(3, 30)))
        if reason in known:
            continue
        status = dice.choice([300, 400, 401, 403, 404, 409, 410, 418, 429, 500, 503, 599])
        outcome = FCM.classify(reply(status, error(status, "X", fcm_error(reason))))
        assert (outcome.reason, outcome.retry) == (reason, Retry.ONCE)
        assert outcome.blame is not Blame.DEVICE and not outcome.gone and outcome.gone_ms is None


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 408, 410, 413, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 9000, b'{"error":5}', b'{"error":{"details":5}}',
        b'{"error":{"status":5}}', b'{"error":{"details":[{"@type":5,"fieldViolations":{}}]}}',
        b'{"error":{"status":"","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest",'
        b'"fieldViolations":[5,{"field":7}]}]}}',
    ],
)  # fmt: skip
def test_whatever_comes_back_has_an_outcome_that_ends_no_token(status: int, body: bytes) -> None:
    outcome = FCM.classify(reply(status, body))
    assert outcome.ending is Ending.REFUSED and outcome.blame is not Blame.DEVICE and not outcome.gone


def test_an_accepted_push_is_accepted() -> None:
    assert FCM.classify(reply(200)).ending is Ending.ACCEPTED
