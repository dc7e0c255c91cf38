"""Who was named by a push to a few: kept with it, so that it can be said long after its shards are gone."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator

from pushwarden.core.device import RAW_AUDIENCE

MOST = 64
"""Recipients; of a push to more, or to a range, nobody's name is kept."""
_HEAD = struct.Struct("<IH")

Named = tuple[int, int, bytes]
"""Audience, how many, members as in NewShard."""


def pack(parts: Iterable[Named]) -> bytes:
    """Eight bytes a recipient: a device's seq, or the beginning of a raw token's SHA-256. Empty when not kept."""
    kept, count = [], 0
    for audience, width, members in parts:
        count += width
        if count > MOST or not members:
            return b""
        kept.append(_HEAD.pack(audience, width))
        kept.append(members if audience != RAW_AUDIENCE else b"".join(map(digest, members.split(b"\n"))))
    return b"".join(kept)


def unpack(packed: bytes) -> Iterator[tuple[int, bytes]]:
    """(audience, eight bytes) each."""
    at = 0
    while at < len(packed):
        audience, count = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        for _ in range(count):
            yield audience, packed[at : at + 8]
            at += 8


def names(packed: bytes, audience: int, seq: int) -> bool | None:
    """Whether the device was named; None when it is not kept who was."""
    return any(one == (audience, seq.to_bytes(8, "little")) for one in unpack(packed)) if packed else None


def names_token(packed: bytes, token: bytes) -> bool | None:
    """Whether the raw token was named; None when it is not kept who was."""
    return any(one == (RAW_AUDIENCE, digest(token)) for one in unpack(packed)) if packed else None


def digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()[:8]
