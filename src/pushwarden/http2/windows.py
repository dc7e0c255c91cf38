"""Flow control (RFC 9113 §5.2): what may be sent and what waits (Outbox), what the peer gets back (Inbox)."""

from __future__ import annotations

from collections import deque

from pushwarden.http2.frames import DATA, DEFAULT_FRAME, DEFAULT_WINDOW, END_STREAM, MAX_WINDOW, Code, Violation, frame


class Inbox:
    """Credit for received DATA, given back when half a window is used; `stalled` withholds it for fault scripts."""

    __slots__ = ("size", "stalled", "used")

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self.stalled = False

    def take(self, count: int) -> int:
        """Count so many bytes as received; the credit to give now, often 0. Violation beyond the window."""
        self.used += count
        if self.used > self.size:
            raise Violation(Code.FLOW_CONTROL_ERROR, "the peer sent more than the window allows")
        return self.due() if 2 * self.used >= self.size else 0

    def due(self) -> int:
        """All credit not yet given, which counts as given now; 0 while stalled."""
        if self.stalled:
            return 0
        credit, self.used = self.used, 0
        return credit


class Outbox:
    """Send windows of one connection and the bodies that wait for them.

    A stream that is not known here has the peer's initial window; one that sent a part or was credited has an entry.
    """

    __slots__ = ("_shifts", "_waiting", "initial", "max_frame", "window")

    def __init__(self) -> None:
        self.window = DEFAULT_WINDOW
        self.initial = DEFAULT_WINDOW
        self.max_frame = DEFAULT_FRAME
        self._shifts: dict[int, int] = {}
        self._waiting: dict[int, deque[tuple[bytes, bool]]] = {}

    @property
    def busy(self) -> bool:
        """Some stream has a history, which `forget` must clear when the stream ends."""
        return bool(self._shifts or self._waiting)

    def room(self, stream: int) -> int:
        return self.initial + self._shifts.get(stream, 0)

    def send(self, stream: int, body: bytes, *, end: bool = True) -> bytes:
        """DATA frames for as much as the windows allow now; the rest comes from later calls of `credit` and others."""
        self._waiting.setdefault(stream, deque()).append((body, end))
        return self._advance(stream)

    def waits(self, stream: int) -> bool:
        return stream in self._waiting

    def forget(self, stream: int) -> None:
        """The stream has ended: what waits for it is dropped."""
        self._shifts.pop(stream, None)
        self._waiting.pop(stream, None)

    def credit(self, stream: int, count: int) -> bytes:
        """WINDOW_UPDATE for an open stream, or 0 for the connection; frames that can go now. Violation above 2^31-1."""
        if stream:
            if self.room(stream) + count > MAX_WINDOW:
                raise Violation(Code.FLOW_CONTROL_ERROR, f"the window of stream {stream} overflows")
            self._shifts[stream] = self._shifts.get(stream, 0) + count
            return self._advance(stream) if stream in self._waiting else b""
        if self.window + count > MAX_WINDOW:
            raise Violation(Code.FLOW_CONTROL_ERROR, "the window of the connection overflows")
        self.window += count
        return self.flush()

    def resize(self, initial: int) -> None:
        """The peer's INITIAL_WINDOW_SIZE changed, for open streams too (§6.9.2); `flush` when all settings hold."""
        if self._shifts and initial + max(self._shifts.values()) > MAX_WINDOW:
            raise Violation(Code.FLOW_CONTROL_ERROR, "a stream's window overflows by INITIAL_WINDOW_SIZE")
        self.initial = initial

    def flush(self) -> bytes:
        """DATA frames that can go now."""
        return b"".join([self._advance(stream) for stream in list(self._waiting)]) if self._waiting else b""

    def _advance(self, stream: int) -> bytes:
        queue, out = self._waiting[stream], []
        while queue:
            body, end = queue[0]
            size = max(0, min(len(body), self.window, self.room(stream), self.max_frame))
            if not size and body:
                break
            done = size == len(body)
            out.append(frame(DATA, END_STREAM if end and done else 0, stream, body[:size]))
            self.window -= size
            self._shifts[stream] = self._shifts.get(stream, 0) - size
            if done:
                queue.popleft()
                if end:
                    del self._shifts[stream]
            else:
                queue[0] = (body[size:], end)
        if not queue:
            del self._waiting[stream]
        return b"".join(out)
