"""Every reason a caller can read is explained."""

from __future__ import annotations

import pytest

from pushwarden.dataplane.feedback.settle import QUARANTINED, SENDER_LOST, UNANSWERED
from pushwarden.dataplane.intake.words import explained
from pushwarden.providers.apns.verdicts import VERDICTS

OURS = [outcome.reason for outcome in (*UNANSWERED.values(), SENDER_LOST)]


@pytest.mark.parametrize("reason", OURS)
def test_what_got_no_answer_says_that_it_may_have_arrived(reason: str) -> None:
    meaning, action = explained(reason)
    assert "may have arrived" in meaning
    assert "twice" in action


def test_every_known_reason_has_words_of_its_own() -> None:
    unlisted = explained("NeverHeardOf")
    assert "does not list" in unlisted[0]
    for reason in (*OURS, QUARANTINED.reason, "HTTP 502", *(verdict.reason for verdict in VERDICTS)):
        assert explained(reason) != unlisted
        assert all(explained(reason))
    assert explained("") == ("", "")
