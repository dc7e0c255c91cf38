"""A sans-IO HTTP/2 server connection as strict as a strict server: for simulators and load, columns in and out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushwarden.http2 import frames
from pushwarden.http2.fields import encode_block
from pushwarden.http2.frames import HEAD_SIZE, READ_HEAD, Code, Setting, Violation
from pushwarden.http2.hpack import Header, decoder, violation
from pushwarden.http2.messages import Broken
from pushwarden.http2.windows import Inbox, Outbox

__all__ = ["Heard", "ServerConnection", "encode_block"]

CONNECTION_WINDOW: Final = 1 << 30
MAX_BLOCK: Final = 65_536
KEPT_CUTS: Final = 10_000  # frames may still come for streams that were ended before the client had
PLAIN_HEADERS: Final = frames.END_HEADERS
WHOLE_HEADERS: Final = frames.END_HEADERS | frames.END_STREAM


@dataclass(frozen=True, slots=True)
class Heard:
    """What one receive() brought. streams, headers and bodies are columns of the requests that became complete."""

    streams: list[int] = field(default_factory=list)
    headers: list[list[Header]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)  # streams whose HEADERS arrived, complete or not, in order
    refused: list[int] = field(default_factory=list)  # streams above the limit: reset with REFUSED_STREAM
    resets: list[tuple[int, int]] = field(default_factory=list)  # (stream, code) from the client
    pongs: list[bytes] = field(default_factory=list)  # PING acknowledgements
    goaway: list[tuple[int, int, bytes]] = field(default_factory=list)  # (last stream, code, debug)
    broken: list[Broken] = field(default_factory=list)  # at most one; GOAWAY is queued


@dataclass(slots=True)
class Incoming:
    """A request whose body is not complete."""

    headers: list[Header]
    body: bytearray
    inbox: Inbox


class ServerConnection:
    """receive(bytes) → Heard; respond*(); take_output() → bytes.

    open_streams: requests without a whole answer. pending: those whose body is not complete. Not answered: streams
    above a GOAWAY's last stream.
    """

    def __init__(
        self,
        *,
        max_streams: int = 1000,
        header_table_size: int = 4096,
        initial_window: int = 1 << 20,
        max_header_list: int = 8000,
    ) -> None:
        self.last_stream = 0
        self.open_streams: set[int] = set()
        self.pending: dict[int, Incoming] = {}
        self.drop_ping_acks = False
        self._limit = max_streams
        self._initial_window = initial_window
        self._accepts_up_to = frames.MAX_STREAM
        self._decoder = decoder(max_header_list)
        self._decoder.max_allowed_table_size = max(4096, header_table_size)
        self._decode = self._decoder.decode
        self._outbox = Outbox()
        self._inbox = Inbox(CONNECTION_WINDOW)
        self._cut: set[int] = set()
        self._block: tuple[int, int, bytearray] | None = None
        self._rest = b""
        self._greeted = self._settled = self._broken = False
        self._ending: set[int] = set()  # answered, but a part of the body waits for the client's windows
        self._unacked: deque[dict[int, int]] = deque()
        self._out: list[bytes] = []
        self.settings(
            {
                Setting.HEADER_TABLE_SIZE: header_table_size,
                Setting.MAX_CONCURRENT_STREAMS: max_streams,
                Setting.INITIAL_WINDOW_SIZE: initial_window,
                Setting.MAX_HEADER_LIST_SIZE: max_header_list,
            }
        )
        self._out.append(frames.window_update(0, CONNECTION_WINDOW - frames.DEFAULT_WINDOW))

    # -- what the server does

    def respond(self, stream: int, block: bytes, body: bytes = b"") -> None:
        """Answer with an encoded header block and a body; nothing happens when the client has reset the stream."""
        if stream not in self.open_streams:
            return
        self.send_headers(stream, block, end=not body)
        if body:
            self.send_data(stream, body)

    def respond_many(self, streams: Sequence[int], prefix: bytes, tails: Sequence[bytes] | None = None) -> None:
        """Answer without bodies: block = prefix + tail. Tails are of one length. Reset streams are left out."""
        live = self.open_streams
        if not live.issuperset(streams):
            kept = [row for row, stream in enumerate(streams) if stream in live]
            streams, tails = [streams[row] for row in kept], tails and [tails[row] for row in kept]
        if not streams:
            return
        size = len(prefix) + (len(tails[0]) if tails else 0)
        names = [stream.to_bytes(4, "big") for stream in streams]
        slots = [size.to_bytes(3, "big") + bytes((frames.HEADERS, WHOLE_HEADERS)), b"", prefix, b""] * len(streams)
        slots[1::4] = names
        if tails:
            slots[3::4] = tails
        self._out.append(b"".join(slots))
        live.difference_update(streams)
        if self.pending or self._outbox.busy:
            for stream in streams:
                self._finish(stream)

    def send_headers(self, stream: int, block: bytes, *, end: bool = False) -> None:
        """HEADERS by themselves: interim answers, trailers, answers whose body comes in pieces."""
        self._out.append(frames.header_frames(stream, block, frames.END_STREAM if end else 0, self._outbox.max_frame))
        if end:
            self._finish(stream)

    def send_data(self, stream: int, body: bytes, *, end: bool = True) -> None:
        """DATA as the client's windows allow; the rest follows its WINDOW_UPDATEs."""
        self._out.append(self._outbox.send(stream, body, end=end))
        if end:
            self._ending.add(stream)
            self._finish_sent()

    def reset(self, stream: int, code: int) -> None:
        self._out.append(frames.reset(stream, code))
        self._drop(stream)
        self._cut.add(stream)
        if len(self._cut) > KEPT_CUTS:
            self._cut = {one for one in self._cut if one > self.last_stream - KEPT_CUTS}

    def settings(self, values: Mapping[int, int]) -> None:
        """Send SETTINGS. More streams are in force at once, all else when the client has acknowledged."""
        changes = {int(key): value for key, value in values.items()}
        self._limit = max(self._limit, changes.get(Setting.MAX_CONCURRENT_STREAMS, 0))
        self._unacked.append(changes)
        self._out.append(frames.settings(changes.items()))

    def set_max_streams(self, count: int) -> None:
        self.settings({Setting.MAX_CONCURRENT_STREAMS: count})

    def goaway(self, last_stream: int | None = None, code: int = 0, debug: bytes = b"") -> None:
        """Send GOAWAY; streams above last_stream (by default the last one seen) are dropped and ignored."""
        last = self.last_stream if last_stream is None else last_stream
        self._accepts_up_to = min(self._accepts_up_to, last)
        self._out.append(frames.goaway(last, code, debug))
        for stream in [one for one in self.open_streams if one > last]:
            self._drop(stream)

    def ping(self, opaque: bytes) -> None:
        self._out.append(frames.ping(opaque))

    def stall(self, on: bool) -> None:
        """Withhold WINDOW_UPDATEs, or give at once what was withheld."""
        self._inbox.stalled = on
        for stream, incoming in self.pending.items():
            incoming.inbox.stalled = on
            self._credit(stream, incoming.inbox.due())
        self._credit(0, self._inbox.due())

    def write_raw(self, octets: bytes) -> None:
        """Any bytes, for fault scripts."""
        self._out.append(octets)

    def take_output(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out

    # -- what the client sends

    def receive(self, data: bytes) -> Heard:
        """Any split of the client's bytes. After `broken` everything is ignored."""
        heard = Heard()
        if self._broken:
            return heard
        try:
            self._rest = self._parse(self._greet(self._rest + data if self._rest else data), heard)
        except BaseException as error:
            broken = error if isinstance(error, Violation) else violation(error)
            if broken is None:
                raise
            self._broken = True
            self._out.append(frames.goaway(self.last_stream, broken.code, broken.detail.encode()))
            heard.broken.append(Broken(broken.code, broken.detail))
        return heard

    def _greet(self, buffer: bytes) -> bytes:
        if self._greeted:
            return buffer
        size = len(frames.PREFACE)
        if buffer[:size] != frames.PREFACE[: len(buffer)]:
            raise Violation(Code.PROTOCOL_ERROR, "the client preface is wrong: this port speaks HTTP/2 only")
        self._greeted = len(buffer) >= size
        return buffer[size:] if self._greeted else buffer

    def _parse(self, buffer: bytes, heard: Heard) -> bytes:
        position, end = 0, len(buffer)
        while self._greeted:
            if self._settled and self._block is None:
                position = self._run(buffer, position, heard)
            if end - position < HEAD_SIZE:
                break
            head, flags, stream = READ_HEAD(buffer, position)
            if head >> 8 > frames.DEFAULT_FRAME:
                raise Violation(Code.FRAME_SIZE_ERROR, f"a frame of {head >> 8} bytes")
            stop = position + HEAD_SIZE + (head >> 8)
            if stop > end:
                break
            payload = buffer[position + HEAD_SIZE : stop]
            self._frame(head & 0xFF, flags, stream & frames.MAX_STREAM, payload, heard)
            position = stop
        return buffer[position:]

    def _run(self, buffer: bytes, position: int, heard: Heard) -> int:
        """Read usual requests while they follow one another: HEADERS, then the whole body, on a new stream."""
        end, decode, live, received = len(buffer), self._decode, self.open_streams, 0
        add_stream, add_headers, add_body = heard.streams.append, heard.headers.append, heard.bodies.append
        last, top, largest = self.last_stream, self._accepts_up_to, min(frames.DEFAULT_FRAME, self._initial_window)
        room = self._limit - len(live)
        first = len(heard.streams)
        while end - position > HEAD_SIZE and room > 0:
            head, flags, stream = READ_HEAD(buffer, position)
            middle = position + HEAD_SIZE + (head >> 8)
            if head & 0xFF != 1 or flags != 4 or end - middle < HEAD_SIZE or head >> 8 > largest:
                break
            head2, flags2, stream2 = READ_HEAD(buffer, middle)
            size = head2 >> 8
            stop = middle + HEAD_SIZE + size
            if head2 & 0xFF or flags2 != 1 or stream2 != stream or stop > end or size > largest:
                break
            if not last < stream <= top or not stream & 1:
                break
            add_headers(decode(buffer[position + HEAD_SIZE : middle], True))
            add_stream(stream)
            add_body(buffer[middle + HEAD_SIZE : stop])
            received, last, room, position = received + size, stream, room - 1, stop
        if received or last != self.last_stream:
            self.last_stream = last
            live.update(heard.streams[first:])
            heard.opened.extend(heard.streams[first:])
            self._credit(0, self._inbox.take(received))
        return position

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes, heard: Heard) -> None:
        if self._block is not None and (kind != frames.CONTINUATION or stream != self._block[0]):
            raise Violation(Code.PROTOCOL_ERROR, "another frame between HEADERS and its CONTINUATION")
        if not self._settled and (kind != frames.SETTINGS or flags & frames.ACK):
            raise Violation(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        match kind:
            case frames.DATA:
                self._on_data(flags, stream, payload, heard)
            case frames.HEADERS:
                frames.need_stream(stream, "HEADERS")
                self._on_block(stream, flags, frames.unpadded(payload, flags), heard)
            case frames.CONTINUATION:
                if self._block is None:
                    raise Violation(Code.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
                self._on_block(stream, flags | self._block[1], payload, heard)
            case frames.SETTINGS:
                self._on_settings(flags, stream, payload)
            case frames.PUSH_PROMISE:
                raise Violation(Code.PROTOCOL_ERROR, "PUSH_PROMISE from a client")
            case _:
                self._on_control(kind, flags, stream, payload, heard)

    def _on_control(self, kind: int, flags: int, stream: int, payload: bytes, heard: Heard) -> None:
        match kind:
            case frames.RST_STREAM:
                frames.need_size(payload, 4, "RST_STREAM")
                self._need_known(stream, "RST_STREAM")
                if stream in self.open_streams:
                    heard.resets.append((stream, int.from_bytes(payload, "big")))
                self._drop(stream)
            case frames.PING:
                frames.need_connection(stream, "PING")
                frames.need_size(payload, 8, "PING")
                if flags & frames.ACK:
                    heard.pongs.append(payload)
                elif not self.drop_ping_acks:
                    self._out.append(frames.ping(payload, ack=True))
            case frames.GOAWAY:
                frames.need_connection(stream, "GOAWAY")
                if len(payload) < 8:
                    raise Violation(Code.FRAME_SIZE_ERROR, "GOAWAY is shorter than 8 bytes")
                last, code = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
                heard.goaway.append((last, code, payload[8:]))
            case frames.WINDOW_UPDATE:
                self._on_window_update(stream, payload)
            case frames.PRIORITY:
                frames.need_stream(stream, "PRIORITY")
                frames.need_size(payload, 5, "PRIORITY")

    def _on_settings(self, flags: int, stream: int, payload: bytes) -> None:
        frames.need_connection(stream, "SETTINGS")
        if flags & frames.ACK:
            frames.need_size(payload, 0, "the acknowledgement of SETTINGS")
            if self._unacked:
                self._in_force(self._unacked.popleft())
            return
        for key, value in frames.read_settings(payload):
            if key == Setting.INITIAL_WINDOW_SIZE:
                self._out.append(self._outbox.resize(value))
            elif key == Setting.MAX_FRAME_SIZE:
                self._outbox.max_frame = value
        self._settled = True
        self._out.append(frames.SETTINGS_ACK)
        self._finish_sent()

    def _in_force(self, changes: Mapping[int, int]) -> None:
        for key, value in changes.items():
            if key == Setting.MAX_CONCURRENT_STREAMS:
                self._limit = value
            elif key == Setting.INITIAL_WINDOW_SIZE:
                for incoming in self.pending.values():
                    incoming.inbox.size += value - self._initial_window
                self._initial_window = value
            elif key == Setting.HEADER_TABLE_SIZE:
                self._decoder.max_allowed_table_size = value
                self._decoder.header_table_size = min(value, self._decoder.header_table_size)

    def _on_window_update(self, stream: int, payload: bytes) -> None:
        frames.need_size(payload, 4, "WINDOW_UPDATE")
        count = int.from_bytes(payload, "big") & frames.MAX_WINDOW
        if stream:
            self._need_known(stream, "WINDOW_UPDATE")
        if stream and stream not in self.open_streams:
            return
        if not count:
            raise Violation(Code.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
        self._out.append(self._outbox.credit(stream, count))
        self._finish_sent()

    def _on_block(self, stream: int, flags: int, part: bytes, heard: Heard) -> None:
        block = self._block[2] if self._block else bytearray()
        block += part
        if len(block) > MAX_BLOCK:
            raise Violation(Code.ENHANCE_YOUR_CALM, f"a header block of more than {MAX_BLOCK} bytes")
        if not flags & frames.END_HEADERS:
            self._block = (stream, flags & frames.END_STREAM, block)
            return
        self._block = None
        headers = self._decode(bytes(block), True)
        if stream in self.pending:
            self._on_trailers(stream, flags, heard)
        elif stream > self.last_stream:
            self._on_request(stream, flags, headers, heard)
        elif stream not in self._cut:
            raise Violation(Code.STREAM_CLOSED, f"HEADERS on stream {stream}, which is closed")

    def _on_request(self, stream: int, flags: int, headers: list[Header], heard: Heard) -> None:
        if not stream & 1:
            raise Violation(Code.PROTOCOL_ERROR, f"a client opened stream {stream}")
        self.last_stream = stream
        if stream > self._accepts_up_to:
            self._cut.add(stream)
            return
        if len(self.open_streams) >= self._limit:
            heard.refused.append(stream)
            self.reset(stream, Code.REFUSED_STREAM)
            return
        self.open_streams.add(stream)
        heard.opened.append(stream)
        inbox = Inbox(self._initial_window)
        inbox.stalled = self._inbox.stalled
        self.pending[stream] = Incoming(headers, bytearray(), inbox)
        if flags & frames.END_STREAM:
            self._complete(stream, heard)

    def _on_trailers(self, stream: int, flags: int, heard: Heard) -> None:
        if flags & frames.END_STREAM:
            self._complete(stream, heard)
        else:
            self.reset(stream, Code.PROTOCOL_ERROR)

    def _on_data(self, flags: int, stream: int, payload: bytes, heard: Heard) -> None:
        frames.need_stream(stream, "DATA")
        self._need_known(stream, "DATA")
        self._credit(0, self._inbox.take(len(payload)))
        body = frames.unpadded(payload, flags & frames.PADDED)
        incoming = self.pending.get(stream)
        if incoming is None:
            if stream not in self._cut:
                raise Violation(Code.STREAM_CLOSED, f"DATA on stream {stream}, which is closed")
            return
        credit = incoming.inbox.take(len(payload))
        incoming.body += body
        if flags & frames.END_STREAM:
            self._complete(stream, heard)
        else:
            self._credit(stream, credit)

    def _complete(self, stream: int, heard: Heard) -> None:
        incoming = self.pending.pop(stream)
        heard.streams.append(stream)
        heard.headers.append(incoming.headers)
        heard.bodies.append(bytes(incoming.body))

    def _need_known(self, stream: int, what: str) -> None:
        frames.need_stream(stream, what)
        if stream > self.last_stream:
            raise Violation(Code.PROTOCOL_ERROR, f"{what} on stream {stream}, which is idle")

    def _credit(self, stream: int, count: int) -> None:
        if count:
            self._out.append(frames.window_update(stream, count))

    def _finish(self, stream: int) -> None:
        """The answer is written: a client still sending is told to stop (RFC 9113 §8.1)."""
        if stream in self.pending:
            self.reset(stream, Code.NO_ERROR)
        else:
            self._drop(stream)

    def _finish_sent(self) -> None:
        for stream in [one for one in self._ending if not self._outbox.waits(one)]:
            self._finish(stream)

    def _drop(self, stream: int) -> None:
        if self.pending.pop(stream, None):
            self._cut.add(stream)
        self.open_streams.discard(stream)
        self._ending.discard(stream)
        self._outbox.forget(stream)
