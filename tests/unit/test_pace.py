"""How fast a lane may go: breakers, the limit in flight, the quota, the retry budget. All on a virtual clock."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.outcome import Blame, Ending, Outcome, Retry
from pushwarden.dataplane.lanes.breaker import TABLE, Breaker, Habit, Input, State
from pushwarden.dataplane.lanes.flow import Bucket, Budget, Flow, Load
from pushwarden.dataplane.lanes.pace import CREDENTIAL, NETWORK, Pace
from pushwarden.dataplane.lanes.pacing import retry_wait, window

HABIT = Habit(patience=3, first=15.0, longest=300.0)
LOAD = Load(800, 1000, 0.05)

# Breakers


@pytest.mark.parametrize(("state", "given_"), [*product(State, Input)])
def test_every_input_has_its_place_in_every_state(state: State, given_: Input) -> None:
    after = TABLE[state][given_]
    if given_ is Input.TRIPPED:
        assert after is State.OPEN
    if given_ is Input.CHANGED:
        assert after is State.CLOSED
    if state is State.OPEN and after is not State.OPEN:
        assert given_ in (Input.ELAPSED, Input.CHANGED)
    if after is State.PROBING:
        assert given_ in (Input.PROBED, *([] if state is State.HALF_OPEN else [given_]))


STEPS = st.lists(st.tuples(st.sampled_from(["fail", "ask", "answer", "lose", "change", "write"]), st.floats(0, 40)))


@given(STEPS)
def test_after_a_pause_one_request_goes_and_no_other_before_its_answer(steps: list[tuple[str, float]]) -> None:
    breaker, now, probes = Breaker(HABIT), 0.0, 0
    for what, seconds in steps:
        now += seconds
        allowed = breaker.allows(now)
        assert (allowed is None) is (breaker.state is State.CLOSED)
        assert breaker.waits(now) is (breaker.state is State.OPEN)
        match what:
            case "write" if allowed is None or allowed:
                breaker.probed(now)
                probes = 0 if allowed is None else probes + 1
                assert allowed is None or breaker.allows(now) == 0
            case "fail":
                breaker.failed("No.", now)
            case "ask":
                breaker.failed("Wait.", now, at_least=60.0)
                assert breaker.until >= now + 60.0
            case "answer":
                breaker.answered()
            case "lose":
                breaker.unanswered()
            case "change":
                breaker.changed()
                assert breaker.allows(now) is None
        assert bool(breaker.sentence) is (breaker.state is not State.CLOSED)


def test_the_third_refusal_in_a_row_pauses_for_15_seconds_and_then_twice_as_long_up_to_five_minutes() -> None:
    breaker, now, waited = Breaker(CREDENTIAL), 0.0, []
    for _ in range(2):
        breaker.failed("No.", now)
    assert breaker.allows(now) is None
    breaker.failed("No.", now)
    for _ in range(7):
        waited.append(breaker.until - now)
        assert breaker.allows(breaker.until - 0.001) == 0
        now = breaker.until
        assert breaker.allows(now) == 1
        breaker.probed(now)
        breaker.failed("No.", now)
    assert waited == [15, 30, 60, 120, 240, 300, 300]


def test_an_answer_between_refusals_starts_the_count_anew() -> None:
    pace = Pace(Bucket(0))
    for now in range(10):
        pace.refused("InvalidProviderToken", now)
        pace.refused("InvalidProviderToken", now)
        pace.answered(1, now, retry=False)
    assert not pace.waits(10)


def test_another_credential_ends_the_pause_at_once() -> None:
    pace = Pace(Bucket(0))
    for _ in range(3):
        pace.refused("InvalidProviderToken", 5.0)
    assert pace.waits(5.0)
    assert "check the credential" in pace.sentence
    pace.credential.changed()
    assert (pace.waits(5.0), pace.sentence, pace.word(5.0)) == (False, "", "open")


def test_a_network_that_is_down_is_tried_again_by_one_connection() -> None:
    pace = Pace(Bucket(0))
    for _ in range(NETWORK.patience):
        pace.unreachable("apns cannot be reached.", 0.0)
    assert (pace.word(0.0), pace.seconds(0.5)) == ("paused", 1.5)
    assert pace.room(2.0, 0, retry=False) == 1
    assert (pace.probes(), pace.word(2.0)) == (True, "probing")
    pace.answered(1, 2.1, retry=False)
    assert pace.word(2.1) == "open"


def test_a_lost_probe_is_followed_by_another_and_a_silent_one_is_given_up() -> None:
    pace = Pace(Bucket(0))
    pace.pushed_back("ServiceUnavailable", 0.0, 10.0, 0.0, LOAD)
    assert pace.room(10.0, 0, retry=False) == 1
    pace.wrote(1, 10.0, retry=False)
    assert pace.room(10.1, 1, retry=False) == 0
    pace.unanswered()
    assert pace.room(10.2, 0, retry=False) == 1
    pace.wrote(1, 10.2, retry=False)
    assert pace.room(41.0, 0, retry=False) == 1


# The limit in flight


def test_nothing_is_limited_until_the_provider_pushes_back() -> None:
    flow = Flow()
    flow.answered(1_000_000, 1.0)
    assert flow.room(50_000) is None


def test_a_push_back_halves_what_is_in_flight_once_a_round_of_answers() -> None:
    flow = Flow()
    for _ in range(100):
        flow.pushed_back(LOAD, 1.0)
    assert flow.limit == 400
    flow.pushed_back(LOAD, 1.06)
    assert flow.limit == 200


def test_the_limit_grows_evenly_and_goes_when_it_limits_nothing() -> None:
    flow, now = Flow(), 0.0
    flow.pushed_back(LOAD, now)
    seen = []
    for _ in range(60):
        now += 1.0
        flow.answered(10, now)
        seen.append(flow.limit)
    assert seen[29] == pytest.approx(400 + 500, rel=0.01)
    assert seen[59] == pytest.approx(400 + 1000, rel=0.01)
    while not flow.free:
        now += 1.0
        flow.answered(10, now)
        assert now < 1200


def test_after_a_pause_it_begins_with_one_and_doubles() -> None:
    flow = Flow()
    flow.paused(LOAD, 0.0)
    limits = [1.0]
    for round_ in range(1, 8):
        flow.answered(int(flow.limit), round_ * 0.05)
        limits.append(flow.limit)
    assert limits == [1, 2, 4, 8, 16, 32, 64, 128]


# Quota and retries


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(10, 100_000))
def test_no_minute_brings_more_than_the_quota(gaps: list[float], quota: int) -> None:
    bucket, now, sent = Bucket(quota), 0.0, []
    for gap in gaps:
        now += gap
        room = bucket.room(now)
        assert room is not None
        bucket.take(room)
        sent.append((now, room))
        assert sum(count for at, count in sent if at > now - 60) <= quota


def test_a_quota_is_used_up_by_who_has_enough_to_send() -> None:
    bucket, sent = Bucket(600_000), 0
    for tick in range(6000):
        room = bucket.room(tick / 10)
        assert room is not None
        bucket.take(room)
        sent += room
    assert sent >= 0.88 * 6_000_000


def test_retries_that_fail_use_up_their_budget_and_those_that_go_well_do_not() -> None:
    budget = Budget()
    budget.take(budget.room(0.0))
    assert budget.room(0.0) == 0
    assert budget.room(5.0) == 5
    budget.answered(1000, retry=False)
    assert budget.room(5.0) == 105
    budget.take(100)
    budget.answered(100, retry=True)
    assert budget.room(5.0) == 115


# Ten minutes of refusals

STEP, REPLY, A_SECOND = 0.02, 0.06, 1000
STORM = (60.0, 660.0)


@dataclass
class Trial:
    """A lane with 1,000 new recipients a second before a provider that refuses everything for ten minutes."""

    seed: int
    asks: bool
    pace: Pace = field(default_factory=lambda: Pace(Bucket(0)))
    fresh: float = 0.0
    accepted: int = 0
    refused: int = 0
    early: int = 0
    not_before: float = 0.0
    retries: list[tuple[float, int]] = field(default_factory=list)
    flying: deque[tuple[float, int, int]] = field(default_factory=deque)
    a_second: Counter[int] = field(default_factory=Counter)

    def play(self) -> None:
        chance, now = random.Random(self.seed), 0.0
        while now < STORM[1] or self.fresh >= A_SECOND or self.retries:
            self.fresh += A_SECOND * STEP
            self.hear(now, chance)
            self.write(now)
            now += STEP
            assert now < 3600

    def hear(self, now: float, chance: random.Random) -> None:
        while self.flying and self.flying[0][0] + REPLY <= now:
            at, count, attempt = self.flying.popleft()
            if STORM[0] <= at < STORM[1]:
                for _ in range(count):
                    self.refuse(now, attempt, chance)
            else:
                self.accepted += count
                self.pace.answered(count, now, retry=attempt > 0)

    def refuse(self, now: float, attempt: int, chance: random.Random) -> None:
        after = float(chance.randint(1, 120)) if self.asks else None
        self.refused += 1
        self.not_before = max(self.not_before, now + (after or 0.0))
        busy = Outcome(Ending.REFUSED, "UNAVAILABLE", 503, Blame.PROVIDER, Retry.LATER, after)
        load = Load(sum(count for _, count, _ in self.flying), 4000, REPLY)
        self.pace.pushed_back(busy.reason, now, after, chance.random(), load)
        heapq.heappush(self.retries, (now + retry_wait(busy, attempt, chance.random()), attempt + 1))

    def write(self, now: float) -> None:
        while self.retries and self.retries[0][0] <= now and self.send(now, 1, self.retries[0][1]):
            heapq.heappop(self.retries)
        self.fresh -= self.send(now, int(self.fresh), 0)

    def send(self, now: float, most: int, attempt: int) -> int:
        in_flight = sum(count for _, count, _ in self.flying)
        room = self.pace.room(now, in_flight, retry=attempt > 0)
        count = min(most, window(1000, REPLY) - in_flight, most if room is None else room)
        if count <= 0:
            return 0
        self.early += count if now < self.not_before else 0
        self.pace.wrote(count, now, retry=attempt > 0)
        self.flying.append((now, count, attempt))
        self.a_second[int(now)] += count
        return count


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("asks", [True, False])
def test_ten_minutes_of_refusals_bring_no_request_early_little_more_load_and_no_peak_afterwards(
    seed: int, asks: bool
) -> None:
    trial = Trial(seed, asks)
    trial.play()
    assert trial.early == 0
    assert trial.refused <= 0.1 * trial.accepted
    last = max(trial.a_second)
    after = [trial.a_second[second] for second in range(last - 1) if second > STORM[1] and trial.a_second[second] > 1]
    busy = [count for count in after if count > 2 * A_SECOND]
    assert len(busy) > 10
    assert max(busy) <= 1.5 * sum(busy) / len(busy)
