"""The bytes of a fence file: a header page, then slots. One slot is one stopped scope with its check sum."""

from __future__ import annotations

import os
import secrets
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from pushwarden.core.errors import PushwardenError
from pushwarden.core.scope import Scope
from pushwarden.ports.fence import Stop

MAGIC = b"PWFENCE1"
SLOTS = 1024
SLOT_BYTES = 256
HEADER_BYTES = 4096
FILE_BYTES = HEADER_BYTES + SLOTS * SLOT_BYTES
GENERATION = 1
"""Index of the generation among the file's 64-bit words."""

_HEADER = struct.Struct("=8sQII")  # magic, generation, slots, bytes a slot; their CRC (generation as 0) follows
_SLOT = struct.Struct("=QQqIH")  # state, sequence, at_ms, CRC, length of the key that follows
_STOPPED = int.from_bytes(b"STOPPED!", "little")
KEY_BYTES = SLOT_BYTES - _SLOT.size


class FenceDamaged(PushwardenError):
    """The fence file is damaged, so nothing may be sent."""

    code, status = "fence_damaged", 503


def offset(index: int) -> int:
    return HEADER_BYTES + index * SLOT_BYTES


def pack(stop: Stop) -> bytes:
    """The 256 bytes of a slot. The key must fit KEY_BYTES."""
    key = stop.scope.key.encode()
    crc = _crc(stop.sequence, stop.at_ms, key)
    return (_SLOT.pack(_STOPPED, stop.sequence, stop.at_ms, crc, len(key)) + key).ljust(SLOT_BYTES, b"\0")


def unpack(raw: bytes) -> Stop | None:
    """The stop in a written slot; None when state, sum or key are wrong."""
    state, sequence, at_ms, crc, length = _SLOT.unpack_from(raw)
    if state != _STOPPED or crc != _crc(sequence, at_ms, raw[_SLOT.size : _SLOT.size + length]):
        return None
    scope = readable_scope(raw)
    return Stop(scope, sequence, at_ms) if scope else None


def readable_scope(raw: bytes) -> Scope | None:
    """The scope a slot names, whatever its sum says; None when the key is not a scope."""
    length = _SLOT.unpack_from(raw)[-1]
    key = raw[_SLOT.size : _SLOT.size + length]
    if len(key) != length or b"\0" in key:
        return None
    try:
        return Scope.parse(key.decode())
    except ValueError:
        return None


def create(path: Path, stops: Sequence[Stop] = ()) -> None:
    """Makes the file whole, with these stops, or not at all; one that exists already stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        slots = b"".join(pack(stop) for stop in stops[:SLOTS])
        os.write(fd, _header() + slots.ljust(FILE_BYTES - HEADER_BYTES, b"\0"))
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(draft, path)  # unlike a rename it never replaces a file that others have mapped
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check(path: Path, header: bytes, size: int) -> None:
    """FenceDamaged, with what to do, unless these are the header and size of a fence file."""
    if size == FILE_BYTES and header[:8] + bytes(8) + header[16:] == _header():
        return
    what = f"it has {size} bytes instead of {FILE_BYTES}" if size != FILE_BYTES else "its header is not a fence's"
    raise FenceDamaged(
        f"The fence file {path} is damaged ({what}), so nothing may be sent. Stop Pushwarden, move the file away and "
        "start again: it is made anew from the stops in the database."
    )


def _crc(sequence: int, at_ms: int, key: bytes) -> int:
    return zlib.crc32(key, zlib.crc32(struct.pack("=QqH", sequence, at_ms, len(key))))


def _header() -> bytes:
    fields = _HEADER.pack(MAGIC, 0, SLOTS, SLOT_BYTES)
    return (fields + struct.pack("=I", zlib.crc32(fields))).ljust(HEADER_BYTES, b"\0")
