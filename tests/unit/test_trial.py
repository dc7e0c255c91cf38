"""What a sample of unproven devices comes to."""

from __future__ import annotations

import pytest
from tests.unit.lanes_fixtures import a_slice, a_work, write

from pushwarden.core.device import LEAST_LOT
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Blame, Ending, Outcome, Retry
from pushwarden.core.scope import Environment
from pushwarden.dataplane.lanes.trial import SAMPLE, Judgement, Trial

BAD = Outcome(Ending.REFUSED, "BadDeviceToken", 400, Blame.DEVICE)
GONE = Outcome(Ending.REFUSED, "Unregistered", 410, Blame.DEVICE, gone_ms=1)
OTHERS = Outcome(Ending.REFUSED, "DeviceTokenNotForTopic", 400, Blame.CREDENTIAL)
NO_WORD = [
    Outcome(Ending.REFUSED, "InvalidProviderToken", 403, Blame.CREDENTIAL, Retry.LATER),
    Outcome(Ending.REFUSED, "ServiceUnavailable", 503, Blame.PROVIDER, Retry.LATER),
    Outcome(Ending.REFUSED, "PayloadTooLarge", 413, Blame.MESSAGE),
    Outcome(Ending.UNKNOWN, "reset"),
]


def a_trial(accepted: int = 0, *outcomes: Outcome, klass: Class = Class.SUSPECT) -> Trial:
    trial = Trial(Lane("acme", "shop", Environment.SIMULATED, "apns", klass), 1, 0, 9000, lambda: None)
    trial.accept(accepted)
    for outcome in outcomes:
        trial.count(outcome)
    return trial


@pytest.mark.parametrize(
    ("trial", "judgement"),
    [
        (a_trial(SAMPLE), Judgement.PROVEN),
        (a_trial(495, *[BAD] * 5), Judgement.PROVEN),
        (a_trial(494, *[BAD] * 6), Judgement.REFUSED),
        (a_trial(494, *[BAD] * 3, *[OTHERS] * 3), Judgement.REFUSED),
        (a_trial(450, *[GONE] * 50), Judgement.PROVEN),
        (a_trial(449, *[GONE] * 51), Judgement.REFUSED),
        (a_trial(0, *[OTHERS] * 3), Judgement.REFUSED),
        (a_trial(LEAST_LOT), Judgement.PROVEN),
        (a_trial(LEAST_LOT - 1), Judgement.NOTHING),
        (a_trial(60, *[BAD] * 2), Judgement.NOTHING),
        (a_trial(0), Judgement.NOTHING),
    ],
)
def test_a_sample_that_has_ended_is_judged_by_its_shares(trial: Trial, judgement: Judgement) -> None:
    assert trial.judge() is judgement


def test_what_does_not_speak_of_a_token_is_left_out() -> None:
    trial = a_trial(0, *NO_WORD)
    assert (trial.seen, trial.answers.total()) == (0, 0)


def test_nothing_is_judged_while_answers_are_due() -> None:
    trial, work = a_trial(SAMPLE), a_work(1000)
    trial.works = [work]
    a_slice(work, 0, 10)
    write(work, 1)
    assert trial.judge() is Judgement.OPEN
    work.in_flight = 0
    assert trial.judge() is Judgement.PROVEN


def test_one_shard_after_the_other_is_issued_until_the_sample_is_full() -> None:
    trial, first, second = a_trial(), a_work(400), a_work(8192)
    for work in (first, second):
        work.trial = trial
        trial.works.append(work)
    assert (first.issue(10_000), second.issue(10_000)) == (400, 0)
    first.grant(400)
    assert second.issue(10_000) == SAMPLE - 400
    second.grant(SAMPLE - 400)
    assert second.issue(10_000) == SAMPLE - 400


def test_more_wrong_tokens_than_a_sample_may_have_end_the_issuing() -> None:
    trial, work = a_trial(100, *[BAD] * 6), a_work(8192)
    work.trial, trial.works = trial, [work]
    assert work.issue(1000) == 0
    assert trial.judge() is Judgement.REFUSED


def test_few_new_devices_wait_for_nothing_and_are_proven_by_being_accepted() -> None:
    trial, work = a_trial(klass=Class.BULK), a_work(99)
    work.trial, trial.works = trial, [work]
    assert work.issue(1000) == 99
    assert trial.judge() is Judgement.OPEN
    trial.works = []
    assert trial.judge() is Judgement.NOTHING
    trial.accept(9)
    trial.count(BAD)
    assert trial.judge() is Judgement.PROVEN
    trial.count(BAD)
    assert trial.judge() is Judgement.NOTHING


def test_the_sentence_names_the_reason_and_what_to_compare() -> None:
    said = a_trial(0, *[OTHERS] * 40).sentence()
    assert said.startswith(
        "40 of the first 40 new devices were refused as DeviceTokenNotForTopic: they belong to another"
    )
    assert "bundle id" in said and "No device was touched" in said
