"""A credential's state machine: whatever happens in whatever order, the table of states holds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.check import Check
from pushwarden.core.health import (
    DAY_MS,
    PROOF_MS,
    REASONS,
    TABLE,
    WARNED_DAYS,
    WORDS,
    Event,
    Health,
    Record,
    Standing,
    enabled_again,
    heard,
    record_of,
    standing,
    step,
)
from pushwarden.core.scope import Environment

NOW = 1_800_000_000_000
ENDS = NOW + 90 * DAY_MS
NEW = Credential(
    "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_CERTIFICATE, CredentialState.STANDBY,
    "SHA256:aa", {"not_after": ENDS},
)  # fmt: skip
EVIDENCE = (Event.UPLOADED, Event.PROVEN, Event.UNREACHED, Event.OUTAGE, Event.DOUBTED, Event.REFUSED)
CERTAIN = frozenset({Event.REFUSED, Event.ENDED})
KEPT = frozenset({Health.VERIFYING, Health.READY, Health.ATTENTION, Health.UNPROVEN, Health.FAILING})
"""What is ever written down."""
ONE, TWO = Check("p8.refused", "failed", "One", "One."), Check("run.refused_rate", "failed", "Two", "Two.")
PLACES = (CredentialState.STANDBY, CredentialState.ACTIVE, CredentialState.PREVIOUS)
PERSON = st.sampled_from(["use", "reserve", "previous", "off", "on"])
STEPS = st.lists(
    st.tuples(st.one_of(st.sampled_from(EVIDENCE), PERSON), st.integers(0, 20 * DAY_MS)), min_size=1, max_size=40
)


@pytest.mark.parametrize(("health", "event"), [*product(Health, Event)])
def test_every_event_has_its_place_in_every_state(health: Health, event: Event) -> None:
    after = step(health, event)
    if event is Event.OUTAGE:
        assert after is health
    if after is Health.FAILING and health is not Health.FAILING:
        assert event in CERTAIN
    if health is Health.RETIRED:
        assert after is Health.RETIRED
    if health is Health.DISABLED and after is not Health.DISABLED:
        assert event in (Event.ENABLED, Event.RETIRED)
    if after is Health.ACTIVE and health is not Health.ACTIVE:
        assert event is Event.ACTIVATED
    if after is not health:
        assert event in TABLE[health]
    if after in (Health.ATTENTION, Health.FAILING) and after is not health:
        assert event in REASONS


def test_every_state_has_a_shape_of_its_own_and_a_word() -> None:
    assert list(WORDS) == list(Health)
    assert len({words.shape for words in WORDS.values()}) == len({words.word for words in WORDS.values()}) == 10


def acted(credential: Credential, act: str) -> Credential:
    match act:
        case "use":
            return replace(credential, state=CredentialState.ACTIVE)
        case "reserve":
            return replace(credential, state=CredentialState.STANDBY)
        case "previous":
            return replace(credential, state=CredentialState.PREVIOUS)
        case _:
            return replace(credential, enabled=act == "on")


def sound(credential: Credential, record: Record, now: int, certain: bool) -> Standing:
    """What is shown, after it was held to everything that must be true of it."""
    shown = standing(credential, record, now)
    active, ended = credential.state is CredentialState.ACTIVE, now >= ENDS
    assert record.health in KEPT
    assert (shown.health is Health.DISABLED) is (not credential.enabled)
    assert shown.health not in (Health.NONE, Health.REQUESTED, Health.RETIRED)
    if shown.health in (Health.ACTIVE, Health.ATTENTION):
        assert active
    if shown.health is Health.READY:
        assert not active
    if shown.health is Health.FAILING:
        assert ended or certain
    if ended and credential.enabled:
        assert (shown.health, shown.reason) == (Health.FAILING, "cert.expired")
    if shown.health in (Health.ATTENTION, Health.FAILING):
        assert shown.reason
    if shown.health in (Health.ACTIVE, Health.READY, Health.VERIFYING, Health.DISABLED):
        assert not shown.reason
    return shown


@given(STEPS)
def test_whatever_happens_in_whatever_order_what_is_shown_is_true(steps: list[tuple[Event | str, int]]) -> None:
    credential, record, now = NEW, record_of(NEW), NOW
    certain = False  # the last word on it was a refusal without doubt, and nothing good came since
    for what, after in steps:
        now += after
        before = standing(credential, record, now)
        if isinstance(what, Event):
            record = heard(record, what, now)
            certain = what is Event.REFUSED or (certain and what not in (Event.PROVEN, Event.DOUBTED))
        else:
            credential = acted(credential, what)
        shown = sound(credential, record, now, certain)
        if what is Event.OUTAGE:
            assert shown == before
    record = heard(record, Event.PROVEN, now)
    now += 1
    repaired = sound(replace(credential, enabled=True, facts={}, state=CredentialState.ACTIVE), record, NOW, False)
    assert repaired.health is Health.ACTIVE
    gone = replace(credential, state=CredentialState.RETIRED)
    assert standing(gone, heard(record, Event.PROVEN, now), now).health is Health.RETIRED


def test_a_proof_that_nobody_gives_is_not_awaited_for_ever() -> None:
    asked = heard(record_of(NEW), Event.UPLOADED, NOW)
    assert standing(NEW, asked, NOW + PROOF_MS - 1).health is Health.VERIFYING
    assert standing(NEW, asked, NOW + PROOF_MS) == Standing(Health.UNPROVEN, "live.no_sender", NOW + PROOF_MS)


def test_the_clock_alone_leads_from_active_to_attention_to_failing() -> None:
    used = replace(NEW, state=CredentialState.ACTIVE)
    record = heard(record_of(used), Event.PROVEN, NOW)
    warned = ENDS - WARNED_DAYS * DAY_MS
    shown = [standing(used, record, at) for at in (warned - 1, warned, ENDS - 1, ENDS)]
    assert [one.health for one in shown] == [Health.ACTIVE, Health.ATTENTION, Health.ATTENTION, Health.FAILING]
    assert [one.reason for one in shown] == ["", "cert.expires", "cert.expires", "cert.expired"]
    assert standing(NEW, record, warned).health is Health.READY  # in reserve it warns nobody
    assert standing(replace(used, facts={}), record, NOW + 10**13).health is Health.ACTIVE  # a key has no end


def test_one_that_is_switched_on_again_is_to_be_proven_anew() -> None:
    refused = heard(record_of(NEW), Event.REFUSED, NOW, checks=(TWO,))
    again = enabled_again(refused, NOW + 5)
    assert (again.health, again.since, again.reason, again.checks) == (Health.VERIFYING, NOW + 5, "", ())


def test_the_evidence_of_a_trouble_is_replaced_by_newer_and_gone_with_a_proof() -> None:
    first = heard(record_of(NEW), Event.REFUSED, NOW, "p8.refused", (ONE,))
    again = heard(first, Event.REFUSED, NOW + 5, "", (TWO,))
    assert (again.since, again.reason, again.checks) == (NOW, "run.refused_rate", (TWO,))
    well = heard(again, Event.PROVEN, NOW + 9)
    assert (well.health, well.reason, well.checks, well.proven_at) == (Health.READY, "", (), NOW + 9)
    assert heard(well, Event.UNREACHED, NOW + 10) == well  # it was proven: silence says nothing
