"""The oracle: what a simulator read, in blocks that carry the time (CLOCK_MONOTONIC) at which they were parsed.

File: HEADER, then blocks of BLOCK + payload, little-endian; a block cut short by a kill is not read.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

MAGIC = b"PWFRAMES"
VERSION = 1
HEADER = struct.Struct("<8sHHI")  # magic, version, zero, size of BLOCK
BLOCK = struct.Struct("<BxHIQI4x")  # kind, status or event, connection, monotonic ns, number of records
RECORD = struct.Struct("<QII16s8sHH")  # monotonic ns, connection, stream, apns-id, token hash, status, flags
EVENT = struct.Struct("<q")
FLUSH_BYTES = 1 << 20


class Kind(IntEnum):
    IDS = 1  # counting log: 16 bytes of apns-id a request, all with the block's status
    RECORDS = 2  # full log: one RECORD a request
    EVENT = 3  # one signed number, what it says depends on the event


class Event(IntEnum):
    OPENED = 1
    CLOSED = 2
    GOAWAY = 3  # last-stream-id
    UNFINISHED = 4  # stream whose HEADERS came (then) and whose end did not, written when the connection closes
    REFUSED = 5  # stream above the limit: reset with REFUSED_STREAM
    CERTIFICATE = 6  # the client's: `certificate_number`


class Flag(IntEnum):
    DELAYED = 1  # the script held the answer back
    SCRIPTED = 2  # the script decided the answer, a reset or silence
    UNPROCESSED = 4  # above the last-stream-id of a GOAWAY: read, never processed


@dataclass(frozen=True, slots=True)
class Frame:
    """One request; ns: when its HEADERS were parsed. status: the answer decided then; 0 for none.

    stream, token_hash and flags are zero or empty in a counting log. apns_id: 16 bytes.
    """

    ns: int
    connection: int
    apns_id: bytes
    status: int
    stream: int = 0
    token_hash: bytes = b""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Happened:
    ns: int
    connection: int
    event: Event
    number: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a log holds in all. repeated: apns-ids seen more than once, with how often."""

    frames: int
    distinct: int
    by_status: dict[int, int]
    repeated: dict[bytes, int]
    connections: int
    first_ns: int
    last_ns: int


class Log:
    """Writes blocks in batches of a mebibyte, at `flush` and at `close`."""

    def __init__(self, path: Path | None) -> None:
        self._file: BinaryIO | None = path.open("wb") if path else None
        self._waiting: list[bytes] = []
        self._bytes = 0
        if self._file:
            self._file.write(HEADER.pack(MAGIC, VERSION, 0, BLOCK.size))

    def ids(self, ns: int, connection: int, status: int, ids: bytes) -> None:
        """Adds one block of a counting log; ids: 16 bytes a request."""
        if self._file:
            self._add(BLOCK.pack(Kind.IDS, status, connection, ns, len(ids) >> 4), ids)

    def records(self, ns: int, connection: int, records: bytes) -> None:
        """Adds one block of a full log; records: packed RECORDs."""
        if self._file:
            self._add(BLOCK.pack(Kind.RECORDS, 0, connection, ns, len(records) // RECORD.size), records)

    def event(self, ns: int, connection: int, event: Event, number: int = 0) -> None:
        if self._file:
            self._add(BLOCK.pack(Kind.EVENT, event, connection, ns, 1), EVENT.pack(number))

    def flush(self) -> None:
        if self._file:
            self._file.write(b"".join(self._waiting))
            self._file.flush()
            self._waiting, self._bytes = [], 0

    def close(self) -> None:
        self.flush()
        if self._file:
            self._file.close()
            self._file = None

    def _add(self, head: bytes, payload: bytes) -> None:
        self._waiting += (head, payload)
        self._bytes += len(head) + len(payload)
        if self._bytes > FLUSH_BYTES:
            self.flush()


PAYLOAD = {Kind.IDS: 16, Kind.RECORDS: RECORD.size, Kind.EVENT: EVENT.size}


def blocks(path: Path, start: int = 0) -> Iterator[tuple[Kind, int, int, int, bytes]]:
    """Blocks as (kind, status or event, connection, ns, payload). start: an earlier length of the file after a flush.

    ValueError when it is no log.
    """
    with path.open("rb") as file:
        magic, version, _, _ = HEADER.unpack(file.read(HEADER.size).ljust(HEADER.size, b"\0"))
        if magic != MAGIC or version != VERSION:
            raise ValueError(f"{path.name} is not a frame log of version {VERSION}; make it with this simulator")
        file.seek(max(start, HEADER.size))
        while len(head := file.read(BLOCK.size)) == BLOCK.size:
            kind, status, connection, ns, count = BLOCK.unpack(head)
            payload = file.read(count * PAYLOAD[Kind(kind)])
            if len(payload) < count * PAYLOAD[Kind(kind)]:
                return
            yield Kind(kind), status, connection, ns, payload


def read(path: Path, start: int = 0) -> Iterator[Frame]:
    """Every request of the log, in the order in which it was parsed. start and ValueError: as for `blocks`."""
    for kind, status, connection, ns, payload in blocks(path, start):
        if kind is Kind.IDS:
            for at in range(0, len(payload), 16):
                yield Frame(ns, connection, payload[at : at + 16], status)
        elif kind is Kind.RECORDS:
            for time, number, stream, apns_id, token, answer, flags in RECORD.iter_unpack(payload):
                yield Frame(time, number, apns_id, answer, stream, token, flags)


def events(path: Path) -> Iterator[Happened]:
    """What happened to connections, in order."""
    for kind, event, connection, ns, payload in blocks(path):
        if kind is Kind.EVENT:
            yield Happened(ns, connection, Event(event), EVENT.unpack(payload)[0])


def summarise(path: Path) -> Summary:
    """Counts over a whole log; about 100 bytes of memory a distinct request."""
    by_status: Counter[int] = Counter()
    ids: Counter[bytes] = Counter()
    connections: set[int] = set()
    first, last = 0, 0
    for kind, status, connection, ns, payload in blocks(path):
        if kind is Kind.EVENT:
            continue
        connections.add(connection)
        first, last = first or ns, max(last, ns)
        if kind is Kind.IDS:
            by_status[status] += len(payload) >> 4
            ids.update(payload[at : at + 16] for at in range(0, len(payload), 16))
        else:
            rows = list(RECORD.iter_unpack(payload))
            by_status.update(row[5] for row in rows)
            ids.update(row[3] for row in rows)
    repeated = {key: count for key, count in ids.items() if count > 1}
    return Summary(sum(by_status.values()), len(ids), dict(by_status), repeated, len(connections), first, last)


def certificate_number(der: bytes) -> int:
    """What stands for a client certificate in the log: 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(der).digest()[:8], "big", signed=True)


def frames_after(path: Path, ns: int) -> int:
    """How many requests' HEADERS were parsed after that moment of CLOCK_MONOTONIC, finished or not."""
    headers = {Event.UNFINISHED, Event.REFUSED}
    late = sum(event.ns > ns for event in events(path) if event.event in headers)
    return late + sum(frame.ns > ns for frame in read(path))
