"""A sender that slept does not write before the journal has said what is still its own."""

from __future__ import annotations

from pushwarden.dataplane.lanes.lease import LEASE, Lease


def test_a_fresh_lease_holds_and_is_renewed_once_a_second() -> None:
    lease = Lease(100.0)
    assert lease.holds(100.0, 0)
    assert [lease.renewable(now) for now in (100.5, 101.0, 101.5, 102.0)] == [False, True, False, True]


def test_a_sender_that_slept_through_its_lease_writes_nothing() -> None:
    lease = Lease(100.0)
    assert not lease.holds(100.0 + LEASE + 0.1, 0)


def test_after_a_lapse_two_rounds_of_marks_come_before_the_next_write() -> None:
    lease = Lease(100.0)
    assert lease.renewed(200.0, rounds=7)
    assert [lease.holds(200.0, rounds) for rounds in (7, 8, 9)] == [False, False, True]


def test_a_renewal_in_time_asks_for_nothing() -> None:
    lease = Lease(100.0)
    assert not lease.renewed(101.0, rounds=7)
    assert lease.holds(101.0, 7)
