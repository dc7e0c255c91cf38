"""A sans-IO HTTP/2 server connection as strict as a strict server: for simulators and load, columns in and out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushwarden.http2 import frames
from pushwarden.http2.connection import Connection
from pushwarden.http2.fields import encode_block
from pushwarden.http2.frames import HEAD_SIZE, READ_HEAD, Code, Setting, Violation
from pushwarden.http2.hpack import Header, decoder
from pushwarden.http2.messages import Broken
from pushwarden.http2.shapes import Reader
from pushwarden.http2.windows import Inbox

__all__ = ["Heard", "ServerConnection", "encode_block"]

CONNECTION_WINDOW: Final = 1 << 30
KEPT_CUTS: Final = 10_000  # frames may still come for streams that were ended before the client had
PLAIN_HEADERS: Final = frames.HEADERS | frames.END_HEADERS << 8
PLAIN: Final = bytes((frames.HEADERS, frames.END_HEADERS))
MORE_DATA: Final = bytes((frames.DATA, 0))
LAST_DATA: Final = bytes((frames.DATA, frames.END_STREAM))
LAST_EMPTY: Final = bytes(3) + LAST_DATA
WHOLE_HEADERS: Final = bytes((frames.HEADERS, frames.END_HEADERS | frames.END_STREAM))


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
class Partial:
    """A body that is not complete."""

    body: bytearray
    inbox: Inbox


class ServerConnection(Connection):
    """receive(bytes) → Heard; respond*(); take_output() → bytes.

    open_streams: requests without a whole answer. pending: headers of those whose body is not complete.
    idle_pings: PINGs since the last request.
    """

    def __init__(
        self,
        *,
        max_streams: int = 1000,
        header_table_size: int = 4096,
        initial_window: int = 1 << 20,
        max_header_list: int = 8000,
    ) -> None:
        super().__init__(decoder(max_header_list), Inbox(CONNECTION_WINDOW))
        self.last_stream = 0
        self.open_streams: set[int] = set()
        self.pending: dict[int, list[Header]] = {}
        self.drop_ping_acks = False
        self.idle_pings = 0
        self._partial: dict[int, Partial] = {}
        self._cut_off: set[int] = set()
        self._ending: set[int] = set()  # answered, but a part of the body waits for the client's windows
        self._accepts_up_to = frames.MAX_STREAM
        self._limit = max_streams
        self._window = max(initial_window, frames.DEFAULT_WINDOW)
        self._decoder.max_allowed_table_size = max(4096, header_table_size)
        self._reader = Reader(self._decoder)
        self._unacked: deque[dict[int, int]] = deque()
        self._heard = Heard()
        self._greeted = False
        self.settings(
            {
                Setting.HEADER_TABLE_SIZE: header_table_size,
                Setting.MAX_CONCURRENT_STREAMS: max_streams,
                Setting.INITIAL_WINDOW_SIZE: initial_window,
                Setting.MAX_HEADER_LIST_SIZE: max_header_list,
            }
        )
        self._credit(0, CONNECTION_WINDOW - frames.DEFAULT_WINDOW)

    def receive(self, data: bytes) -> Heard:
        """Any split of the client's bytes. After `broken` everything is ignored."""
        self._heard = heard = Heard()
        if self.broken:
            return heard
        self._feed(data)
        if self.broken:
            heard.broken.append(self.broken)
        return heard

    # -- what the server does

    def respond(self, stream: int, block: bytes, body: bytes = b"") -> None:
        """Answer with an encoded header block and a body; nothing happens when the stream is not open any more."""
        if stream not in self.open_streams:
            return
        self.send_headers(stream, block, end=not body)
        if body:
            self.send_data(stream, body)

    def respond_many(self, streams: Sequence[int], prefix: bytes, tails: Sequence[bytes] | None = None) -> None:
        """Answer without bodies: block = prefix + tail. Tails are of one length. Closed streams are left out."""
        live = self.open_streams
        if not live.issuperset(streams):
            kept = [row for row, stream in enumerate(streams) if stream in live]
            streams, tails = [streams[row] for row in kept], tails and [tails[row] for row in kept]
        if not streams:
            return
        size = len(prefix) + (len(tails[0]) if tails else 0)
        slots = [size.to_bytes(3, "big") + WHOLE_HEADERS, b"", prefix, b""] * len(streams)
        slots[1::4] = [stream.to_bytes(4, "big") for stream in streams]
        if tails:
            slots[3::4] = tails
        self._out.append(b"".join(slots))
        if self.pending or self._outbox.busy:
            for stream in streams:
                self._finish(stream)
        live.difference_update(streams)

    def respond_bodies(self, streams: Sequence[int], block: bytes, bodies: Sequence[bytes], *, late_end: bool) -> None:
        """Answer with one block and bodies of one length. late_end: the end comes as a second, empty DATA frame."""
        size, room = len(bodies[0]), min(self._outbox.initial, self._outbox.max_frame)
        live = self.open_streams
        if (
            size > room
            or size * len(streams) > self._outbox.window
            or self._outbox.busy
            or not live.issuperset(streams)
        ):
            for stream, body in zip(streams, bodies, strict=True):
                if stream in live:
                    self.send_headers(stream, block)
                    self.send_data(stream, body, end=not late_end)
                    if late_end:
                        self.send_data(stream, b"")
            return
        head = len(block).to_bytes(3, "big") + PLAIN
        data = block + size.to_bytes(3, "big") + (MORE_DATA if late_end else LAST_DATA)
        step = 7 if late_end else 5
        slots = [head, b"", data, b"", b"", LAST_EMPTY, b""][:step] * len(streams)
        slots[1::step] = slots[3::step] = names = [stream.to_bytes(4, "big") for stream in streams]
        slots[4::step] = bodies
        if late_end:
            slots[6::step] = names
        self._out.append(b"".join(slots))
        self._outbox.window -= size * len(streams)
        if self.pending:
            for stream in streams:
                self._finish(stream)
        live.difference_update(streams)

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
            self._on_room()

    def reset(self, stream: int, code: int) -> None:
        """RST_STREAM; what the client still sends on the stream is ignored."""
        self._out.append(frames.reset(stream, code))
        self._drop(stream)
        self._ignore(stream)

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

    def stall(self, on: bool) -> None:
        """Withhold WINDOW_UPDATEs, or give at once what was withheld."""
        self._inbox.stalled = on
        for stream, partial in self._partial.items():
            partial.inbox.stalled = on
            self._credit(stream, partial.inbox.due())
        self._credit(0, self._inbox.due())

    def write_raw(self, octets: bytes) -> None:
        """Any bytes, for fault scripts."""
        self._out.append(octets)

    # -- what the client sends

    def _cut(self, buffer: bytes) -> bytes:
        if not self._greeted:
            size = len(frames.PREFACE)
            if buffer[:size] != frames.PREFACE[: len(buffer)]:
                raise Violation(Code.PROTOCOL_ERROR, "the client preface is wrong: this port speaks HTTP/2 only")
            if len(buffer) < size:
                return buffer
            self._greeted, buffer = True, buffer[size:]
        return super()._cut(buffer)

    def _run(self, buffer: bytes, position: int) -> int:
        """HEADERS of new streams below every limit, and DATA that is the whole body of one of them."""
        heard, end, pending, received = self._heard, len(buffer), self.pending, 0
        add_stream, add_headers, add_body = heard.streams.append, heard.headers.append, heard.bodies.append
        last, top, largest = self.last_stream, self._accepts_up_to, min(frames.DEFAULT_FRAME, self._window)
        opened, room = heard.opened.append, self._limit - len(self.open_streams)
        first, read = len(heard.opened), self._reader.read
        while end - position > HEAD_SIZE:
            head, flags, stream = READ_HEAD(buffer, position)
            start = position + HEAD_SIZE
            stop = start + (head >> 8)
            if stop > end or head >> 8 > largest:
                break
            if head & 0xFF == 1 and flags == 4 and last < stream <= top and stream & 1 and room > 0:
                pending[stream] = read(buffer, start, stop)
                opened(stream)
                last, room = stream, room - 1
            elif not head & 0xFF and flags == 1 and stream in pending and stream not in self._partial:
                add_stream(stream)
                add_headers(pending.pop(stream))
                add_body(buffer[start:stop])
                received += head >> 8
            else:
                break
            position = stop
        if last > self.last_stream:
            self.last_stream, self.idle_pings = last, 0
            self.open_streams.update(heard.opened[first:])
        self._credit(0, self._inbox.take(received))
        return position

    def _read(self, block: bytes) -> list[Header]:
        return self._reader.read(block, 0, len(block))

    def _last_stream(self) -> int:
        return self.last_stream

    def _is_idle(self, stream: int) -> bool:
        return stream > self.last_stream

    def _is_open(self, stream: int) -> bool:
        return stream in self.open_streams

    def _on_headers(self, stream: int, flags: int, headers: list[Header]) -> None:
        if stream in self.pending:
            self._on_trailers(stream, flags)
        elif stream > self.last_stream:
            self._on_request(stream, flags, headers)
        elif stream not in self._cut_off:
            raise Violation(Code.STREAM_CLOSED, f"HEADERS on stream {stream}, which is closed")

    def _on_request(self, stream: int, flags: int, headers: list[Header]) -> None:
        if not stream & 1:
            raise Violation(Code.PROTOCOL_ERROR, f"a client opened stream {stream}")
        self.last_stream, self.idle_pings = stream, 0
        if stream > self._accepts_up_to:
            self._ignore(stream)
        elif len(self.open_streams) >= self._limit:
            self._heard.refused.append(stream)
            self.reset(stream, Code.REFUSED_STREAM)
        else:
            self.open_streams.add(stream)
            self._heard.opened.append(stream)
            self.pending[stream] = headers
            if flags & frames.END_STREAM:
                self._complete(stream, b"")

    def _on_trailers(self, stream: int, flags: int) -> None:
        if flags & frames.END_STREAM:
            partial = self._partial.get(stream)
            self._complete(stream, bytes(partial.body) if partial else b"")
        else:
            self.reset(stream, Code.PROTOCOL_ERROR)

    def _on_data(self, stream: int, flags: int, body: bytes, size: int) -> None:
        if stream not in self.pending:
            if stream not in self._cut_off:
                raise Violation(Code.STREAM_CLOSED, f"DATA on stream {stream}, which is closed")
            return
        partial = self._partial.get(stream)
        if partial is None:
            partial = self._partial[stream] = Partial(bytearray(), Inbox(self._window))
            partial.inbox.stalled = self._inbox.stalled
        credit = partial.inbox.take(size)
        partial.body += body
        if flags & frames.END_STREAM:
            self._complete(stream, bytes(partial.body))
        else:
            self._credit(stream, credit)

    def _complete(self, stream: int, body: bytes) -> None:
        self._partial.pop(stream, None)
        self._heard.streams.append(stream)
        self._heard.headers.append(self.pending.pop(stream))
        self._heard.bodies.append(body)

    def _on_reset(self, stream: int, code: int) -> None:
        if stream in self.open_streams:
            self._heard.resets.append((stream, code))
            self._drop(stream)

    def _on_setting(self, key: int, value: int) -> None:
        """Nothing else matters here: answers use no dynamic table."""

    def _on_settings_acked(self) -> None:
        for key, value in self._unacked.popleft().items() if self._unacked else ():
            if key == Setting.MAX_CONCURRENT_STREAMS:
                self._limit = value
            elif key == Setting.INITIAL_WINDOW_SIZE:
                for partial in self._partial.values():
                    partial.inbox.size += value - self._window
                self._window = value
            elif key == Setting.HEADER_TABLE_SIZE:
                self._reader.forget()
                self._decoder.header_table_size = min(self._decoder.header_table_size, value)
                self._decoder.max_allowed_table_size = value  # last: jh2's other setter changes both

    def _on_goaway(self, last_stream: int, code: int, debug: bytes) -> None:
        self._heard.goaway.append((last_stream, code, debug))

    def _on_ping(self, opaque: bytes) -> None:
        self.idle_pings += 1
        if not self.drop_ping_acks:
            super()._on_ping(opaque)

    def _on_pong(self, opaque: bytes) -> None:
        self._heard.pongs.append(opaque)

    def _on_room(self) -> None:
        for stream in [one for one in self._ending if not self._outbox.waits(one)]:
            self._finish(stream)

    def _finish(self, stream: int) -> None:
        """The answer is written: a client that still sends is told to stop (RFC 9113 §8.1)."""
        if stream in self.pending:
            self.reset(stream, Code.NO_ERROR)
        else:
            self._drop(stream)

    def _drop(self, stream: int) -> None:
        self.open_streams.discard(stream)
        self._ending.discard(stream)
        self._outbox.forget(stream)
        self._partial.pop(stream, None)
        if self.pending.pop(stream, None) is not None:
            self._ignore(stream)

    def _ignore(self, stream: int) -> None:
        self._cut_off.add(stream)
        if len(self._cut_off) > KEPT_CUTS:
            self._cut_off = {one for one in self._cut_off if one > self.last_stream - KEPT_CUTS}
