"""Frames of RFC 9113 §6: constants, builders and the checks that one frame can answer by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_SIZE: Final = 9
READ_HEAD: Final = Struct(">IBI").unpack_from  # (length << 8 | type), flags, stream
READ_U32: Final = Struct(">I").unpack_from
MAX_STREAM: Final = 2**31 - 1
MAX_WINDOW: Final = 2**31 - 1
DEFAULT_WINDOW: Final = 65_535
DEFAULT_FRAME: Final = 16_384
MAX_FRAME: Final = 2**24 - 1

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

ACK: Final = 0x1
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITISED: Final = 0x20


class Setting(IntEnum):
    """RFC 9113 §6.5.2."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Code(IntEnum):
    """Error codes, RFC 9113 §7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Violation(Exception):
    """The peer broke the protocol: end the connection with this code."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame; the caller keeps the payload within the peer's maximum."""
    return b"%b%c%c%b%b" % (len(payload).to_bytes(3, "big"), kind, flags, stream.to_bytes(4, "big"), payload)


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    payload = b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values)
    return frame(SETTINGS, 0, 0, payload)


SETTINGS_ACK: Final = frame(SETTINGS, ACK, 0, b"")


def ping(opaque: bytes, *, ack: bool = False) -> bytes:
    """PING with 8 opaque bytes; ValueError for any other number."""
    if len(opaque) != 8:
        raise ValueError("a PING carries exactly 8 bytes")
    return frame(PING, ACK if ack else 0, 0, opaque)


def reset(stream: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last_stream: int, code: int, debug: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, 0, last_stream.to_bytes(4, "big") + code.to_bytes(4, "big") + debug)


def window_update(stream: int, credit: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, credit.to_bytes(4, "big"))


def header_frames(stream: int, block: bytes, flags: int, max_frame: int) -> bytes:
    """HEADERS, followed by CONTINUATIONs when the block is longer than a frame. flags: END_STREAM or 0."""
    if len(block) <= max_frame:
        return frame(HEADERS, flags | END_HEADERS, stream, block)
    out = [frame(HEADERS, flags, stream, block[:max_frame])]
    for start in range(max_frame, len(block), max_frame):
        last = END_HEADERS if start + max_frame >= len(block) else 0
        out.append(frame(CONTINUATION, last, stream, block[start : start + max_frame]))
    return b"".join(out)


def unpadded(payload: bytes, flags: int) -> bytes:
    """The payload of DATA or HEADERS without padding and priority fields (§6.1, §6.2)."""
    start = stop = 0
    if flags & PADDED:
        if not payload:
            raise Violation(Code.FRAME_SIZE_ERROR, "a padded frame has no pad length")
        start, stop = 1, payload[0]
    if flags & PRIORITISED:
        start += 5
    if start + stop > len(payload):
        raise Violation(Code.PROTOCOL_ERROR, "the padding is longer than its frame")
    return payload[start : len(payload) - stop]


def need_size(payload: bytes, size: int, what: str) -> None:
    if len(payload) != size:
        raise Violation(Code.FRAME_SIZE_ERROR, f"{what} has {len(payload)} bytes instead of {size}")


def need_stream(stream: int, what: str) -> None:
    if not stream:
        raise Violation(Code.PROTOCOL_ERROR, f"{what} on stream 0")


def need_connection(stream: int, what: str) -> None:
    if stream:
        raise Violation(Code.PROTOCOL_ERROR, f"{what} on stream {stream} instead of 0")


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """(setting, value) in order; Violation for a value that RFC 9113 §6.5.2 forbids."""
    if len(payload) % 6:
        raise Violation(Code.FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")
    for at in range(0, len(payload), 6):
        key, value = int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
        if key == Setting.INITIAL_WINDOW_SIZE and value > MAX_WINDOW:
            raise Violation(Code.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is above 2^31-1")
        if key == Setting.MAX_FRAME_SIZE and not DEFAULT_FRAME <= value <= MAX_FRAME:
            raise Violation(Code.PROTOCOL_ERROR, f"MAX_FRAME_SIZE {value} is out of range")
        if key == Setting.ENABLE_PUSH and value > 1:
            raise Violation(Code.PROTOCOL_ERROR, f"ENABLE_PUSH {value} is neither 0 nor 1")
        yield key, value
