"""Which reports of dead tokens are trusted, and when a person must look first."""

from __future__ import annotations

from pushwarden.dataplane.feedback.tombstones import LEAST_SUSPECT, SAMPLE, Tally
from pushwarden.ports.devices import DeadToken


def a_tally(attempts: int, gone: int = 0, bad: int = 0) -> Tally:
    tally = Tally()
    tally.count(attempts)
    for seq in range(gone):
        tally.report(1, DeadToken(seq, b"ab", 1, "Unregistered"))
    for seq in range(bad):
        tally.report(1, DeadToken(1000 + seq, b"ab", None, "BadDeviceToken"))
    return tally


def test_one_dead_token_of_one_push_is_buried_when_the_lane_is_quiet() -> None:
    tally = a_tally(1, gone=1)
    assert (tally.suspicion(idle=True), tally.ripe(idle=True)) == ("", True)


def test_a_cluster_of_old_devices_at_the_head_of_a_fan_out_waits_for_a_sample() -> None:
    tally = a_tally(100, gone=60)
    assert (tally.suspicion(idle=False), tally.ripe(idle=False)) == ("", False)


def test_a_tenth_of_a_sample_dead_at_once_is_for_a_person() -> None:
    assert "dead at once" in a_tally(SAMPLE, gone=SAMPLE // 10 + 1).suspicion(idle=False)


def test_a_few_percent_dead_are_ordinary() -> None:
    tally = a_tally(SAMPLE, gone=SAMPLE // 20)
    assert (tally.suspicion(idle=False), tally.ripe(idle=False)) == ("", True)


def test_bad_tokens_in_number_point_at_the_environment() -> None:
    assert "environment" in a_tally(LEAST_SUSPECT, bad=LEAST_SUSPECT).suspicion(idle=False)


def test_one_bad_token_is_not_trusted_until_others_were_good() -> None:
    assert not a_tally(1, bad=1).ripe(idle=True)
    assert a_tally(40, bad=1).ripe(idle=True)


def test_taking_the_reports_empties_the_tally_by_audience() -> None:
    tally = a_tally(100, gone=3)
    assert {audience: len(dead) for audience, dead in tally.take().items()} == {1: 3}
    assert tally.waiting == []
