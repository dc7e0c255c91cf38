"""A claimed shard in memory: what of it is written, and what has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pushwarden.core.lane import Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.shard import Failure, Mark, NewShard, Shard, ShardKind, ShardState, Times

if TYPE_CHECKING:
    from pushwarden.dataplane.lanes.slices import Slice
    from pushwarden.dataplane.lanes.trial import Trial

_TO_DIGITS = bytes([48, 49]) + bytes([49]) * 254
_TO_FLAGS = bytes(value & 1 for value in range(256))


def pack(flags: bytearray) -> bytes:
    """Flags of one byte each → a bitmap, bit i of byte i//8, least significant first."""
    return int(flags.translate(_TO_DIGITS)[::-1] or b"0", 2).to_bytes((len(flags) + 7) // 8, "little")


def unpack(bitmap: bytes, width: int) -> bytearray:
    """The reverse of `pack`; missing bytes are zeros."""
    digits = f"{int.from_bytes(bitmap, 'little'):0{width}b}".encode()[::-1]
    return bytearray(digits[:width].translate(_TO_FLAGS))


_NONE = dict.fromkeys(Fate, 0)


class Work:
    """One shard under way. Offsets 0 … width-1; a flag is 1 once the offset has ended, moved, or was never a member."""

    __slots__ = (
        "_early",
        "_lane",
        "_reserved",
        "_start",
        "again",
        "claimed_at",
        "counts",
        "detours",
        "dirty",
        "due_at",
        "failures",
        "first_at",
        "flags",
        "handed_at",
        "in_flight",
        "issued",
        "key",
        "last_at",
        "leaving",
        "moved",
        "next",
        "open",
        "push",
        "resting",
        "retries",
        "shard",
        "slice",
        "step",
        "trial",
        "waiting",
    )  # fmt: skip

    def __init__(self, shard: Shard, push: Push, flags: bytearray, claimed_at: float) -> None:
        self.shard, self.push, self.flags, self.claimed_at = shard, push, flags, claimed_at
        self.lane = Lane.parse(shard.lane)
        self.counts = {**_NONE, **shard.counts}
        self.moved = shard.moved
        self.issued = shard.issued
        self.next = 0 if shard.instant else shard.issued
        self.again: list[int] = []
        self.detours = 0
        self.failures: list[Failure] = []
        self.retries: list[NewShard] = []
        self.waiting: list[tuple[int, int]] = []  # (offset, due_at) of recipients about to move into a later shard
        self.in_flight = 0
        self.open = self._start = flags.count(0)
        self._early = 0
        self._reserved = flags.count(0, 0, shard.issued)
        self.slice: Slice | None = None
        self.trial: Trial | None = None  # the lot of unproven devices it is of
        self.step = 0  # recipients issued at once, and only when none is outstanding; 0: as many as there is room for
        self.dirty = False
        self.resting = False  # as `rests` said it last; an answer that is no 200 ends it
        self.leaving: ShardState | None = None
        self.due_at = shard.due_at
        self.handed_at = self.first_at = self.last_at = 0  # Unix ms, as in Times

    def __repr__(self) -> str:
        return (
            f"<work {self.push.id}/{self.shard.no} {self.shard.kind} {self.lane.key}: {self.next}/{self.issued} of "
            f"{len(self.flags)} written, {self.in_flight} in flight, {self.open} open>"
        )

    @property
    def lane(self) -> Lane:
        """The lane it is in now: a shard leaves the suspect lane under way, when its devices are proven."""
        return self._lane

    @lane.setter
    def lane(self, lane: Lane) -> None:
        self._lane, self.key = lane, lane.key

    @property
    def width(self) -> int:
        return len(self.flags)

    @property
    def finished(self) -> bool:
        return self.open == 0 and self.in_flight == 0

    @property
    def rests(self) -> bool:
        """Whether nothing can be written or ended before an answer comes."""
        read = self.next >= self.width and (self.slice is None or not self.slice.left)
        return self.leaving is not None or (read and not self.again and not self.waiting)

    @property
    def fresh(self) -> bool:
        """Whether it is a shard of a few recipients, issued by its claim, of which nothing was read yet."""
        untouched = self.next == 0 and self.slice is None and not self.again and self.leaving is None
        return untouched and self.shard.instant and self.shard.attempt == 0 and self.open == self.width

    @property
    def outstanding(self) -> int:
        """Recipients that may have been written and have not ended: what a kill -9 now would leave in doubt."""
        return max(0, self._reserved - (self._start - self.open - self._early))

    def issue(self, room: int) -> int:
        """Offsets that `room` more recipients reach; the journal must record it before `issued` may be set to it."""
        if self.trial is not None:
            room = min(room, self.trial.room(self))
        return self._reach(min(room, self.step)) if self.step else min(self.width, self.issued + room)

    def _reach(self, members: int) -> int:
        """The offset behind so many open ones; none while others are outstanding."""
        reach = self.issued
        left = 0 if self.outstanding else members
        while left and reach < self.width:
            left -= not self.flags[reach]
            reach += 1
        return reach

    def restart(self, step: int) -> None:
        """Whatever is open will be issued again, so many at a time."""
        self.step = step
        self.next = self.issued = max(0, self.flags.find(0)) if self.open else self.width
        self.again = []
        self._start, self._early, self._reserved = self.open, 0, 0
        self.dirty = True

    @property
    def cautious(self) -> bool:
        """Whether what waits for a retry must not keep the others waiting."""
        return self.step > 0 or self.trial is not None

    def grant(self, issued: int) -> None:
        """The journal has recorded it: offsets below may be written."""
        self._reserved += self.flags.count(0, self.issued, issued)
        self.issued = max(self.issued, issued)

    def seq(self, offset: int) -> int:
        """The device sequence of an offset (its own number for raw tokens)."""
        match self.shard.kind:
            case ShardKind.RANGE:
                return self.shard.lo + offset
            case ShardKind.LIST:
                return int.from_bytes(self.shard.members[offset * 8 : offset * 8 + 8], "little")
            case ShardKind.TOKENS:
                return offset

    def end(self, offset: int, fate: Fate) -> None:
        """One recipient has ended. Ending twice is refused: exactly one ending each."""
        if self.flags[offset]:
            raise ValueError(f"{self!r}: offset {offset} ended twice")
        self._close(offset)
        self.counts[fate] += 1

    def unwritten(self) -> list[int]:
        """Open offsets that are not in flight and wait for no retry: what a stop or the ttl can still catch."""
        left = [offset for offset in range(self.next, self.width) if not self.flags[offset]]
        if self.slice is not None:
            left += [self.slice.offset(row) for row in range(self.slice.written, self.slice.envelope.count)]
        return sorted({*left, *self.again})

    def put_back(self) -> None:
        """Forgets the slice; its unwritten rows will be read again, as the store has them then."""
        part, self.slice = self.slice, None
        if part is None or not part.left:
            return
        if part.again:
            self.again += [part.offset(row) for row in range(part.written, part.envelope.count)]
        else:
            self.next = part.offset(part.written)

    def answered(self, now_ms: int) -> None:
        """An answer came, whatever it says."""
        self.first_at = self.first_at or now_ms
        self.last_at = now_ms

    def accept(self, part: Slice, rows: Sequence[int]) -> None:
        """Many accepted at once: the hot path. Rows are the envelope's."""
        flags, base = self.flags, part.base
        if part.offsets is None and part.envelope.rows is None:
            for row in rows:
                flags[base + row] = 1
        else:
            for row in rows:
                flags[part.offset(row)] = 1
        self.open -= len(rows)
        self.in_flight -= len(rows)
        self.counts[Fate.ACCEPTED] += len(rows)
        self.dirty = True

    def move(self, offset: int) -> None:
        """The recipient leaves into a later shard."""
        self._close(offset)
        self.moved += 1

    def _close(self, offset: int) -> None:
        self.flags[offset] = 1
        self.open -= 1
        self._early += offset >= self.issued
        self.dirty = True

    def mark(self, issued: int, *, release: bool = False) -> Mark:
        """What the journal is to record now; takes the failures and retries along. issued: from `issue`.

        release: the shard is given back; then no open offset below `issued` may have been written.
        """
        failures, self.failures = tuple(self.failures), []
        retries, self.retries = tuple(self.retries), []
        self.dirty = False
        return Mark(
            push=self.push.id,
            no=self.shard.no,
            fence=self.shard.fence,
            issued=issued,
            done=b"" if self.finished else pack(self.flags),
            counts=dict(self.counts),
            moved=self.moved,
            failures=failures,
            retries=retries,
            finished=self.finished,
            release=self.leaving if release and not self.finished else None,
            due_at=self.due_at,
            times=Times(self.handed_at, self.first_at, self.last_at),
        )
