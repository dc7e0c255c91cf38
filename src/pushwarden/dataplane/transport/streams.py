"""6 streams: one TLS connection to a provider. Feeds bytes to the sans-IO connection and does what it says."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Sequence
from typing import Any, Protocol, cast

from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Accepted, Answer, Broken, Event, GoneAway, PingAcked, Requests
from pushwarden.providers.port import Authorization, Facts

SMOOTHING = 0.2
_numbers = itertools.count(1)


class Listener(Protocol):
    """Who hears of a link's events. Called in the event loop, never re-entered."""

    def heard(self, link: Link, events: Sequence[Event]) -> None: ...
    def closed(self, link: Link, reason: str, *, refused: bool) -> None:
        """refused: the peer ended it in the handshake or with a TLS alert, which points at the client certificate."""
        ...


class Link(asyncio.Protocol):
    """One connection. `room` is how many requests it takes now; after `retire` it takes none and ends when answered."""

    def __init__(self, facts: Facts, authorization: Authorization, authority: bytes, listener: Listener) -> None:
        self.number = next(_numbers)
        self.facts, self.authorization, self.authority = facts, authorization, authority
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self.opened_at = self._loop.time()
        # Nothing is written before the peer's SETTINGS: with TLS 1.3 a refused client certificate shows only by then
        # (F13), and what had been written would end unknown though nobody read it.
        self.connection = ClientConnection(now=self.opened_at, assumed_streams=0)
        self.reply_time = 0.005
        self._transport: asyncio.Transport | None = None
        self._full = False
        self._retired = self._broken = False
        self._pings: dict[bytes, asyncio.Future[None]] = {}
        self._sent_pings: dict[bytes, int] = {}  # PINGs without acknowledgement → requests written before them
        self._read = 0  # requests the peer has read: it acknowledged a PING sent after them
        self._row_of_pings = 0  # PINGs since the last request
        self._probe: float | None = None
        self._end = ""
        self._owing_since = self.opened_at
        self.answers = 0

    def __repr__(self) -> str:
        state = "closed" if self._transport is None else "retired" if self._retired else "open"
        return f"<link {self.number} {self.authority.decode()} {state}: {self.in_flight}/{self.streams} streams>"

    # --- what the pool reads

    @property
    def room(self) -> int:
        return self.connection.capacity() if self.usable else 0

    @property
    def in_flight(self) -> int:
        return self.connection.open_streams

    @property
    def streams(self) -> int:
        return self.connection.max_streams

    def owes(self, now: float) -> float:
        """Seconds for which it has had requests and given no answer."""
        return now - self._owing_since if self.connection.open_streams else 0.0

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._full and not self._retired and not self.connection.draining

    @property
    def retired(self) -> bool:
        """Whether its end is ours to answer for."""
        return self._retired

    # --- what the pump does

    def submit(self, requests: Requests, start: int, stop: int, tag: Any, deadline: float) -> int:
        """Writes rows from `start`, as many as it takes; how many that were. deadline: loop time."""
        if not self.connection.open_streams:
            self._owing_since = self._loop.time()
        written = self.connection.submit(requests, start, stop, tag, deadline)
        if written:
            self._row_of_pings = 0
        self._flush()
        return written

    async def barrier(self) -> None:
        """Returns when the peer has read everything written so far: it acknowledged a PING sent after it.

        One PING serves all who ask while nothing more is written: a peer may count them (`Facts.pings_in_row`).
        """
        if self._transport is None or self._read >= self.connection.written:
            return
        opaque = self._last_ping()
        if opaque is None:
            opaque = self._ping()
        answered = self._pings.setdefault(opaque, self._loop.create_future())
        await asyncio.shield(answered)

    def retire(self) -> None:
        """Takes no more requests; closes when the last answer is in."""
        self._retired = True
        self._close_when_idle()

    def abort(self, reason: str) -> int:
        """Ends it at once, unsent bytes dropped (SO_LINGER 0). How many requests had no answer."""
        named = self.in_flight
        if self._transport is not None:
            self._end = reason
            self._transport.abort()
            self._lost(refused=False)
        return named

    def tick(self) -> None:
        """Deadlines, and the PING that finds a silent peer (F6), be it before its SETTINGS. A few times a second."""
        if self._transport is None:
            return
        now = self._loop.time()
        late = self.connection.tick(now)
        self._flush()
        if late:
            self._listener.heard(self, late)
        if not self.in_flight and self.connection.settled:
            self._probe = None
            return
        if self._probe is not None and self.connection.last_inbound >= self._probe:
            self._probe = None
        if self._probe is None:
            if now - self.connection.last_inbound >= self.facts.ping_after and self._may_probe():
                self._probe = now
                self._ping()
        elif now - self._probe >= self.facts.ping_timeout:
            self.abort(f"No answer to PING within {self.facts.ping_timeout:g} s.")

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's TLS transport is none by class
        self._flush()

    def data_received(self, data: bytes) -> None:
        settled = self.connection.settled
        events = self.connection.receive(data, self._loop.time())
        self._flush()
        if events or settled != self.connection.settled:
            self._watch(events)
            self._listener.heard(self, events)
        if self._broken:
            self.abort(self._end)
        elif self._retired or self.connection.draining:
            self._close_when_idle()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._listener.heard(self, ())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._end = self._end or (str(exc) if exc else "The peer closed the connection.")
            self._lost(refused=isinstance(exc, ssl.SSLError) and self.answers == 0)

    # --- inside

    def _flush(self) -> None:
        out = self.connection.take_output()
        if out and self._transport is not None:
            self._transport.write(out)

    def _may_probe(self) -> bool:
        """The last PING of a row is kept for a stop."""
        return not self.facts.pings_in_row or self._row_of_pings < self.facts.pings_in_row - 1

    def _ping(self) -> bytes:
        opaque = next(_numbers).to_bytes(8, "big")
        self._sent_pings[opaque] = self.connection.written
        self._row_of_pings += 1
        self.connection.ping(opaque)
        self._flush()
        return opaque

    def _last_ping(self) -> bytes | None:
        """A PING under way that was sent after the last request."""
        return next((ping for ping, after in self._sent_pings.items() if after == self.connection.written), None)

    def _pong(self, opaque: bytes) -> None:
        self._read = max(self._read, self._sent_pings.pop(opaque, 0))
        waiting = self._pings.pop(opaque, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _watch(self, events: Sequence[Event]) -> None:
        """What the link itself learns: reply time, acknowledged PINGs, the peer's farewell."""
        now = self._loop.time()
        for event in events:
            if isinstance(event, Accepted | Answer):
                self._owing_since = now
            if isinstance(event, Accepted):
                self.answers += len(event.rows)
                self.reply_time += SMOOTHING * (now - event.tag.at - self.reply_time)
            elif isinstance(event, PingAcked):
                self._pong(event.opaque)
            elif isinstance(event, GoneAway):
                self._end = self._end or event.reason
            elif isinstance(event, Broken):
                self._broken, self._end = True, event.detail

    def _close_when_idle(self) -> None:
        if self._transport is not None and not self.in_flight:
            self.connection.close()
            self._flush()
            self._end = self._end or "Retired."
            self._transport.abort()
            self._lost(refused=False)

    def _lost(self, *, refused: bool) -> None:
        self._transport = None
        for waiting in self._pings.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError(self._end))
        events = [*self.connection.lost()]
        if events:
            self._listener.heard(self, events)
        self._listener.closed(self, self._end, refused=refused)
