"""Rows of requests → frames: constants and columns interleaved by slices, so that no row is an object in Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from pushwarden.http2.encoder import PATH, Piece
from pushwarden.http2.fields import integer
from pushwarden.http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS
from pushwarden.http2.messages import Cell, Requests
from pushwarden.http2.windows import Outbox

Part = bytes | list[bytes]

_PREFIXES: Final = tuple(integer(size, 7) for size in range(4096))
_HEADERS: Final = bytes((HEADERS, END_HEADERS))
_WHOLE_HEADERS: Final = bytes((HEADERS, END_HEADERS | END_STREAM))
_DATA: Final = bytes((DATA, END_STREAM))


def write_rows(
    requests: Requests, start: int, stop: int, first_stream: int, pieces: Sequence[Piece], max_frame: int
) -> bytes:
    """HEADERS and DATA of rows start..stop on consecutive streams; empty when a header block is larger than a frame.

    Every body must fit one frame.
    """
    count = stop - start
    streams = stream_names(first_stream, count)
    block, sizes = block_parts(requests, start, stop, pieces)
    if (sizes if isinstance(sizes, int) else max(sizes)) > max_frame:
        return b""
    if isinstance(requests.body, bytes):
        body: Part = requests.body
        data: Part = size_name(len(requests.body)) + _DATA
    else:
        body = requests.body[start:stop]
        data = [size_name(len(one)) + _DATA for one in body]
    bodiless = body == b""
    kind = _WHOLE_HEADERS if bodiless else _HEADERS
    head: Part = size_name(sizes) + kind if isinstance(sizes, int) else [size_name(size) + kind for size in sizes]
    return interleave(count, [head, streams, *block, *([] if bodiless else [data, streams, body])])


def block_parts(
    requests: Requests, start: int, stop: int, pieces: Sequence[Piece]
) -> tuple[list[Part], int | list[int]]:
    """The header blocks of these rows as parts, and their sizes: one number when all are alike."""
    parts: list[Part] = []
    size, sizes = 0, None
    for piece in pieces:
        if isinstance(piece, bytes):
            parts.append(piece)
            size += len(piece)
            continue
        values = _column(requests.path if piece == PATH else requests.headers[piece][1])[start:stop]
        lengths = list(map(len, values))
        if lengths.count(lengths[0]) == len(lengths):
            prefix = _prefix(lengths[0])
            parts += [prefix, values]
            size += len(prefix) + lengths[0]
        else:
            prefixes = [_prefix(length) for length in lengths]
            parts += [prefixes, values]
            own = [len(prefix) + length for prefix, length in zip(prefixes, lengths, strict=True)]
            sizes = own if sizes is None else [one + two for one, two in zip(sizes, own, strict=True)]
    return parts, size if sizes is None else [size + one for one in sizes]


def interleave(count: int, parts: Sequence[Part]) -> bytes:
    """Row after row, each the concatenation of the parts: constants, or that row of a column."""
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            merged[-1] = last + part
        else:
            merged.append(part)
    width = len(merged)
    slots = [part if isinstance(part, bytes) else b"" for part in merged] * count
    for at, part in enumerate(merged):
        if not isinstance(part, bytes):
            slots[at::width] = part
    return b"".join(slots)


def stream_names(first: int, count: int) -> list[bytes]:
    """Four octets for each of so many streams: first, first + 2, …"""
    return [stream.to_bytes(4, "big") for stream in range(first, first + 2 * count, 2)]


def size_name(size: int) -> bytes:
    return size.to_bytes(3, "big")


def _column(cell: Cell) -> list[bytes]:
    assert not isinstance(cell, bytes)
    return cell


def _prefix(length: int) -> bytes:
    return _PREFIXES[length] if length < len(_PREFIXES) else integer(length, 7)


def whole_rows(body: Cell, start: int, stop: int, outbox: Outbox) -> int:
    """How many rows from start on can be written now with one DATA frame each."""
    largest = min(outbox.initial, outbox.max_frame)
    if isinstance(body, bytes):
        if not body:
            return stop - start
        return min(stop - start, max(0, outbox.window) // len(body)) if len(body) <= largest else 0
    sizes = list(map(len, body[start:stop]))
    if max(sizes) <= largest and sum(sizes) <= outbox.window:
        return len(sizes)
    fits = [size <= largest and total <= outbox.window for size, total in zip(sizes, accumulate(sizes), strict=True)]
    return [*fits, False].index(False)


def body_of(body: Cell, row: int) -> bytes:
    return body if isinstance(body, bytes) else body[row]


def octets_of(body: Cell, start: int, stop: int) -> int:
    """The size of these rows' bodies together."""
    return len(body) * (stop - start) if isinstance(body, bytes) else sum(map(len, body[start:stop]))
