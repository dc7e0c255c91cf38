"""HPACK encoding for many requests alike: a model of the peer's dynamic table, and blocks as pieces with gaps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pushwarden.http2.fields import INCREMENTAL, INDEXED, STATIC_INDEX, TABLE_SIZE, integer, named, string
from pushwarden.http2.hpack import ENTRY_OVERHEAD, STATIC
from pushwarden.http2.messages import Requests

Entry = tuple[bytes, bytes]
Piece = bytes | int
"""Octets, or the number of the column whose value (with its length before it) belongs here."""

PATH: Final = -1
DEFAULT_TABLE: Final = 4096
_FIRST_DYNAMIC: Final = len(STATIC) + 1
_KEPT_LAYOUTS: Final = 64
_ILLEGAL: Final = frozenset(b"\0\r\n")


@dataclass(slots=True)
class Layout:
    """The order of one kind of request: octets, entries that may be indexed, and columns."""

    parts: tuple[bytes | Entry | int, ...]
    generation: int = -1
    pieces: tuple[Piece, ...] = ()


@dataclass(slots=True)
class Table:
    """What the peer's decoder holds, newest first. generation: changes whenever an index changes."""

    cap: int = DEFAULT_TABLE
    limit: int = DEFAULT_TABLE
    used: int = 0
    generation: int = 0
    _newest: int = 0
    _numbers: dict[Entry, int] = field(default_factory=dict)
    _order: deque[Entry] = field(default_factory=deque)
    _updates: list[int] = field(default_factory=list)

    def index(self, entry: Entry) -> int:
        """The entry's index, or 0."""
        number = self._numbers.get(entry)
        return 0 if number is None else _FIRST_DYNAMIC + self._newest - number

    def insert(self, entry: Entry) -> None:
        self._newest += 1
        self.generation += 1
        self._evict(self.limit - size_of(entry))
        if size_of(entry) <= self.limit:
            self._numbers[entry] = self._newest
            self._order.append(entry)
            self.used += size_of(entry)

    def resize(self, peer_limit: int) -> None:
        """The peer's SETTINGS_HEADER_TABLE_SIZE; we use at most `cap` of it. The next block says so (§4.2)."""
        limit = min(peer_limit, self.cap)
        if limit == self.limit and not self._updates:
            return
        self.limit = limit
        self.generation += 1
        self._evict(limit)
        smallest = min(self._updates[0], limit) if self._updates else limit
        self._updates = [smallest] if smallest == limit else [smallest, limit]

    def updates(self) -> bytes:
        """The size updates that the next block must begin with, once."""
        out = b"".join([integer(limit, 5, TABLE_SIZE) for limit in self._updates])
        self._updates = []
        return out

    def _evict(self, limit: int) -> None:
        while self.used > limit and self._order:
            entry = self._order.popleft()
            self.used -= size_of(entry)
            del self._numbers[entry]


class Encoder:
    """Turns kinds of requests into pieces; `block` must be called in the order in which blocks are written."""

    def __init__(self) -> None:
        self.table = Table()
        self._layouts: dict[tuple[object, ...], Layout] = {}

    def layout(self, requests: Requests) -> Layout:
        """The layout of this kind of request, kept for the next of its kind. ValueError for illegal octets."""
        path = requests.path if isinstance(requests.path, bytes) else None
        constants = tuple([(name, cell if isinstance(cell, bytes) else None) for name, cell in requests.headers])
        key = (requests.method, requests.authority, path, constants, requests.literal)
        found = self._layouts.get(key)
        if found is None:
            if len(self._layouts) >= _KEPT_LAYOUTS:
                self._layouts.clear()
            found = self._layouts[key] = Layout(_parts(requests))
        return found

    def block(self, layout: Layout) -> tuple[tuple[Piece, ...], bool]:
        """(pieces of the next block, whether the block after it must be asked for anew)."""
        table = self.table
        if layout.generation == table.generation:
            return layout.pieces, False
        updates = table.updates()
        before, room = table.generation, table.limit
        pieces: list[Piece] = [updates]
        for part in layout.parts:
            if isinstance(part, tuple):
                room -= size_of(part)
                pieces.append(self._entry(part, fits=room >= 0))
                room += size_of(part) if room < 0 else 0
            else:
                pieces.append(part)
        merged = _merged(pieces)
        if updates or table.generation != before:
            return merged, True
        layout.generation, layout.pieces = table.generation, merged
        return merged, False

    def _entry(self, entry: Entry, *, fits: bool) -> bytes:
        index = self.table.index(entry)
        if index:
            return integer(index, 7, INDEXED)
        if not fits:
            return named(entry[0]) + string(entry[1])
        self.table.insert(entry)
        return named(entry[0], INCREMENTAL) + string(entry[1])


def size_of(entry: Entry) -> int:
    """RFC 7541 §4.1."""
    return len(entry[0]) + len(entry[1]) + ENTRY_OVERHEAD


def _parts(requests: Requests) -> tuple[bytes | Entry | int, ...]:
    parts: list[bytes | Entry | int] = [_constant((b":method", requests.method)), _constant((b":scheme", b"https"))]
    parts.append((b":authority", requests.authority))
    parts.append(named(b":path"))
    parts.append(string(requests.path) if isinstance(requests.path, bytes) else PATH)
    for column, (name, cell) in enumerate(requests.headers):
        _check(name)
        if not isinstance(cell, bytes):
            parts += [named(name), column]
        elif name in requests.literal:
            parts.append(named(name) + string(cell))
        else:
            parts.append(_constant((name, cell)))
    for part in parts:
        if isinstance(part, tuple):
            _check(part[1])
    return tuple(parts)


def _constant(entry: Entry) -> bytes | Entry:
    index = STATIC_INDEX.get(entry)
    return integer(index, 7, INDEXED) if index else entry


def _check(octets: bytes) -> None:
    if not _ILLEGAL.isdisjoint(octets):
        raise ValueError("a header must not contain NUL, CR or LF")


def _merged(pieces: list[Piece]) -> tuple[Piece, ...]:
    out: list[Piece] = [b""]
    for piece in pieces:
        last = out[-1]
        if isinstance(piece, bytes) and isinstance(last, bytes):
            out[-1] = last + piece
        else:
            out.append(piece)
    return tuple(out)
