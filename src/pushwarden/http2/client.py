"""A sans-IO HTTP/2 client connection for many small POSTs: batches out in one buffer, answers back in columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pushwarden.http2 import frames
from pushwarden.http2.answers import STREAM_WINDOW, Partial, reason_of, status_of
from pushwarden.http2.batches import ANSWERING, ENDED, Batch, Batches
from pushwarden.http2.connection import Connection
from pushwarden.http2.encoder import Encoder, Piece
from pushwarden.http2.frames import HEAD_SIZE, READ_HEAD, Code, Setting, Violation
from pushwarden.http2.hpack import Header, decoder
from pushwarden.http2.messages import Accepted, Answer, Cell, Event, GoneAway, PingAcked, Requests, Unanswered, Why
from pushwarden.http2.rows import block_parts, body_of, interleave, octets_of, whole_rows, write_rows
from pushwarden.http2.shapes import LESSONS, STATUS_200, Shape, data_after, outline, shape_of
from pushwarden.http2.windows import Inbox

CONNECTION_WINDOW: Final = 1 << 24
WHOLE_HEADERS: Final = frames.END_HEADERS | frames.END_STREAM
WORTH: Final = 16  # answers of one shape in a run, after which it is worth learning another
PLAIN_DATA: Final = (0, frames.END_STREAM)
STATUS_HEADER: Final = (b":status", b"200", False)


class ClientConnection(Connection):
    """submit() rows, take_output(), receive() → events, tick() at next_deadline(), lost() when the transport ended.

    assumed_streams holds until the peer's SETTINGS come; most_streams where they name no limit. whole: a 200 is an
    Answer with its body like any other, not a row of Accepted.
    Times are seconds of the caller's clock. Every submitted row ends in exactly one event's rows.
    """

    def __init__(
        self,
        *,
        now: float,
        assumed_streams: int = 1,
        most_streams: int = 1000,
        first_stream: int = 1,
        pure: bool = False,
        whole: bool = False,
    ) -> None:
        super().__init__(decoder(pure=pure), Inbox(CONNECTION_WINDOW))
        self._whole = whole
        self.max_streams = assumed_streams
        self.draining = False
        self.last_inbound = now
        self.written = 0
        self._most_streams = most_streams
        self._next = first_stream
        self._closed = self._starved = self._limit_named = False
        self._earliest: float | None = None
        self._encoder = Encoder()
        self._batches = Batches()
        self._answers: dict[int, Partial] = {}
        self._shape: Shape | None = None
        self._lessons = LESSONS
        self._accepted: dict[int, tuple[Any, list[int]]] = {}
        self._events: list[Event] = []
        self._out.append(
            frames.PREFACE
            + frames.settings([(Setting.ENABLE_PUSH, 0), (Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW)])
            + frames.window_update(0, CONNECTION_WINDOW - frames.DEFAULT_WINDOW)
        )

    @property
    def open_streams(self) -> int:
        return self._batches.open

    def capacity(self) -> int:
        """How many requests may be written now; 0 when draining, broken, closed or waiting for a window."""
        if self.draining or self._closed or self.broken or (self._starved and self._batches.open):
            return 0
        ids = (frames.MAX_STREAM - self._next) // 2 + 1
        return max(0, min(self.max_streams - self._batches.open, ids))

    # -- requests

    def submit(self, requests: Requests, start: int, stop: int, tag: Any, deadline: float) -> int:
        """Write rows start..stop as far as streams and windows allow; how many were written (from start on)."""
        stop = min(stop, start + self.capacity())
        row, first = start, self._next
        layout = self._encoder.layout(requests) if row < stop else None
        while layout is not None and row < stop:
            whole = whole_rows(requests.body, row, stop, self._outbox)
            if not whole and not self._may_split(requests.body, row, alone=row == start and not self._batches.open):
                self._starved = True
                break
            pieces, changed = self._encoder.block(layout)
            count = min(whole, 1) if changed else whole
            octets = (
                write_rows(requests, row, row + count, self._next, pieces, self._outbox.max_frame) if count else b""
            )
            if octets:
                self._out.append(octets)
                self._outbox.window -= octets_of(requests.body, row, row + count)
            else:
                count = 1
                self._write_large(requests, row, pieces)
            self._next += 2 * count
            row += count
        if row > start:
            self._batches.add(Batch(tag, first, row - start, start, deadline))
            self.written += row - start
            self._earliest = deadline if self._earliest is None else min(deadline, self._earliest)
        return row - start

    def _may_split(self, body: Cell, row: int, *, alone: bool) -> bool:
        """Whether a body that does not fit may start now. One that the connection's window cuts starts only alone."""
        size, window = len(body_of(body, row)), self._outbox.window
        return window > 0 and (alone or min(size, self._outbox.initial) <= window)

    def _write_large(self, requests: Requests, row: int, pieces: Sequence[Piece]) -> None:
        parts, _ = block_parts(requests, row, row + 1, pieces)
        body = body_of(requests.body, row)
        flags = 0 if body else frames.END_STREAM
        block = interleave(1, parts)
        self._out.append(frames.header_frames(self._next, block, flags, self._outbox.max_frame))
        if body:
            self._out.append(self._outbox.send(self._next, body))

    def close(self) -> None:
        """Queue GOAWAY(NO_ERROR) and write nothing new; what is open may still be answered."""
        if not self._closed and not self.broken:
            self._out.append(frames.goaway(0, Code.NO_ERROR))
        self._closed = True

    # -- time

    def next_deadline(self) -> float | None:
        """No deadline passes before this time; None when nothing is open."""
        return self._earliest if self._batches.open else None

    def tick(self, now: float) -> list[Event]:
        """Streams past their deadline are cancelled and reported."""
        if self._earliest is None or now < self._earliest:
            return []
        events: list[Event] = []
        for batch in self._batches:
            if batch.deadline <= now:
                offsets = batch.open_offsets()
                self._out += [frames.reset(batch.first + 2 * offset, Code.CANCEL) for offset in offsets]
                events.append(self._unanswered(batch, offsets, Why.DEADLINE))
        self._earliest = min((batch.deadline for batch in self._batches), default=None)
        return events

    def lost(self) -> list[Event]:
        """The transport ended: everything open is unanswered, and the connection is of no more use."""
        self._closed = True
        return [self._unanswered(batch, batch.open_offsets(), Why.LOST) for batch in self._batches]

    # -- answers

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Any split of the peer's bytes. After Broken nothing more is read: end the transport and call lost()."""
        self.last_inbound = now
        if self.broken:
            return []
        self._feed(data)
        events: list[Event] = [Accepted(tag, rows) for tag, rows in self._accepted.values()]
        events += self._events
        self._accepted.clear()
        self._events.clear()
        if self.broken:
            events.append(self.broken)
        return events

    def _cut(self, buffer: bytes) -> bytes:
        if not self.settled and buffer[:5] == b"HTTP/":
            raise Violation(Code.HTTP_1_1_REQUIRED, "the peer answers in HTTP/1")
        return super()._cut(buffer)

    def _run(self, buffer: bytes, position: int) -> int:
        """Answers of the known shape many at once; other whole HEADERS, and DATA, one by one."""
        end = len(buffer)
        while True:
            if self._shape is not None and not self._outbox.busy:
                run = self._shape.run(buffer, position)
                if run is not None:
                    position, streams = run
                    accepted = self._accept(streams)
                    if accepted >= WORTH:
                        self._lessons = LESSONS
                    if self._shape.data >= 0:
                        self._credit(0, self._inbox.take(accepted * self._shape.data))
            if end - position < HEAD_SIZE:
                return position
            head, flags, stream = READ_HEAD(buffer, position)
            kind, start = head & 0xFF, position + HEAD_SIZE
            stop = start + (head >> 8)
            if stop > end or head >> 8 > frames.DEFAULT_FRAME:
                return position
            if kind == frames.HEADERS and flags | frames.END_STREAM == WHOLE_HEADERS:
                after = None if flags & frames.END_STREAM else data_after(buffer, stop, stream)
                self._on_block(stream, flags, buffer[start:stop], after)
            elif kind == frames.DATA and flags in PLAIN_DATA and not self._is_idle(stream):
                self._credit(0, self._inbox.take(stop - start))
                self._on_data(stream, flags, buffer[start:stop], stop - start)
            else:
                return position
            position = stop

    def _on_block(self, stream: int, flags: int, block: bytes, after: tuple[int, bool] | None) -> None:
        """after: the DATA that follows at once and ends the answer."""
        self._on_headers(stream & frames.MAX_STREAM, flags, self._read(block))
        if self._lessons and block[:1] == STATUS_200 and (after or flags & frames.END_STREAM) and not self._whole:
            self._lessons -= 1
            data, late_end = after or (-1, False)
            self._shape = shape_of(block, data, late_end=late_end) or self._shape

    def _read(self, block: bytes) -> list[Header]:
        if self._shape is not None and not self._shape.stateless and not outline(block)[0]:
            self._shape = None  # the block changes the table, and with it what the shape's octets mean
        return super()._read(block)

    def _accept(self, streams: Iterable[tuple[int]]) -> int:
        """Streams that ended with 200; how many. A batch is looked up only for a stream outside the one before."""
        batch: Batch | None = None
        first = count = start = before = told = 0
        state, rows = bytearray(), list[int]()
        for (stream,) in streams:
            told += 1
            offset = (stream - first) >> 1
            if not 0 <= offset < count or state[offset]:
                if batch is not None:
                    self._batches.ended(batch, len(rows) - before)
                batch, count = self._batches.find(stream), 0
                if batch is None or stream in self._answers:
                    self._on_headers(stream, frames.END_STREAM, [STATUS_HEADER])
                    batch = None
                    continue
                first, count, start, state = batch.first, batch.count, batch.start, batch.state
                rows = self._rows(batch.tag)
                before, offset = len(rows), (stream - first) >> 1
            state[offset] = ENDED
            rows.append(start + offset)
        if batch is not None:
            self._batches.ended(batch, len(rows) - before)
        return told

    def _rows(self, tag: Any) -> list[int]:
        return self._accepted.setdefault(id(tag), (tag, []))[1]

    def _on_headers(self, stream: int, flags: int, headers: list[Header]) -> None:
        self._need_known(stream, "HEADERS")
        batch = self._batches.find(stream)
        if batch is None:
            return
        ends = bool(flags & frames.END_STREAM)
        partial = self._answers.get(stream)
        status = status_of(headers)
        if partial is not None:
            if ends and not status:
                self._end(batch, stream, partial)
            else:
                self._refuse(batch, stream)
        elif status >= 200:
            partial = Partial(status, headers)
            if ends:
                self._end(batch, stream, partial)
            else:
                self._answers[stream] = partial
                batch.state[(stream - batch.first) >> 1] = ANSWERING
        elif ends or not status:
            self._refuse(batch, stream)

    def _on_data(self, stream: int, flags: int, body: bytes, size: int) -> None:
        batch = self._batches.find(stream)
        if batch is None:
            return
        partial = self._answers.get(stream)
        if partial is None:
            self._refuse(batch, stream)
            return
        partial.keep(body)
        if flags & frames.END_STREAM:
            self._end(batch, stream, partial)
        else:
            self._credit(stream, partial.take(size))

    def _end(self, batch: Batch, stream: int, partial: Partial) -> None:
        if self._outbox.waits(stream):
            self._out.append(frames.reset(stream, Code.CANCEL))
        if self._answers or self._outbox.busy:
            self._forget(stream)
        offset = (stream - batch.first) >> 1
        batch.state[offset] = ENDED
        self._batches.ended(batch, 1)
        if partial.status == 200 and not self._whole:
            self._rows(batch.tag).append(batch.start + offset)
        else:
            headers = tuple([(name, value) for name, value, _ in partial.headers[1:]])
            self._events.append(Answer(batch.tag, batch.start + offset, partial.status, headers, partial.body))

    def _refuse(self, batch: Batch, stream: int) -> None:
        """A malformed answer is an error of its stream (RFC 9113 §8.1.1)."""
        self._out.append(frames.reset(stream, Code.PROTOCOL_ERROR))
        self._on_reset(stream, Code.PROTOCOL_ERROR)

    def _on_reset(self, stream: int, code: int) -> None:
        batch = self._batches.find(stream)
        if batch is not None:
            why = Why.UNPROCESSED if code == Code.REFUSED_STREAM else Why.RESET
            self._events.append(self._unanswered(batch, [(stream - batch.first) >> 1], why, code))

    def _unanswered(self, batch: Batch, offsets: list[int], why: Why, code: int = 0) -> Unanswered:
        if self._answers or self._outbox.busy:
            for offset in offsets:
                self._forget(batch.first + 2 * offset)
        return Unanswered(batch.tag, self._batches.end(batch, offsets), why, code)

    def _forget(self, stream: int) -> None:
        self._answers.pop(stream, None)
        self._outbox.forget(stream)

    # -- the connection

    def _on_setting(self, key: int, value: int) -> None:
        if key == Setting.MAX_CONCURRENT_STREAMS:
            self.max_streams, self._limit_named = value, True
        elif key == Setting.HEADER_TABLE_SIZE:
            self._encoder.table.resize(value)
        elif key == Setting.ENABLE_PUSH and value:
            raise Violation(Code.PROTOCOL_ERROR, "a server must not enable push")

    def _on_room(self) -> None:
        self._starved = False
        if not self._limit_named:
            self.max_streams = self._most_streams

    def _on_goaway(self, last_stream: int, code: int, debug: bytes) -> None:
        self.draining = True
        self._events.append(GoneAway(last_stream, code, reason_of(debug), debug))
        for batch in self._batches:
            offsets = batch.open_offsets(above=last_stream)
            if offsets:
                self._events.append(self._unanswered(batch, offsets, Why.UNPROCESSED, code))

    def _on_pong(self, opaque: bytes) -> None:
        self._events.append(PingAcked(opaque))

    def _last_stream(self) -> int:
        return 0

    def _is_idle(self, stream: int) -> bool:
        return not stream & 1 or stream >= self._next

    def _is_open(self, stream: int) -> bool:
        return self._outbox.waits(stream)
