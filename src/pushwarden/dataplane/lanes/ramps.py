"""5 ramps: while a scope is resumed in steps, who is sent to leaves a fan-out's shard; the rest stays in it, held.

Decided as a shard is opened and nowhere else: a sender without a ramp to go by does nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence

from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.ramp import WHOLE, Ramp, place_of, place_of_token
from pushwarden.core.shard import ShardKind, ShardState
from pushwarden.core.topics import CONDITION, TOPIC
from pushwarden.dataplane.feedback.settle import part_with
from pushwarden.dataplane.lanes.window import release
from pushwarden.dataplane.lanes.work import Work
from pushwarden.ports.devices import Devices

_OF_MANY = (TOPIC.encode(), CONDITION.encode())


class Ramps:
    """The ramps one sender goes by. `share`: of ten thousand devices, how many a push may reach now."""

    def __init__(self, devices: Devices) -> None:
        self.open: tuple[Ramp, ...] = ()
        self._devices = devices

    def share(self, push: Push) -> int:
        """Single pushes and calls wait for no ramp."""
        if push.klass is not Class.BULK:
            return WHOLE
        return min((ramp.share for ramp in self.open if ramp.scope.covers(push.scope)), default=WHOLE)

    async def divide(self, work: Work, share: int, now_ms: int) -> None:
        """Who may be sent to leaves for a shard of its own, and the rest is held. A shard that all may go on stays.

        A shard at which senders died, and a topic, which cannot be divided, wait until everybody's turn.
        """
        going = [] if work.lane.klass is Class.ALONE else await self._going(work, share)
        if len(going) == work.open and not work.again:
            return
        part_with(work, going, now_ms)
        release(work, ShardState.HELD)

    async def _going(self, work: Work, share: int) -> list[int]:
        left = [offset for offset in range(work.next, work.width) if not work.flags[offset]]
        if not left:
            return []
        if work.shard.kind is ShardKind.TOKENS:
            tokens = work.shard.members.split(b"\n")
            return [at for at in left if _goes(tokens[at], share)]
        tests = await self._tests(work, left)
        return [at for at in left if place_of(work.shard.audience, work.seq(at)) < share or work.seq(at) in tests]

    async def _tests(self, work: Work, left: Sequence[int]) -> frozenset[int]:
        """Devices marked as test."""
        audience, columns = work.shard.audience, ("test",)
        if work.shard.kind is ShardKind.LIST:
            rows = await self._devices.pick(audience, [work.seq(at) for at in left], columns)
        else:
            rows = await self._devices.page(audience, work.seq(left[0]), work.seq(left[-1]) + 1, columns)
        return frozenset(seq for seq, test in zip(rows.seqs, rows.values["test"], strict=True) if test == "1")


def _goes(token: bytes, share: int) -> bool:
    return place_of_token(token) < share and not token.startswith(_OF_MANY)
