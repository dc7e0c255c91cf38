"""A run of answers alike, read by one pattern: many servers answer 200 in one frame that differs in a header value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct
from typing import Final

from pushwarden.http2.frames import END_HEADERS, END_STREAM, HEADERS
from pushwarden.http2.hpack import STATIC, HpackError, read_int

STATUS_200: Final = b"\x88"
KEPT: Final = 64
_ODD_STREAM: Final = b"[\\x00-\\x7f][\\x00-\\xff]{2}[%b]" % b"".join([b"\\x%02x" % odd for odd in range(1, 256, 2)])


class Shape:
    """Frames HEADERS with END_STREAM that say 200, change no dynamic table and differ only in stream and values."""

    __slots__ = ("_match", "_unpack")

    def __init__(self, size: int, pattern: bytes) -> None:
        head = size.to_bytes(3, "big") + bytes((HEADERS, END_HEADERS | END_STREAM))
        self._match = re.compile(b"(?s:%b%b%b)++" % (re.escape(head), _ODD_STREAM, pattern)).match
        self._unpack = Struct(f">5xI{size}x").iter_unpack

    def run(self, buffer: bytes, position: int) -> tuple[int, Iterator[tuple[int]]] | None:
        """(where the run ends, its streams as 1-tuples), or None when no such frame begins here."""
        found = self._match(buffer, position)
        if found is None:
            return None
        return found.end(), self._unpack(memoryview(buffer)[position : found.end()])


_known: dict[bytes, Shape] = {}


def shape_of(block: bytes) -> Shape | None:
    """The shape of a header block, or None when it says no 200 or touches what a dynamic table or a code decides."""
    if block[:1] != STATUS_200:
        return None
    try:
        pattern = _pattern(block)
    except (HpackError, IndexError):
        return None
    if pattern is None:
        return None
    if pattern not in _known:
        if len(_known) >= KEPT:
            _known.clear()
        _known[pattern] = Shape(len(block), pattern)
    return _known[pattern]


def _pattern(block: bytes) -> bytes | None:
    """Names as they are, values as any octets of the same number; None for all that is not a plain literal."""
    out, position = [re.escape(STATUS_200)], 1
    while position < len(block):
        start, first = position, block[position]
        if first & 0xE0:
            return None
        index, position = read_int(block, position, 4)
        if index > len(STATIC):
            return None
        for value in (False, True)[1 if index else 0 :]:
            if block[position] & 0x80:
                return None
            size, position = read_int(block, position, 7)
            if value:
                out.append(re.escape(block[start:position]) + b".{%d}" % size)
            position += size
    return b"".join(out) if position == len(block) else None
