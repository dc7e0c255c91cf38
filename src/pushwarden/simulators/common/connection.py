"""One connection of a simulator: read a slice, judge it, book it, answer it. A provider says what is its own.

Every slice is stamped with CLOCK_MONOTONIC as it is parsed; its size bounds what one stamp stands for.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from abc import ABC, abstractmethod
from typing import Final, Generic, cast

from pushwarden.http2.hpack import Header
from pushwarden.http2.server import Heard, ServerConnection
from pushwarden.simulators import faults
from pushwarden.simulators.faults import Script
from pushwarden.simulators.log import Event, Flag
from pushwarden.simulators.mischief import Ending, Fate, Mischief

from .batch import Batch, K, R
from .inbox import Stored
from .service import Service

SLICE: Final = 32_768
NO_LINGER: Final = struct.pack("ii", 1, 0)
TICK_S: Final = 0.02
Reply = tuple[int, bytes, R | None, Ending | None]  # stream, name, the refusal, the script's ending


class Connection(asyncio.Protocol, ABC, Generic[K, R]):
    """Made by the listener for each TLS connection."""

    def __init__(self, service: Service) -> None:
        self._base = service
        self.number = next(service.opened)
        self._requests = 0
        self._last_processed = 0
        self._deaf = False
        self._stalled = False
        self._leaving = False
        self._started: dict[int, int] = {}
        self._ticker: asyncio.TimerHandle | None = None

    # -- what a provider says

    @abstractmethod
    def _greet(self, windows: dict[str, int]) -> ServerConnection:
        """The HTTP/2 connection. windows: arguments of the script for it."""

    @abstractmethod
    def _judge(self, heard: Heard) -> Batch[K, R]: ...

    @abstractmethod
    def _accept(self, streams: list[int], names: list[bytes]) -> None: ...

    @abstractmethod
    def _refuse(self, stream: int, name: bytes, refused: R, rule: faults.Refuse | None) -> None:
        """rule: the script's, which may shape the body."""

    @abstractmethod
    def _scripted(self, rule: faults.Refuse) -> R: ...

    @abstractmethod
    def _raw(self, headers: list[Header], body: bytes) -> bytes:
        """The 16 bytes of a request that was not judged."""

    @abstractmethod
    def _stored(self, batch: Batch[K, R], row: int) -> Stored | None:
        """What a phone would get of an accepted request."""

    def _judged(self, batch: Batch[K, R], statuses: dict[int, int]) -> None:
        """Called when a batch is booked and not answered yet; statuses: rows that get no 200."""

    def _farewell(self, reason: str) -> bytes:
        """The debug data of GOAWAY."""
        return json.dumps({"reason": reason}).encode() if reason else b""

    def clock_moved(self) -> None:
        """The service's wall clock went ahead."""

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        service = self._base
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._opened = self._heard_at = service.now()
        self._h2 = self._greet(_windows(service.script, self.number))
        service.connections[self.number] = self
        service.handshakes += 1
        service.ledger.log.event(time.monotonic_ns(), self.number, Event.OPENED)
        self.follow(service.script)
        self._write()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._base.connections.pop(self.number, None):
            self._note_end()
        if self._ticker:
            self._ticker.cancel()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._base.now()
        for at in range(0, len(data), SLICE):
            self._slice(data[at : at + SLICE] if len(data) > SLICE else data)
            self._write()

    def follow(self, script: Script) -> None:
        """Obeys this script from now on."""
        service = self._base
        self._mischief = Mischief(script, self.number, service.loaded, self._opened)
        self._obey(service.now())
        if self._mischief.timed and self._ticker is None:
            self._ticker = self._loop.call_later(TICK_S, self._tick)

    def close(self) -> None:
        """Ends the connection and books its end at once, before the log is closed."""
        self._base.connections.pop(self.number, None)
        self._note_end()
        self._transport.close()

    def _note_end(self) -> None:
        log = self._base.ledger.log
        for stream, ns in self._started.items():
            log.event(ns, self.number, Event.UNFINISHED, stream)
        log.event(time.monotonic_ns(), self.number, Event.CLOSED)

    # -- reading

    def _slice(self, data: bytes) -> None:
        ns = time.monotonic_ns()
        heard = self._h2.receive(data)
        stamps = [ns]
        if self._started or heard.opened != heard.streams:
            stamps = self._headers_stamps(heard, ns)
        if heard.streams:
            self._take(heard, stamps)
        for stream in heard.refused:
            self._base.ledger.log.event(ns, self.number, Event.REFUSED, stream)
        if heard.broken:
            self._leave(0.1)

    def _headers_stamps(self, heard: Heard, ns: int) -> list[int]:
        started = self._started
        started.update((stream, ns) for stream in heard.opened)
        for stream, _ in heard.resets:
            if stream in started:
                self._base.ledger.log.event(started.pop(stream), self.number, Event.UNFINISHED, stream)
        stamps = [started.pop(stream, ns) for stream in heard.streams]
        return [ns] if stamps.count(ns) == len(stamps) else stamps

    def _take(self, heard: Heard, stamps: list[int]) -> None:
        service, mischief = self._base, self._mischief
        first, now = self._requests, service.now()
        self._requests += len(heard.streams)
        leave: faults.GoAway | None = None
        if mischief.timed:
            keep, leave = mischief.processed(now, first, len(heard.streams))
            if keep < len(heard.streams):
                heard = self._cut(heard, keep, stamps[0])
        if heard.streams:
            self._last_processed = max(self._last_processed, *heard.streams)
            batch = self._judge(heard)
            self._finish(batch, self._fates(batch, first, now), stamps[: len(heard.streams)])
        if leave:
            self._go_away(leave)
        if mischief.timed:
            self._once(now)

    def _cut(self, heard: Heard, keep: int, ns: int) -> Heard:
        order = sorted(range(len(heard.streams)), key=heard.streams.__getitem__)
        kept, cut = order[:keep], order[keep:]
        raw = [self._raw(heard.headers[row], heard.bodies[row]) for row in cut]
        self._base.ledger.unprocessed(raw, [heard.streams[row] for row in cut], ns, self.number)
        return Heard(
            [heard.streams[row] for row in kept],
            [heard.headers[row] for row in kept],
            [heard.bodies[row] for row in kept],
        )

    def _fates(self, batch: Batch[K, R], first: int, now: float) -> dict[int, Fate]:
        mischief = self._mischief
        rules = [] if mischief.idle else mischief.on_request(now)
        if not rules:
            return {}
        fates = {}
        for row, kind in enumerate(batch.kinds):
            fate = mischief.fate(rules, first + row + 1, kind.topic, kind.push_type, batch.tokens[row])
            if fate.ending or fate.delay_ms:
                fates[row] = fate
        return fates

    # -- answering

    def _finish(self, batch: Batch[K, R], fates: dict[int, Fate], stamps: list[int]) -> None:
        if any(isinstance(fate.ending, faults.Disconnect) for fate in fates.values()):
            fates = {row: Fate(faults.Disconnect(), 0) for row in range(len(batch.streams))}
        statuses = {row: refused.status for row, refused in batch.refusals.items()}
        flags = {}
        for row, fate in fates.items():
            flags[row] = (Flag.DELAYED if fate.delay_ms else 0) | (Flag.SCRIPTED if fate.ending else 0)
            if fate.ending:
                statuses[row] = fate.ending.status if isinstance(fate.ending, faults.Refuse) else 0
                batch.refusals.pop(row, None)
                if isinstance(fate.ending, faults.Refuse):
                    batch.refusals[row] = self._scripted(fate.ending)
        self._base.ledger.book(batch, statuses, flags, stamps, self.number)
        if self._base.inboxes:
            self._store(batch, statuses)
        self._judged(batch, statuses)
        self._answer(batch, fates, statuses)

    def _answer(self, batch: Batch[K, R], fates: dict[int, Fate], statuses: dict[int, int]) -> None:
        if not statuses and not fates:
            self._accept(batch.streams, batch.names)
            return
        if 0 in fates and isinstance(fates[0].ending, faults.Disconnect):
            self._abort()
            return
        by_delay: dict[int, list[Reply[R]]] = {}
        for row, stream in enumerate(batch.streams):
            fate = fates.get(row)
            reply = (stream, batch.names[row], batch.refusals.get(row), fate.ending if fate else None)
            by_delay.setdefault(fate.delay_ms if fate else 0, []).append(reply)
        for delay, replies in by_delay.items():
            if delay:
                self._loop.call_later(delay / 1000, self._send_later, replies)
            else:
                self._send(replies)

    def _send_later(self, replies: list[Reply[R]]) -> None:
        self._send(replies)
        self._write()

    def _send(self, replies: list[Reply[R]]) -> None:
        good = [reply for reply in replies if reply[2] is None and reply[3] is None]
        if good:
            self._accept([reply[0] for reply in good], [reply[1] for reply in good])
        for stream, name, refused, ending in replies:
            if refused:
                self._refuse(stream, name, refused, ending if isinstance(ending, faults.Refuse) else None)
            elif isinstance(ending, faults.Reset) and stream in self._h2.open_streams:
                self._h2.reset(stream, ending.code)

    def _store(self, batch: Batch[K, R], statuses: dict[int, int]) -> None:
        inboxes, fold, now = self._base.inboxes, self._base.fold, self._loop.time()
        for row, token in enumerate(batch.tokens):
            inbox = inboxes.get(fold(token))
            if inbox is not None and row not in statuses and (push := self._stored(batch, row)):
                inbox.offer(push, now)

    # -- what the script does to the connection

    def _tick(self) -> None:
        now = self._base.now()
        self._ticker = self._loop.call_later(TICK_S, self._tick) if self._mischief.timed else None
        self._obey(now)
        self._write()

    def _obey(self, now: float) -> None:
        rules = self._mischief.in_force(now)
        self._h2.drop_ping_acks = any(isinstance(rule, faults.DropPings) for rule in rules)
        self._stall(next((rule for rule in rules if isinstance(rule, faults.Stall)), None))
        for rule in rules:
            if isinstance(rule, faults.IdleClose) and now - self._heard_at >= rule.after_s and not self._leaving:
                self._idle_close(rule)
        _, leave = self._mischief.processed(now, self._requests, 0)
        if leave:
            self._go_away(leave)
        self._once(now)

    def _stall(self, rule: faults.Stall | None) -> None:
        if (rule is not None) == self._stalled or self._deaf:
            return
        self._stalled = rule is not None
        if rule is None or rule.what == "window":
            self._h2.stall(self._stalled)
        if rule is None:
            self._transport.resume_reading()
        elif rule.what == "reading":
            self._transport.pause_reading()

    def _once(self, now: float) -> None:
        for rule in self._mischief.once(now, self._requests):
            if isinstance(rule, faults.HalfOpen):
                self._deaf = True
                self._transport.pause_reading()
            else:
                self._h2.set_max_streams(rule.max_streams)

    def _idle_close(self, rule: faults.IdleClose) -> None:
        if not rule.silent:
            self._dismiss(0, "IdleTimeout")
        self._leave(0.0)

    def _dismiss(self, code: int, reason: str) -> None:
        self._h2.goaway(code=code, debug=self._farewell(reason))
        self._note_goaway(self._h2.last_stream)

    def _go_away(self, rule: faults.GoAway) -> None:
        if rule.two_phase:
            self._h2.goaway(2**31 - 1, 0, self._farewell(rule.reason))
            self._loop.call_later(rule.two_phase_ms / 1000, self._final_goaway, rule)
        else:
            self._final_goaway(rule)

    def _final_goaway(self, rule: faults.GoAway) -> None:
        last = self._h2.last_stream if rule.two_phase else self._last_processed
        self._h2.goaway(last, rule.code, self._farewell(rule.reason))
        self._note_goaway(last)
        self._leave(rule.close_after_ms / 1000)
        self._write()

    def _note_goaway(self, last: int) -> None:
        self._base.ledger.log.event(time.monotonic_ns(), self.number, Event.GOAWAY, last)

    def _leave(self, after_s: float) -> None:
        self._leaving = True
        self._loop.call_later(after_s, self._transport.close)

    def _abort(self) -> None:
        sock = cast(socket.socket, self._transport.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._leaving = True
        self._transport.abort()

    def _write(self) -> None:
        if not self._deaf and not self._transport.is_closing() and (out := self._h2.take_output()):
            self._transport.write(out)


def _windows(script: Script, connection: int) -> dict[str, int]:
    rules = [rule for rule in script.on_connection if isinstance(rule, faults.Windows)]
    held = next((rule for rule in rules if rule.holds(connection, rule.from_s)), None)
    return {"initial_window": held.stream} if held else {}
