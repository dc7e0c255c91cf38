"""Slots under any order of uploads, switches, retirements and time: never two active, nothing destroyed too soon."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pushwarden.core.app import Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.lane import CANARY
from pushwarden.core.scope import Environment
from pushwarden.core.slots import TABLE, WEEK_MS, Step, is_over, members, retired, revised, switched

SLOTS = ("", "voip", "complication")
S = CredentialState


class Slots(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Credential] = {}
        self.now = 1
        self.was: dict[str, list[str]] = {slot: [] for slot in SLOTS}  # who was active, in turn

    def put(self, rows: list[Credential]) -> None:
        for row in rows:
            assert row.revision > self.kept[row.id].revision or row.state is S.RETIRED
            self.kept[row.id] = row
            assert sum(one.state is S.ACTIVE and one.slot == row.slot for one in self.kept.values()) <= 1

    @rule(slot=st.sampled_from(SLOTS))
    def upload(self, slot: str) -> None:
        name = f"c{len(self.kept)}"
        revision = max((one.revision for one in members(self.kept.values(), "apns", slot)), default=1)
        self.kept[name] = Credential(
            "acme", "shop", Environment.PRODUCTION, name, "apns", CredentialKind.APNS_TOKEN, S.STANDBY, name,
            sealed=b"x", slot=slot, revision=revision,
        )  # fmt: skip

    @rule(data=st.data(), step=st.sampled_from([Step.ACTIVATE, Step.SWITCH_BACK]), slot=st.sampled_from([None, *SLOTS]))
    def switch(self, data: st.DataObject, step: Step, slot: str | None) -> None:
        able = sorted(one.id for one in self.kept.values() if one.state is TABLE[step][0])
        if not able:
            return
        chosen = self.kept[data.draw(st.sampled_from(able))]
        seat = chosen.slot if slot is None else slot
        rows = switched([*self.kept.values()], chosen, seat, self.now)
        assert rows[-1].id == chosen.id
        self.put(rows)
        self.was[seat].append(chosen.id)

    @rule(data=st.data())
    def disable(self, data: st.DataObject) -> None:
        if not self.kept:
            return
        chosen = self.kept[data.draw(st.sampled_from(sorted(self.kept)))]
        if chosen.state is not S.RETIRED:
            others = [one for one in members(self.kept.values(), "apns", chosen.slot) if one.id != chosen.id]
            self.put(revised([*others, replace(chosen, enabled=not chosen.enabled)]))

    @rule(ms=st.integers(1, 2 * WEEK_MS))
    def wait(self, ms: int) -> None:
        self.now += ms
        self.put([retired(one) for one in self.kept.values() if is_over(one, self.now)])

    @invariant()
    def of_each_slot_one_is_active_and_all_have_one_revision(self) -> None:
        for slot in SLOTS:
            of_slot = members(self.kept.values(), "apns", slot)
            assert len({one.revision for one in of_slot}) <= 1
            assert [one.id for one in of_slot if one.state is S.ACTIVE] in ([], self.was[slot][-1:])

    @invariant()
    def material_is_there_until_the_week_is_over_and_never_again(self) -> None:
        for one in self.kept.values():
            assert bool(one.sealed) is (one.state is not S.RETIRED)
            assert (one.state is S.PREVIOUS) <= (self.now < one.previous_until <= self.now + WEEK_MS)
            assert (one.state is S.ACTIVE) <= (one.previous_until == 0 and 0 < one.activated_at <= self.now)

    @invariant()
    def the_snapshot_finds_the_active_of_each_slot_and_each_on_standby_by_itself(self) -> None:
        shown = [one for one in self.kept.values() if one.state in (S.ACTIVE, S.STANDBY)]
        snapshot = Snapshot.of(1, [], shown)
        for one in shown:
            slot = one.slot if one.state is S.ACTIVE else CANARY + one.id
            found = snapshot.credential("acme", "shop", Environment.PRODUCTION, "apns", slot)
            main = snapshot.credential("acme", "shop", Environment.PRODUCTION, "apns")
            assert found in ((one,) if one.enabled or one.state is S.STANDBY else (one, main))
            assert snapshot.credential("acme", "shop", Environment.PRODUCTION, "apns", CANARY + one.id) == one


TestSlots = Slots.TestCase


def test_every_state_but_retired_has_a_way_on_and_retired_has_none() -> None:
    ways = {state: {to for source, to in TABLE.values() if source is state} for state in S}
    assert ways == {S.STANDBY: {S.ACTIVE}, S.ACTIVE: {S.PREVIOUS}, S.PREVIOUS: {S.ACTIVE, S.RETIRED}, S.RETIRED: set()}
