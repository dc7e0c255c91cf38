"""Whatever happens in whatever order, no recipient is lost, doubled or marked by one who no longer holds it."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from journal_fixtures import ALL, NOW, OPENERS, Desk, bitmap, desk_of, list_shard, push_of, range_shard, refusal
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushState
from pushwarden.core.shard import Mark, Shard, ShardKind, ShardState
from pushwarden.ports.journal import Acceptance

SENDERS = st.sampled_from(["bulk-0", "bulk-1"])
ENDS = st.sampled_from([Fate.ACCEPTED, Fate.REFUSED, Fate.UNKNOWN, Fate.WITHDRAWN, "moved"])
WIDTH = 9


class Held:
    """A claimed shard as its sender sees it."""

    def __init__(self, sender: str, shard: Shard) -> None:
        self.sender, self.shard, self.lost = sender, shard, False
        self.counts = Counter({fate: shard.counts[fate] for fate in Fate})
        self.moved, self.issued = shard.moved, shard.issued
        flags = int.from_bytes(shard.done, "little")
        self.open = [offset for offset in self.members() if not flags >> offset & 1]

    def members(self) -> list[int]:
        if self.shard.kind is ShardKind.RANGE:
            bits = int.from_bytes(self.shard.members, "little")
            return [offset for offset in range(self.shard.width) if bits >> offset & 1]
        return list(range(self.shard.width))

    def seq(self, offset: int) -> int:
        if self.shard.kind is ShardKind.RANGE:
            return self.shard.lo + offset
        return int.from_bytes(self.shard.members[offset * 8 : offset * 8 + 8], "little")

    def mark(self, ends: list[Any], **fields: Any) -> Mark:
        """Ends as many open recipients as there are `ends`; the rest stays open."""
        ended, self.open = self.open[: len(ends)], self.open[len(ends) :]
        retries, failures = [], []
        for offset, end in zip(ended, ends, strict=False):
            if end == "moved":
                self.moved += 1
                retries.append(list_shard_like(self.shard, self.seq(offset)))
            else:
                self.counts[end] += 1
                failures += [refusal(self.shard, self.seq(offset))] if end is Fate.REFUSED else []
        done = bitmap(*(set(range(self.shard.width)) - set(self.open)), width=self.shard.width)
        self.issued = max([self.issued, *(offset + 1 for offset in ended)])
        finished = not self.open
        release = None if finished else fields.get("release")
        return Mark(
            self.shard.push, self.shard.no, self.shard.fence, self.issued, done, dict(self.counts), self.moved,
            tuple(failures), tuple(retries), finished, release, NOW,
        )  # fmt: skip


def list_shard_like(shard: Shard, seq: int) -> Any:
    push = push_of()
    return replace(list_shard(push, seq), push=shard.push, lane=shard.lane)


class Life(RuleBasedStateMachine):
    """The model counts recipients; the journal must come to the same counts."""

    kind = ""
    held = Bundle("held")

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.desk: Desk = self.stack.enter_context(desk_of(self.kind, Path(directory)))
        self.pushes: dict[str, Push] = {}
        self.recipients: Counter[str] = Counter()
        self.fates: dict[str, Counter[Fate]] = {}
        self.claims: list[Held] = []

    def teardown(self) -> None:
        self.stack.close()

    @rule(widths=st.lists(st.integers(1, WIDTH), max_size=3), listed=st.booleans(), held=st.booleans())
    def accept(self, widths: list[int], listed: bool, held: bool) -> None:
        push = push_of()
        make = [list_shard(push, *range(width)) if listed else range_shard(push, width) for width in widths]
        self.desk.accept_one(Acceptance(push, tuple(make), held=held))
        self.pushes[push.id], self.fates[push.id] = push, Counter()
        self.recipients[push.id] = sum(widths)

    @rule(target=held, sender=SENDERS, limit=st.integers(1, 4), skip=st.integers(0, WIDTH))
    def claim_some(self, sender: str, limit: int, skip: int) -> Any:
        return self.claim(sender, limit, skip)

    def claim(self, sender: str, limit: int, skip: int) -> Any:
        got = []
        for shard in self.desk.claim_all(sender, limit=limit):
            if not shard.frozen:
                members = [offset for offset in range(shard.width) if offset != skip]
                self.recipients[shard.push] -= shard.width - len(members)
                self.desk.freeze(shard, bitmap(*members, width=shard.width), len(members))
                bits = bitmap(*members, width=shard.width)
                shard = replace(shard, members=bits, planned=len(members), frozen=True)
            got.append(Held(sender, shard))
        self.claims += got
        return multiple(*got)

    @rule(one=held, ends=st.lists(ENDS, max_size=4), twice=st.booleans())
    def mark(self, one: Held, ends: list[Any], twice: bool) -> None:
        self.record(one, one.mark(ends), twice)

    @rule(one=consumes(held), ends=st.lists(ENDS, max_size=2), to=st.sampled_from([ShardState.READY, ShardState.HELD]))
    def let_go(self, one: Held, ends: list[Any], to: ShardState) -> None:
        self.record(one, one.mark(ends, release=to))

    @rule(one=consumes(held), end=ENDS)
    def finish(self, one: Held, end: Any) -> None:
        self.record(one, one.mark([end] * WIDTH))

    def record(self, one: Held, mark: Mark, twice: bool = False) -> None:
        refused = self.desk.mark([mark])
        assert refused == ([mark] if one.lost else [])
        if not one.lost:
            before = Counter({fate: one.shard.counts[fate] for fate in Fate})
            self.fates[mark.push] += Counter(mark.counts) - before
            one.shard = replace(one.shard, counts={fate: mark.counts.get(fate, 0) for fate in Fate})
            one.lost = mark.finished or mark.release is not None
            if twice:
                assert self.desk.mark([mark]) == ([mark] if one.lost else [])

    @rule(target=held, sender=SENDERS, limit=st.integers(1, 9))
    def crash_and_come_back(self, sender: str, limit: int) -> Any:
        self.desk.enlist(sender, NOW)
        for one in self.claims:
            one.lost |= one.sender == sender
        return self.claim(sender, limit, WIDTH)

    @rule()
    def release(self) -> None:
        self.desk.release(replace(push_of().scope, push=""))

    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        if self.pushes:
            push = self.pushes[data.draw(st.sampled_from(sorted(self.pushes)))]
            open_before = self.desk.progress(push.scope, push.id).push.state is PushState.OPEN
            assert self.desk.discard(push.scope, NOW) == ([push.id] if open_before else [])

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        for push in self.pushes.values() if hasattr(self, "pushes") else ():
            found = self.desk.progress(push.scope, push.id)
            planned = found.estimated if found.planned is None else found.planned
            assert planned == self.recipients[push.id]
            assert planned == found.pending + found.in_flight + sum(found.fates.values())
            assert min(found.pending, found.in_flight) >= 0
            assert +Counter(found.fates) == +self.fates[push.id]
            assert found.refusals == (
                {"BadDeviceToken": refused} if (refused := self.fates[push.id][Fate.REFUSED]) else {}
            )
            assert (found.push.state is PushState.DONE) == (planned == sum(found.fates.values()) and not found.shards)

    def finish_everything(self) -> None:
        """Two senders that never crash again bring every push to its end."""
        self.desk.release(replace(push_of().scope, push=""))
        for sender in ("bulk-0", "bulk-1"):
            self.desk.enlist(sender, NOW)
        while got := self.desk.claim_due("bulk-0", ALL, 50, NOW):
            for shard, _ in got:
                if not shard.frozen:
                    bits = bitmap(*range(shard.width), width=shard.width)
                    self.desk.freeze(shard, bits, shard.width)
                    shard = replace(shard, members=bits)
                one = Held("bulk-0", shard)
                self.desk.mark([one.mark([Fate.ACCEPTED] * WIDTH)])


def life(kind: str) -> type[Life]:
    class OneLife(Life):
        def teardown(self) -> None:
            if hasattr(self, "desk"):
                self.finish_everything()
                for push in self.pushes.values():
                    found = self.desk.progress(push.scope, push.id)
                    assert found.push.state is PushState.DONE
                    assert sum(found.fates.values()) == found.planned == self.recipients[push.id]
                super().teardown()

    OneLife.kind = kind
    return OneLife


@pytest.mark.parametrize("kind", sorted(OPENERS))
def test_nothing_is_lost_whatever_happens(kind: str) -> None:
    case = life(kind).TestCase
    case.settings = settings(
        max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case().runTest()
