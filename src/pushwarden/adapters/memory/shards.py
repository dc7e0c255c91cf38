"""A shard as the memory journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.shard import INSTANT, NewShard, Shard, ShardKind, ShardState


@dataclass(slots=True)
class Kept:
    shard: Shard
    state: ShardState
    holder: str = ""

    @classmethod
    def of(cls, new: NewShard, no: int, state: ShardState) -> Kept:
        """A LIST or TOKENS shard is frozen from the start: its members are named."""
        frozen = new.kind is not ShardKind.RANGE
        shard = Shard(
            push=new.push, no=no, organisation=new.organisation, kind=new.kind, audience=new.audience, lane=new.lane,
            due_at=new.due_at, lo=new.lo, width=new.width, members=new.members, attempt=new.attempt, crashes=0,
            fence=0, frozen=frozen, planned=new.width if frozen else 0, issued=0, done=b"",
            counts=dict.fromkeys(Fate, 0), moved=0,
        )  # fmt: skip
        return cls(shard, state)

    @property
    def klass(self) -> Class:
        return Lane.parse(self.shard.lane).klass

    @property
    def estimated(self) -> int:
        """Recipients that end here; a moved one ends where it moved to."""
        return (self.shard.planned if self.shard.frozen else self.shard.width) - self.shard.moved

    @property
    def issued_by_claim(self) -> int:
        """A small named shard that was never issued is issued by its claim."""
        shard = self.shard
        fresh = shard.kind is not ShardKind.RANGE and shard.width <= INSTANT and shard.crashes == shard.issued == 0
        return shard.width if fresh else shard.issued

    def change(self, **fields: Any) -> None:
        self.shard = replace(self.shard, **fields)


def in_flight(shard: Shard) -> int:
    """Members below `issued` that have not ended."""
    below = (1 << min(shard.issued, shard.width)) - 1
    open_bits = below & ~int.from_bytes(shard.done, "little")
    if shard.kind is ShardKind.RANGE:
        open_bits &= int.from_bytes(shard.members, "little")
    return open_bits.bit_count()
