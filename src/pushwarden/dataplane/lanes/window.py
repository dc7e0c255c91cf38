"""What the sender may write ahead of the journal: shares the window W among the lanes under way. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from pushwarden.core.shard import Mark, ShardState
from pushwarden.dataplane.feedback.settle import leave
from pushwarden.dataplane.lanes.fairness import fair
from pushwarden.dataplane.lanes.work import Work

MOST_WAITING = 256
"""Retries gathered before they move into one later shard; fewer move when the shard has nothing else to do."""
KEPT_BACK = 8
"""One part in so many of what the others leave is not for a lane: should it stall now, the next has a start."""


def ripe(work: Work) -> bool:
    """Whether the recipients that wait for a retry should move now."""
    if not work.waiting:
        return False
    if work.leaving is not None or (work.cautious and not work.in_flight):
        return True
    return len(work.waiting) >= min(MOST_WAITING, work.open - work.in_flight)


def grants(
    works: Sequence[Work], window: int, stuck: Callable[[str], bool] = lambda lane: False
) -> list[tuple[Work, Mark]]:
    """The marks of one flush: what has ended, and how far each shard may be written.

    W is divided fairly among the lanes that are not stuck; within a lane the first come are the first served.
    """
    rooms = rooms_of(works, window, stuck)
    pairs = []
    for work in works:
        if work.leaving is not None:
            _move_on(work)
        if ripe(work):
            leave(work)
        issued, lane = work.issued, work.key
        if work.leaving is None and rooms[lane] > 0:
            issued = work.issue(rooms[lane])
            rooms[lane] -= issued - work.issued
        if _leaves(work):
            pairs.append((work, work.mark(work.next, release=True)))
        elif work.dirty or issued != work.issued:
            pairs.append((work, work.mark(issued)))
    return pairs


def rooms_of(works: Sequence[Work], window: int, stuck: Callable[[str], bool] = lambda lane: False) -> dict[str, int]:
    """Lane → recipients that may be issued now, so that all together stay within the window."""
    held: dict[str, int] = defaultdict(int)
    wishes: dict[str, int] = defaultdict(int)
    for work in works:
        outstanding, lane = work.outstanding, work.key
        held[lane] += outstanding
        wishes[lane] += outstanding + (work.width - work.issued if work.leaving is None else 0)
    parts = fair(window, {lane: held[lane] if stuck(lane) else wish for lane, wish in wishes.items()})
    left, rooms = window - sum(held.values()), {}
    for lane in sorted(parts, key=held.__getitem__):
        most = (left + held[lane]) * (KEPT_BACK - 1) // KEPT_BACK
        rooms[lane] = max(0, min(parts[lane], most) - held[lane])
        left -= rooms[lane]
    return rooms


def _leaves(work: Work) -> bool:
    """Whether the shard can be given back: nothing of it is in flight and nothing waits."""
    return work.leaving is not None and work.in_flight == 0 and not work.waiting


def release(work: Work, state: ShardState, due_at: int = 0) -> None:
    """Starts to give a shard back: what is unwritten stays in it, what was refused as unprocessed moves on at once.

    due_at: Unix ms at which a READY shard may be claimed again; 0 keeps the shard's own.
    """
    work.put_back()
    work.due_at = due_at or work.due_at
    work.leaving = state
    _move_on(work)


def _move_on(work: Work) -> None:
    """What the provider has not processed leaves into a shard of its own: it stands below what was written."""
    work.waiting += [(offset, work.due_at) for offset in work.again]
    work.again = []
