"""Header blocks alike, read by one pattern: what differs is a literal's value, and no dynamic table changes.

A block that was decoded teaches its outline; one that matches it needs no decoder. The rest goes to the decoder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile
from struct import Struct
from typing import Final

from pushwarden.http2.frames import DATA, END_HEADERS, END_STREAM, HEAD_SIZE, HEADERS, READ_HEAD
from pushwarden.http2.hpack import STATIC, Decoder, Header, read_int

STATUS_200: Final = b"\x88"
EMPTY_END: Final = bytes((0, 0, 0, DATA, END_STREAM))
MOST_DATA: Final = 4096
LESSONS: Final = 32
HITS_A_LESSON: Final = 64
_ODD_STREAM: Final = b"[\\x00-\\x7f][\\x00-\\xff]{2}[%b]" % b"".join([b"\\x%02x" % odd for odd in range(1, 256, 2)])

Field = tuple[bytes, int]
"""Octets that stay the same, and how many octets of any value follow them; -1 for none."""


class Shape:
    """Answers that say 200 and differ only in stream and values, many at once.

    data: octets of the one DATA frame each has, −1 for none. stateless: any dynamic table gives the block its meaning.
    """

    __slots__ = ("_match", "_size", "_unpack", "data", "stateless")

    def __init__(self, size: int, pattern: bytes, data: int, late_end: bool, stateless: bool) -> None:
        head = size.to_bytes(3, "big") + bytes((HEADERS, END_HEADERS | (END_STREAM if data < 0 else 0)))
        tail, layout = b"", f">5xI{size}x"
        if data >= 0:
            first = data.to_bytes(3, "big") + bytes((DATA, 0 if late_end else END_STREAM))
            tail = b"%b%b.{%d}" % (re.escape(first), _ODD_STREAM, data)
            tail += re.escape(EMPTY_END) + _ODD_STREAM if late_end else b""
            layout += f"5xI{data}x" + ("5xI" if late_end else "")
        # No group in here, and so no reference back to the stream: with one, CPython 3.11 corrupts memory.
        self._match = re.compile(b"(?s:%b%b%b%b)++" % (re.escape(head), _ODD_STREAM, pattern, tail)).match
        row = Struct(layout)
        self._unpack, self._size = row.iter_unpack, row.size
        self.data, self.stateless = data, stateless

    def run(self, buffer: bytes, position: int) -> tuple[int, Iterable[tuple[int]]] | None:
        """(where the run ends, its streams as 1-tuples), or None when no such answer begins here."""
        found = self._match(buffer, position)
        if found is None:
            return None
        rows = self._unpack(memoryview(buffer)[position : found.end()])
        return (found.end(), rows) if self.data < 0 else self._whole(position, list(rows))

    def _whole(self, position: int, rows: list[tuple[int, ...]]) -> tuple[int, Iterable[tuple[int]]] | None:
        """Only those whose frames are all of one stream, up to the first that is not."""
        streams, *others = zip(*rows, strict=True)
        if any(streams != column for column in others):
            streams = tuple(row[0] for row in takewhile(_is_one, rows))
        return (position + self._size * len(streams), zip(streams, strict=True)) if streams else None


def _is_one(row: tuple[int, ...]) -> bool:
    return len(set(row)) == 1


def shape_of(block: bytes, data: int = -1, *, late_end: bool = False) -> Shape | None:
    """The shape of answers with this decoded block; None when it says no 200 or changes the table.

    A shape that is not stateless holds until the next block that changes the table. data, late_end: as `data_after`.
    """
    fields, stateless = outline(block)
    if not fields or block[:1] != STATUS_200 or (data < 0 and not stateless):
        return None
    pattern = b"".join([re.escape(octets) + b".{%d}" % max(size, 0) for octets, size in fields])
    return _shape(len(block), pattern, data, late_end, stateless)


_shape = lru_cache(64)(Shape)


def data_after(buffer: bytes, position: int, stream: int) -> tuple[int, bool] | None:
    """(octets, whether an empty DATA frame ends it) of an answer whose DATA begins here; None when it is another."""
    if len(buffer) - position < HEAD_SIZE:
        return None
    head, flags, of = READ_HEAD(buffer, position)
    size = head >> 8
    if head & 0xFF != DATA or of != stream or flags not in (0, END_STREAM) or size > MOST_DATA:
        return None
    if flags:
        return size, False
    end = position + HEAD_SIZE + size
    return (size, True) if buffer[end : end + HEAD_SIZE] == EMPTY_END + stream.to_bytes(4, "big") else None


def outline(block: bytes) -> tuple[list[Field], bool]:
    """(fields of a decoded block, whether any table gives it the same meaning); no fields when it changes the table."""
    fields: list[Field] = []
    position, stateless = 0, True
    while position < len(block):
        start, first, size = position, block[position], -1
        if first & 0x80:
            index, position = read_int(block, position, 7)
        elif first & 0x60:
            return [], False
        else:
            index, position = read_int(block, position, 4)
            if not index:
                named, position = read_int(block, position, 7)
                position += named
            coded = block[position] & 0x80
            size, position = read_int(block, position, 7)
            if coded:
                size, position = -1, position + size
        fields.append((block[start:position], size))
        position += max(size, 0)
        stateless = stateless and index <= len(STATIC)
    return fields, stateless


class Template:
    """Headers of blocks that differ only in literal values."""

    __slots__ = ("_gaps", "_headers", "_match", "_names", "_never")

    def __init__(self, fields: list[Field], headers: list[Header]) -> None:
        pattern = b"".join([re.escape(one) + (b"(.{%d})" % size if size >= 0 else b"") for one, size in fields])
        self._match = _compiled(pattern).fullmatch
        self._headers = headers
        self._gaps = [at for at, (_, size) in enumerate(fields) if size >= 0]
        self._names = [headers[at][0] for at in self._gaps]
        self._never = [headers[at][2] for at in self._gaps]

    def read(self, buffer: bytes, start: int, stop: int) -> list[Header] | None:
        """The headers, or None when the block is another."""
        found = self._match(buffer, start, stop)
        if found is None:
            return None
        headers = self._headers.copy()
        for at, header in zip(self._gaps, zip(self._names, found.groups(), self._never, strict=False), strict=False):
            headers[at] = header
        return headers


@lru_cache(256)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


class Reader:
    """A decoder that remembers outlines by length. It learns less when blocks seldom repeat, and then costs nothing."""

    __slots__ = ("_decode", "_hits", "_lessons", "_templates")

    def __init__(self, decoder: Decoder) -> None:
        self._decode = decoder.decode
        self._templates: dict[int, Template] = {}
        self._lessons, self._hits = LESSONS, 0

    def read(self, buffer: bytes, start: int, stop: int) -> list[Header]:
        """The headers of the block at start..stop; raises what the decoder raises."""
        template = self._templates.get(stop - start)
        headers = template.read(buffer, start, stop) if template is not None else None
        if headers is not None:
            self._hits += 1
            return headers
        block = buffer[start:stop]
        headers = self._decode(block, True)
        if self._lessons:
            self._learn(block, headers)
        else:
            self._templates.clear()
        return headers

    def forget(self) -> None:
        """The table may have changed otherwise."""
        self._templates.clear()

    def _learn(self, block: bytes, headers: list[Header]) -> None:
        self._lessons = min(LESSONS, self._lessons - 1 + self._hits // HITS_A_LESSON)
        self._hits = 0
        fields, _ = outline(block)
        if fields:
            self._templates[len(block)] = Template(fields, headers)
        else:
            self._templates.clear()
