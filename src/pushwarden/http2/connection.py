"""What both ends of a connection do alike: cut bytes into frames, check their order, keep SETTINGS, PING and credit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from pushwarden.http2 import frames
from pushwarden.http2.frames import HEAD_SIZE, READ_HEAD, Code, Setting, Violation
from pushwarden.http2.hpack import Decoder, Header, violation
from pushwarden.http2.messages import Broken
from pushwarden.http2.windows import Inbox, Outbox

MAX_BLOCK: Final = 65_536


class Connection(ABC):
    """Feed bytes, take output. A subclass answers the `_on_*` calls and may read runs of usual frames by itself."""

    def __init__(self, decoder: Decoder, inbox: Inbox) -> None:
        self._decoder = decoder
        self._decode = decoder.decode
        self._inbox = inbox
        self._outbox = Outbox()
        self._out: list[bytes] = []
        self._rest = b""
        self._block: tuple[int, int, bytearray] | None = None  # stream, flags and octets until END_HEADERS
        self.settled = False  # the peer's SETTINGS have come
        self.broken: Broken | None = None

    def take_output(self) -> bytes:
        """Everything to write now."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def ping(self, opaque: bytes) -> None:
        """Queue a PING with these 8 bytes."""
        self._out.append(frames.ping(opaque))

    # -- for the subclass

    def _run(self, buffer: bytes, position: int) -> int:
        """Read usual frames quickly from here; the position of the first that is not one."""
        return position

    @abstractmethod
    def _last_stream(self) -> int:
        """For our GOAWAY."""

    @abstractmethod
    def _is_idle(self, stream: int) -> bool:
        """Whether nobody has opened this stream yet."""

    @abstractmethod
    def _on_headers(self, stream: int, flags: int, headers: list[Header]) -> None: ...

    @abstractmethod
    def _on_data(self, stream: int, flags: int, body: bytes, size: int) -> None:
        """body is without padding, size counts it. The connection's credit is already given."""

    @abstractmethod
    def _on_reset(self, stream: int, code: int) -> None: ...

    @abstractmethod
    def _on_setting(self, key: int, value: int) -> None: ...

    @abstractmethod
    def _on_goaway(self, last_stream: int, code: int, debug: bytes) -> None: ...

    @abstractmethod
    def _on_pong(self, opaque: bytes) -> None: ...

    @abstractmethod
    def _is_open(self, stream: int) -> bool:
        """Whether a WINDOW_UPDATE for this stream still matters."""

    def _on_ping(self, opaque: bytes) -> None:
        self._out.append(frames.ping(opaque, ack=True))

    def _on_settings_acked(self) -> None:
        return

    def _on_room(self) -> None:
        """A send window grew, and what waited for it is queued."""
        return

    # -- frames

    def _feed(self, data: bytes) -> None:
        """Any split of the peer's bytes. Afterwards `broken` may be set; then a GOAWAY is queued."""
        try:
            self._rest = self._cut(self._rest + data if self._rest else data)
        except BaseException as error:
            found = error if isinstance(error, Violation) else violation(error)
            if found is None:
                raise
            self._break(found)

    def _break(self, found: Violation) -> None:
        self.broken = Broken(found.code, found.detail)
        self._rest = b""
        self._out.append(frames.goaway(self._last_stream(), found.code, found.detail.encode()))

    def _cut(self, buffer: bytes) -> bytes:
        position, end = 0, len(buffer)
        while True:
            if self.settled and self._block is None:
                position = self._run(buffer, position)
            if end - position < HEAD_SIZE:
                return buffer[position:]
            head, flags, stream = READ_HEAD(buffer, position)
            size, kind = head >> 8, head & 0xFF
            if size > frames.DEFAULT_FRAME:
                raise Violation(Code.FRAME_SIZE_ERROR, f"a frame of {size} bytes is larger than allowed")
            stop = position + HEAD_SIZE + size
            if not self.settled and (kind != frames.SETTINGS or flags & frames.ACK):
                raise Violation(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            if stop > end:
                return buffer[position:]
            self._frame(kind, flags, stream & frames.MAX_STREAM, buffer[position + HEAD_SIZE : stop])
            position = stop

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None and (kind != frames.CONTINUATION or stream != self._block[0]):
            raise Violation(Code.PROTOCOL_ERROR, "another frame between HEADERS and its CONTINUATION")
        match kind:
            case frames.DATA:
                self._need_known(stream, "DATA")
                self._credit(0, self._inbox.take(len(payload)))
                self._on_data(stream, flags, frames.unpadded(payload, flags & frames.PADDED), len(payload))
            case frames.HEADERS:
                frames.need_stream(stream, "HEADERS")
                self._gather(stream, flags, frames.unpadded(payload, flags))
            case frames.CONTINUATION:
                if self._block is None:
                    raise Violation(Code.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
                self._gather(stream, flags & frames.END_HEADERS | self._block[1], payload)
            case frames.SETTINGS:
                self._read_settings(flags, stream, payload)
            case frames.PUSH_PROMISE:
                raise Violation(Code.PROTOCOL_ERROR, "PUSH_PROMISE, which is not allowed")
            case _:
                self._control(kind, flags, stream, payload)

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case frames.RST_STREAM:
                frames.need_size(payload, 4, "RST_STREAM")
                self._need_known(stream, "RST_STREAM")
                self._on_reset(stream, int.from_bytes(payload, "big"))
            case frames.PING:
                frames.need_connection(stream, "PING")
                frames.need_size(payload, 8, "PING")
                if flags & frames.ACK:
                    self._on_pong(payload)
                else:
                    self._on_ping(payload)
            case frames.GOAWAY:
                frames.need_connection(stream, "GOAWAY")
                if len(payload) < 8:
                    raise Violation(Code.FRAME_SIZE_ERROR, "GOAWAY is shorter than 8 bytes")
                last = int.from_bytes(payload[:4], "big") & frames.MAX_STREAM
                self._on_goaway(last, int.from_bytes(payload[4:8], "big"), payload[8:])
            case frames.WINDOW_UPDATE:
                self._window_update(stream, payload)
            case frames.PRIORITY:
                frames.need_stream(stream, "PRIORITY")
                frames.need_size(payload, 5, "PRIORITY")

    def _gather(self, stream: int, flags: int, part: bytes) -> None:
        block = self._block[2] if self._block else bytearray()
        block += part
        if len(block) > MAX_BLOCK:
            raise Violation(Code.ENHANCE_YOUR_CALM, f"a header block of more than {MAX_BLOCK} bytes")
        if not flags & frames.END_HEADERS:
            self._block = (stream, flags & frames.END_STREAM, block)
            return
        self._block = None
        self._on_headers(stream, flags, self._read(bytes(block)))

    def _read(self, block: bytes) -> list[Header]:
        return self._decode(block, True)

    def _read_settings(self, flags: int, stream: int, payload: bytes) -> None:
        frames.need_connection(stream, "SETTINGS")
        if flags & frames.ACK:
            frames.need_size(payload, 0, "the acknowledgement of SETTINGS")
            self._on_settings_acked()
            return
        for key, value in frames.read_settings(payload):
            if key == Setting.INITIAL_WINDOW_SIZE:
                self._outbox.resize(value)
            elif key == Setting.MAX_FRAME_SIZE:
                self._outbox.max_frame = value
            else:
                self._on_setting(key, value)
        self.settled = True
        self._out += [frames.SETTINGS_ACK, self._outbox.flush()]
        self._on_room()

    def _window_update(self, stream: int, payload: bytes) -> None:
        frames.need_size(payload, 4, "WINDOW_UPDATE")
        count = int.from_bytes(payload, "big") & frames.MAX_WINDOW
        if stream:
            self._need_known(stream, "WINDOW_UPDATE")
        if not count:
            raise Violation(Code.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
        if not stream or self._is_open(stream):
            self._out.append(self._outbox.credit(stream, count))
            self._on_room()

    def _need_known(self, stream: int, what: str) -> None:
        frames.need_stream(stream, what)
        if self._is_idle(stream):
            raise Violation(Code.PROTOCOL_ERROR, f"{what} on stream {stream}, which is idle")

    def _credit(self, stream: int, count: int) -> None:
        if count:
            self._out.append(frames.window_update(stream, count))
