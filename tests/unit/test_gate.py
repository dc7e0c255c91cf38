"""The gate's verdict on one push, with a real fence file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lanes_fixtures import LANE, NOW, a_push

from pushwarden.adapters.fence_file import FenceFile
from pushwarden.core.app import Snapshot
from pushwarden.core.lane import Lane
from pushwarden.core.push import PushState
from pushwarden.core.scope import Scope
from pushwarden.dataplane.lanes.gate import Gate, Verdict

TO = Lane.parse(LANE)


def test_a_push_discarded_while_it_was_held_is_discarded_though_the_fence_did_not_move(tmp_path: Path) -> None:
    fence = FenceFile(tmp_path / "fence")
    gate, push = Gate(fence), a_push()
    fence.stop(push.scope, NOW)
    assert gate.verdict(push, TO, NOW) is Verdict.HOLD
    discarded = replace(push, state=PushState.DISCARDING)
    assert gate.verdict(discarded, TO, NOW) is Verdict.DISCARD
    assert gate.verdict(discarded, TO, push.deadline) is Verdict.DISCARD


def test_a_stop_comes_before_everything_and_ends_with_its_resume(tmp_path: Path) -> None:
    fence = FenceFile(tmp_path / "fence")
    gate, push = Gate(fence), a_push()
    assert gate.verdict(push, TO, NOW) is Verdict.LATER
    fence.stop(Scope("acme"), NOW)
    assert gate.verdict(push, TO, NOW) is Verdict.HOLD
    assert gate.verdict(push, TO, push.deadline) is Verdict.EXPIRE
    fence.resume(Scope("acme"))
    gate.configure(Snapshot(1), [])
    assert gate.verdict(push, TO, NOW) is Verdict.LATER


def test_a_stop_of_one_push_holds_that_push_alone(tmp_path: Path) -> None:
    fence = FenceFile(tmp_path / "fence")
    gate, push, other = Gate(fence), a_push(), a_push(id="fedcba9876543210fedc")
    fence.stop(push.scope, NOW)
    assert gate.verdict(push, TO, NOW) is Verdict.HOLD
    assert gate.verdict(other, TO, NOW) is Verdict.LATER
    assert gate.touches(Scope("acme", "shop"))
    fence.resume(push.scope)
    assert gate.verdict(push, TO, NOW) is Verdict.LATER


def test_the_gate_remembers_no_push_by_itself(tmp_path: Path) -> None:
    gate = Gate(FenceFile(tmp_path / "fence"))
    for number in range(100):
        gate.verdict(a_push(id=f"{number:020x}"), TO, NOW)
    assert len(gate._cache) == 1
