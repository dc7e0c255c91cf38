"""What goes in and comes out of a connection: columns of requests, columns of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Cell = bytes | list[bytes]
"""The same for all rows, or a column with one value a row."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Many POSTs alike. headers: lower-case names without pseudo headers, in wire order.

    Constant headers enter the peer's dynamic table once and cost a byte afterwards; those in `literal` and columns are
    literals without indexing (RFC 7541 §6.2.2).
    """

    count: int
    authority: bytes
    path: Cell
    body: Cell
    headers: tuple[tuple[bytes, Cell], ...] = ()
    literal: frozenset[bytes] = frozenset({b"authorization"})
    method: bytes = b"POST"


class Why(StrEnum):
    """Why a request that was written has no answer."""

    UNPROCESSED = "unprocessed"  # GOAWAY below it or RST_STREAM(REFUSED_STREAM): safe to send again
    RESET = "reset"  # RST_STREAM with another code: unknown
    DEADLINE = "deadline"  # no answer in time; RST_STREAM(CANCEL) was sent: unknown
    LOST = "lost"  # the connection ended first: unknown


@dataclass(frozen=True, slots=True)
class Accepted:
    """Rows of one submitted batch that were answered 200, in the order of arrival."""

    tag: Any
    rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is not 200. body: at most 8 KiB, reassembled; the rest is dropped."""

    tag: Any
    row: int
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    tag: Any
    rows: Sequence[int]
    why: Why
    code: int = 0  # HTTP/2 error code, where there was one


@dataclass(frozen=True, slots=True)
class GoneAway:
    """The peer takes no new streams. reason: from the debug data's JSON, empty when there is none."""

    last_stream: int
    code: int
    reason: str
    debug: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PingAcked:
    opaque: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer broke the protocol (or said so): the connection is of no more use."""

    code: int
    detail: str


Event = Accepted | Answer | Unanswered | GoneAway | PingAcked | Broken
