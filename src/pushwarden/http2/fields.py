"""Header fields as HPACK literals (RFC 7541 §6.2): stateless, no Huffman code, nothing enters a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pushwarden.http2.hpack import STATIC

STATIC_INDEX: Final = {entry: index for index, entry in reversed(list(enumerate(STATIC, 1)))}
NAME_INDEX: Final = {name: index for index, (name, _) in reversed(list(enumerate(STATIC, 1)))}
INDEXED: Final = 0x80
INCREMENTAL: Final = 0x40
UNINDEXED: Final = 0x00
TABLE_SIZE: Final = 0x20


def integer(value: int, prefix: int, first: int = 0) -> bytes:
    """An integer with a prefix of so many bits; `first` holds the bits above it (§5.1)."""
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes((first | value,))
    out, value = bytearray((first | limit,)), value - limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(octets: bytes) -> bytes:
    return integer(len(octets), 7) + octets


def named(name: bytes, kind: int = UNINDEXED) -> bytes:
    """The beginning of a literal up to its value: the name by static index where it has one."""
    index = NAME_INDEX.get(name, 0)
    head = integer(index, 6 if kind == INCREMENTAL else 4, kind)
    return head if index else head + string(name)


def encode_block(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block that any decoder state reads alike: static indices and literals without indexing."""
    return b"".join(
        [
            integer(STATIC_INDEX[header], 7, INDEXED)
            if header in STATIC_INDEX
            else named(header[0]) + string(header[1])
            for header in headers
        ]
    )
