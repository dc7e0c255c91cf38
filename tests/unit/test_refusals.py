"""When refusals for a credential's sake mean something: on a clock of the test's own."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.health import Event
from pushwarden.dataplane.feedback.refusals import BEFORE, MINUTES, QUIET, Refusals

WHY = "InvalidProviderToken"


def seen(*answers: tuple[int, int], now: float = 0.0, step: float = 0.0) -> Refusals:
    """Answers as (good, refused), a step of time between."""
    refusals = Refusals()
    for good, refused in answers:
        feed(refusals, good, refused, now)
        now += step
    return refusals


def feed(refusals: Refusals, good: int, refused: int, now: float) -> None:
    if good:
        refusals.good(good, now)
    for _ in range(refused):
        refusals.refused(WHY, now)


@pytest.mark.parametrize(
    ("good", "refused", "event"),
    [
        (0, 2, None),
        (0, 3, Event.DOUBTED),
        (0, 4, Event.DOUBTED),
        (0, 5, Event.REFUSED),
        (1, 2, Event.PROVEN),
        (1, 3, Event.DOUBTED),
        (100, 4, Event.DOUBTED),
        (250, 4, Event.DOUBTED),
        (300, 4, Event.PROVEN),
        (480, 20, Event.DOUBTED),
        (2, 7, Event.REFUSED),
        (2, 6, Event.DOUBTED),
        (88, 412, Event.REFUSED),
        (300, 300, Event.DOUBTED),
        (10_000, 10, Event.PROVEN),
        (10_000, 60, Event.DOUBTED),
        (1, 0, Event.PROVEN),
    ],
)
def test_how_many_refusals_among_how_many_answers_mean_what(good: int, refused: int, event: Event | None) -> None:
    judged = seen((good, refused)).judged(1.0)
    assert (judged and judged.event) == event


def test_nothing_is_said_of_a_credential_without_answers() -> None:
    assert Refusals().judged(0.0) is None


def test_one_refusal_without_doubt_is_enough() -> None:
    refusals = Refusals()
    refusals.refused("invalid_grant", 0.0, certain=True)
    judged = refusals.judged(0.0)
    assert judged is not None and (judged.event, judged.refused, judged.attempts) == (Event.REFUSED, 1, 1)


def test_what_was_usual_before_is_no_trouble_and_five_times_that_is() -> None:
    refusals = Refusals()
    for minute in range(BEFORE):
        feed(refusals, 996, 4, 60.0 * minute)
        assert refusals.judged(60.0 * minute + 1).event is Event.PROVEN  # type: ignore[union-attr]
    feed(refusals, 700, 300, 60.0 * BEFORE)
    judged = refusals.judged(60.0 * BEFORE + 1)
    assert judged is not None and judged.event is Event.DOUBTED
    assert judged.before == pytest.approx(0.004)


def test_a_trouble_that_lasts_does_not_become_the_usual() -> None:
    refusals = Refusals()
    for minute in range(3 * (MINUTES + BEFORE)):
        feed(refusals, 80, 20, 60.0 * minute)
        judged = refusals.judged(60.0 * minute + 1)
        assert judged is not None and judged.event is Event.DOUBTED, minute


def test_a_trouble_is_over_when_good_answers_came_and_no_refusal_for_a_minute() -> None:
    refusals = seen((0, 9))
    assert refusals.judged(1.0).event is Event.REFUSED  # type: ignore[union-attr]
    refusals.good(1, 10.0)
    assert refusals.judged(QUIET - 1).event is not Event.PROVEN  # type: ignore[union-attr]
    assert refusals.judged(QUIET).event is Event.PROVEN  # type: ignore[union-attr]
    assert not refusals.troubled


def test_silence_alone_ends_no_trouble() -> None:
    refusals = seen((0, 9))
    refusals.judged(1.0)
    assert refusals.judged(60.0 * MINUTES + 61) is None
    assert refusals.troubled


def test_many_good_answers_outweigh_what_was_refused_before() -> None:
    refusals = seen((0, 9))
    refusals.judged(1.0)
    refusals.good(20, 2.0)
    assert refusals.judged(3.0).event is Event.DOUBTED  # type: ignore[union-attr]
    refusals.good(20_000, 4.0)
    assert refusals.judged(5.0).event is Event.PROVEN  # type: ignore[union-attr]


def test_nothing_but_refusals_outweighs_what_was_good_before_once_the_next_trial_is_refused_too() -> None:
    refusals = seen((10_000, 0), (0, 300), step=1.0)
    assert refusals.judged(2.0).event is Event.DOUBTED  # type: ignore[union-attr]
    feed(refusals, 0, 1, 16.0)
    assert refusals.judged(16.0).event is Event.REFUSED  # type: ignore[union-attr]
    feed(refusals, 1, 0, 46.0)
    assert refusals.judged(46.0).event is Event.DOUBTED  # type: ignore[union-attr]
    assert refusals.judged(16.0 + QUIET).event is Event.PROVEN  # type: ignore[union-attr]


def test_refusals_far_apart_with_good_answers_between_are_no_run() -> None:
    refusals = seen(*[(300, 1)] * 20, step=20.0)
    judged = refusals.judged(400.0)
    assert judged is not None and judged.event is Event.PROVEN


def test_another_ones_proof_ends_the_trouble_here() -> None:
    refusals = seen((0, 9))
    refusals.judged(1.0)
    refusals.proven()
    assert not refusals.troubled and refusals.judged(2.0) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 400)), max_size=30))
def test_whatever_comes_a_verdict_has_its_evidence(steps: list[tuple[int, int, float]]) -> None:
    refusals, now = Refusals(), 0.0
    for good, refused, after in steps:
        now += after
        feed(refusals, good, refused, now)
        judged = refusals.judged(now)
        if judged is None:
            continue
        assert 0 <= judged.refused <= judged.attempts
        if judged.event is not Event.PROVEN:
            assert judged.reason == WHY and judged.began <= now


def test_a_well_credential_is_doubted_hardly_ever_and_a_bad_one_found_soon() -> None:
    chance = random.Random(4)
    false, found = 0, []
    for _ in range(400):
        refusals = Refusals()
        for number in range(2000):
            feed(refusals, *((0, 1) if chance.random() < 0.0005 else (1, 0)), number * 0.1)
        judged = refusals.judged(200.0)
        false += judged is not None and judged.event is not Event.PROVEN
        bad = Refusals()
        for number in range(2000):
            feed(bad, *((0, 1) if chance.random() < 0.05 else (1, 0)), number * 0.1)
            judged = bad.judged(number * 0.1)
            if judged is not None and judged.event is not Event.PROVEN:
                found.append(number)
                break
    assert false <= 4
    assert len(found) == 400
    assert sorted(found)[380] < 300
