"""The words for reasons are whole: every verdict of every provider has a title, and says whether to try again."""

from __future__ import annotations

from pushwarden.core.outcome import Retry
from pushwarden.core.reasons import REASONS, Trouble, known
from pushwarden.dataplane.feedback.settle import QUARANTINED, SENDER_LOST, UNANSWERED
from pushwarden.dataplane.intake.words import explained
from pushwarden.providers.apns import verdicts as apns
from pushwarden.providers.fcm import verdicts as fcm
from pushwarden.providers.fcm.render import NO_TOKEN, TOO_LARGE

VERDICTS = (*apns.VERDICTS, *fcm.VERDICTS)
OURS = {outcome.reason for outcome in (*UNANSWERED.values(), SENDER_LOST, QUARANTINED, NO_TOKEN, TOO_LARGE)}


def test_every_reason_of_the_verdict_tables_has_words_and_no_other() -> None:
    assert set(REASONS) == {verdict.reason for verdict in VERDICTS} | OURS


def test_a_reason_may_be_tried_again_exactly_when_its_verdict_says_so() -> None:
    for verdict in VERDICTS:
        assert known(verdict.reason).again is (verdict.retry is not Retry.NEVER), verdict.reason


def test_a_title_names_the_provider_that_said_it_and_is_no_sentence() -> None:
    assert known("InvalidProviderToken").title == "Apple doesn't accept our credential"
    assert known("UNAVAILABLE").title == "Google had trouble"
    for reason in REASONS:
        assert not known(reason).title.endswith(".")
        assert all(explained(reason)), reason


def test_what_stands_in_no_table_is_judged_by_its_status_or_called_unlisted() -> None:
    assert known("HTTP 502").trouble is Trouble.PROVIDER
    assert known("HTTP 429").again
    assert known("HTTP 403").trouble is Trouble.CREDENTIAL
    assert known("HTTP 400").trouble is Trouble.MALFORMED
    assert known("SomethingNew").trouble is Trouble.UNLISTED
    assert not known("SomethingNew").again
