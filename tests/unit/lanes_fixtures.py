"""Shards, pushes and works for tests of the send loop."""

from __future__ import annotations

from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.shard import Shard, ShardKind
from pushwarden.dataplane.lanes.slices import Slice
from pushwarden.dataplane.lanes.work import Work, pack
from pushwarden.providers.port import Envelope, Origin

LANE = "acme/shop/simulated/apns/bulk"
NOW = 1_800_000_000_000


def a_push(kind: PushType = PushType.ALERT, **changes: object) -> Push:
    values: dict[str, object] = {
        "id": "0123456789abcdef0123",
        "organisation": "acme",
        "app": "shop",
        "environment": Environment.SIMULATED,
        "type": kind,
        "klass": Class.BULK,
        "message": Message(title="Hello"),
        "accepted_at": NOW,
        "expires_at": NOW + 3_600_000,
    }
    return Push(**(values | changes))  # type: ignore[arg-type]


def a_shard(width: int, **changes: object) -> Shard:
    values: dict[str, object] = {
        "push": "0123456789abcdef0123",
        "no": 0,
        "organisation": "acme",
        "kind": ShardKind.RANGE,
        "audience": 1,
        "lane": LANE,
        "due_at": NOW,
        "lo": 1000,
        "width": width,
        "members": b"",
        "attempt": 0,
        "crashes": 0,
        "fence": 1,
        "frozen": True,
        "planned": width,
        "issued": 0,
        "done": b"",
        "counts": dict.fromkeys(Fate, 0),
        "moved": 0,
    }
    return Shard(**(values | changes))  # type: ignore[arg-type]


def a_work(width: int, push: Push | None = None, **changes: object) -> Work:
    return Work(a_shard(width, **changes), push or a_push(), bytearray(width), 0.0)


def pack_of(width: int, done: list[int]) -> bytes:
    """The bitmap with these offsets done."""
    flags = bytearray(width)
    for offset in done:
        flags[offset] = 1
    return pack(flags)


def a_slice(work: Work, first: int, count: int) -> Slice:
    """Offsets first … first+count-1, dense, as the reader makes it: `next` stands behind it."""
    work.next = first + count
    tokens = [b"%064x" % (first + row) for row in range(count)]
    envelope = Envelope(Origin("localhost", 443), (), tokens, b"{}", count)
    work.slice = Slice(work, envelope, 0.0, first, None, tokens)
    return work.slice


def write(work: Work, count: int) -> list[int]:
    """Pretends that the next rows of the slice were written; their row numbers."""
    part = work.slice
    assert part is not None
    rows = list(range(part.written, part.written + count))
    part.written += count
    work.in_flight += count
    return rows
