"""5 together: shards of a few recipients are read, rendered and written many at once, as columns. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pushwarden.dataplane.lanes.slices import Slice
from pushwarden.dataplane.lanes.work import Work
from pushwarden.http2.messages import Cell, Requests
from pushwarden.providers.port import Authorization

MOST_TOGETHER = 64
"""Shards read and rendered before the first of them is written."""

_Kind = tuple[bytes | None, tuple[tuple[bytes, bytes | None], ...]]


@dataclass(slots=True)
class Joint:
    """Slices whose requests have the same constants. owners: of each row the slice and its row there."""

    path: Cell
    headers: list[tuple[bytes, Cell]]
    body: list[bytes] = field(default_factory=list)
    owners: list[tuple[Slice, int]] = field(default_factory=list)

    def add(self, part: Slice) -> None:
        envelope = part.envelope
        _extend(self.path, envelope.path)
        for (_, column), (_, own) in zip(self.headers, envelope.headers, strict=True):
            _extend(column, own)
        self.body += envelope.body if isinstance(envelope.body, list) else [envelope.body] * envelope.count
        self.owners += [(part, row) for row in range(envelope.count)]

    def addressed(self, authorization: Authorization, authority: bytes) -> Requests:
        """As requests that carry this authorization."""
        headers = (*self.headers, *authorization.headers)
        return Requests(len(self.owners), authority, self.path, self.body, headers)


def together(turn: Sequence[Work]) -> Iterator[list[Work]]:
    """Fresh shards of a lane that stand behind one another, at most MOST_TOGETHER; the others one by one."""
    group: list[Work] = []
    for work in turn:
        if group and not (work.fresh and work.key == group[-1].key and len(group) < MOST_TOGETHER):
            yield group
            group = []
        if work.fresh:
            group.append(work)
        else:
            yield [work]
    if group:
        yield group


def first_of(works: Iterable[Work], room: int) -> list[Work]:
    """As many of them as have no more recipients than this together."""
    some = []
    for work in works:
        room -= work.width
        if room < 0:
            break
        some.append(work)
    return some


def joined(parts: Iterable[Slice]) -> list[Joint]:
    """Slices of which nothing was written yet, those of one kind together."""
    joints: dict[_Kind, Joint] = {}
    for part in parts:
        envelope = part.envelope
        kind = (_constant(envelope.path), tuple([(name, _constant(cell)) for name, cell in envelope.headers]))
        joint = joints.get(kind)
        if joint is None:
            joint = joints[kind] = Joint(
                _empty(envelope.path), [(name, _empty(cell)) for name, cell in envelope.headers]
            )
        joint.add(part)
    return [*joints.values()]


def _constant(cell: Cell) -> bytes | None:
    return cell if isinstance(cell, bytes) else None


def _empty(cell: Cell) -> Cell:
    return cell if isinstance(cell, bytes) else []


def _extend(column: Cell, own: Cell) -> None:
    if isinstance(column, list) and isinstance(own, list):
        column += own
