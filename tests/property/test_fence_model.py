"""The fence file beside a dictionary: any order of stops and resumes by two mappings leaves the same scopes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.fence_layout import pack, readable_scope, unpack
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.fence import Stop

NAMES = st.text("abcdefghij-0123456789", min_size=1, max_size=12)
SCOPES = st.builds(
    Scope,
    st.one_of(st.just(""), NAMES),
    st.one_of(st.just(""), NAMES),
    st.one_of(st.none(), st.sampled_from(Environment)),
    st.one_of(st.just(""), NAMES),
    st.one_of(st.just(""), NAMES),
    st.one_of(st.just(""), NAMES),
)
FEW = st.sampled_from([Scope(), Scope("a"), Scope("a", "b"), Scope("a", "b", Environment.SANDBOX), Scope("c")])


@given(SCOPES, st.integers(0, 2**63), st.integers(0, 2**62))
def test_a_slot_gives_back_what_was_packed(scope: Scope, sequence: int, at_ms: int) -> None:
    stop = Stop(scope, sequence, at_ms)
    assert unpack(pack(stop)) == stop
    assert len(pack(stop)) == 256


@given(SCOPES, st.integers(0, 255), st.integers(1, 255))
def test_any_changed_byte_of_a_slot_is_noticed_or_harmless(scope: Scope, at: int, flip: int) -> None:
    stop = Stop(scope, 3, 4)
    raw = bytearray(pack(stop))
    raw[at] ^= flip
    assert unpack(bytes(raw)) in (None, stop)
    readable_scope(bytes(raw))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), FEW), max_size=25))
def test_two_mappings_and_a_dictionary_agree(steps: list[tuple[bool, bool, Scope]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = FenceFile(Path(folder) / "fence"), FenceFile(Path(folder) / "fence")
        model: set[Scope] = set()
        for number, (second, stop, scope) in enumerate(steps):
            before = pair[0].generation()
            changes = stop or scope in model
            if stop:
                pair[second].stop(scope, number)
                model.add(scope)
            else:
                pair[second].resume(scope)
                model.discard(scope)
            assert (pair[0].generation() > before) == changes
            assert {stop.scope for stop in pair[not second].stops()} == model
        for fence in pair:
            fence.close()
