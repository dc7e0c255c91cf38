"""Header blocks alike, read by one pattern: what differs is a literal's value, and no dynamic table changes.

A block that was decoded teaches its outline; one that matches it needs no decoder. The rest goes to the decoder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import Final

from pushwarden.http2.frames import END_HEADERS, END_STREAM, HEADERS
from pushwarden.http2.hpack import STATIC, Decoder, Header, read_int

STATUS_200: Final = b"\x88"
LESSONS: Final = 32
HITS_A_LESSON: Final = 64
_ODD_STREAM: Final = b"[\\x00-\\x7f][\\x00-\\xff]{2}[%b]" % b"".join([b"\\x%02x" % odd for odd in range(1, 256, 2)])

Field = tuple[bytes, int]
"""Octets that stay the same, and how many octets of any value follow them; -1 for none."""


class Shape:
    """Frames HEADERS with END_STREAM that say 200 and differ only in stream and values, many at once."""

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


def shape_of(block: bytes) -> Shape | None:
    """The shape of a decoded block, or None when it says no 200 or means something else with another table."""
    fields, stateless = outline(block)
    if not stateless or block[:1] != STATUS_200:
        return None
    return _shape(len(block), b"".join([re.escape(octets) + b".{%d}" % max(size, 0) for octets, size in fields]))


_shape = lru_cache(64)(Shape)


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
