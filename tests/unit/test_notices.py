"""When something of a credential is told: pure functions of the clock, the end and what was told before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.callback import Event
from pushwarden.core.device import Audience
from pushwarden.core.health import DAY_MS, Health
from pushwarden.core.notice import CALM_MS, DAYS, Due, expiry_due, level_due, silenced
from pushwarden.core.scope import Environment

ENDS = int(datetime(2028, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)  # a day after a leap day
FAILING, ATTENTION, WELL = Event.CREDENTIAL_FAILING, Event.CREDENTIAL_ATTENTION, Event.CREDENTIAL_WELL


@pytest.mark.parametrize("day", DAYS)
def test_each_threshold_is_told_from_its_very_millisecond_on(day: int) -> None:
    reached = ENDS - day * DAY_MS
    told = {f"expires:{before}": 0 for before in DAYS if before > day}
    assert expiry_due(ENDS, reached - 1, told) is None
    assert expiry_due(ENDS, reached, told) == Due(Event.CREDENTIAL_EXPIRES, f"expires:{day}", day)
    assert expiry_due(ENDS, reached, told | {f"expires:{day}": reached}) is None


def test_the_end_itself_is_told_once_and_nothing_after_it() -> None:
    assert expiry_due(ENDS, ENDS - 1, {"expires:1": 0}) is None
    assert expiry_due(ENDS, ENDS, {"expires:1": 0}) == Due(Event.CREDENTIAL_EXPIRED, "expired")
    assert expiry_due(ENDS, ENDS + 900 * DAY_MS, {"expired": ENDS}) is None


def test_after_a_downtime_only_the_nearest_is_told() -> None:
    assert expiry_due(ENDS, ENDS - 5 * DAY_MS, {"expires:60": 0}) == Due(Event.CREDENTIAL_EXPIRES, "expires:7", 5)
    assert expiry_due(ENDS, ENDS + 5, {"expires:60": 0}) == Due(Event.CREDENTIAL_EXPIRED, "expired")


def test_a_clock_that_steps_back_repeats_nothing() -> None:
    told = {"expires:60": 0, "expires:30": 0, "expires:7": 0}
    assert expiry_due(ENDS, ENDS - 13 * DAY_MS, told) is None  # 14 lies before 7, which was told
    assert expiry_due(ENDS, ENDS - 5 * DAY_MS, told | {"expired": 0}) is None


def test_days_are_days_across_a_leap_day() -> None:
    at = datetime(2028, 2, 28, 12, tzinfo=UTC)
    due = expiry_due(ENDS, int(at.timestamp() * 1000), {"expires:3": 0})
    assert due is None
    assert datetime.fromtimestamp(ENDS / 1000, UTC) - at == timedelta(days=2)
    assert expiry_due(ENDS, int((at + timedelta(days=1)).timestamp() * 1000), {"expires:3": 0}).days == 1  # type: ignore[union-attr]


@given(st.lists(st.integers(-70 * DAY_MS, 5 * DAY_MS), min_size=1, max_size=60))
def test_whenever_it_is_looked_at_nothing_is_told_twice_and_the_end_is_never_missed(looks: list[int]) -> None:
    given_: dict[str, int] = {}
    for look in looks:
        due = expiry_due(ENDS, ENDS + look, given_)
        if due is not None:
            assert due.what not in given_
            given_[due.what] = ENDS + look
    assert ("expired" in given_) == any(look >= 0 for look in looks)
    times = [at for what, at in given_.items() if what != "expired"]
    assert times == sorted(times)  # never from nearer to farther


def test_worse_is_told_at_once_and_better_when_it_lasted() -> None:
    assert level_due(Health.ATTENTION, 5, {}) == Due(ATTENTION, ATTENTION)
    assert level_due(Health.FAILING, 6, {ATTENTION: 5}) == Due(FAILING, FAILING)
    assert level_due(Health.FAILING, 7, {ATTENTION: 5, FAILING: 6}) is None
    assert level_due(Health.READY, 6 + CALM_MS - 1, {FAILING: 6}) is None
    assert level_due(Health.READY, 6 + CALM_MS, {FAILING: 6}) == Due(WELL, WELL)
    assert level_due(Health.ATTENTION, 6 + CALM_MS, {FAILING: 6}) == Due(ATTENTION, ATTENTION)
    assert level_due(Health.FAILING, 900, {FAILING: 6, WELL: 800}) == Due(FAILING, FAILING)


@pytest.mark.parametrize("health", [Health.UNPROVEN, Health.VERIFYING])
def test_what_is_not_proven_is_neither_well_nor_bad(health: Health) -> None:
    assert level_due(health, 10 * CALM_MS, {FAILING: 6}) is None


def test_a_credential_that_was_always_well_tells_nothing() -> None:
    assert level_due(Health.READY, 10 * CALM_MS, {}) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([Health.READY, Health.ATTENTION, Health.FAILING]), st.integers(0, 60_000)),
        max_size=200,
    )
)
def test_a_trouble_that_comes_and_goes_is_no_burst(steps: list[tuple[Health, int]]) -> None:
    told: dict[str, int] = {}
    now, count = 0, 0
    for health, after in steps:
        now += after
        due = level_due(health, now, told)
        if due is not None:
            told[due.what] = now
            count += 1
    assert count <= 2 + 3 * (now // CALM_MS)


def audience(kind: str, size: int, provider: str = "apns") -> Audience:
    return Audience(1, "acme", "shop", Environment.PRODUCTION, provider, kind, size)


def test_the_devices_that_would_go_silent_are_those_of_its_slot() -> None:
    whole = Credential(
        "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.ACTIVE, "f"
    )
    calls = Credential(
        "acme", "shop", Environment.PRODUCTION, "c2", "apns", CredentialKind.APNS_CERTIFICATE, CredentialState.ACTIVE,
        "g", slot="voip",
    )  # fmt: skip
    fleet = [audience("alert", 100), audience("voip", 20), audience("complication", 3), audience("alert", 9, "fcm")]
    assert silenced(whole, [whole], fleet) == 123
    assert silenced(whole, [calls, whole], fleet) == 103
    assert silenced(calls, [calls, whole], fleet) == 20
    assert silenced(whole, [replace(calls, enabled=False), whole], fleet) == 123
    alerts = replace(whole, facts={"slots": [""]})
    assert silenced(alerts, [calls, alerts], fleet) == 100
