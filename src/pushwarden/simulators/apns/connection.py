"""One connection of the APNs simulator: read a slice, judge it, book it, answer it.

Every slice is stamped with CLOCK_MONOTONIC as it is parsed; its size bounds what one stamp stands for.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from typing import Final, cast

from pushwarden.http2.server import Heard, ServerConnection
from pushwarden.simulators import faults
from pushwarden.simulators.faults import Script
from pushwarden.simulators.log import Event, Flag
from pushwarden.simulators.mischief import Ending, Fate, Mischief

from . import writing
from .answers import Refusal
from .client_certificate import Peer, peer
from .inbox import Stored
from .judge import Batch, Judge
from .service import Service

SLICE: Final = 32_768
NO_LINGER: Final = struct.pack("ii", 1, 0)
TICK_S: Final = 0.02
Reply = tuple[int, bytes, Refusal | None, Ending | None]  # stream, apns-id, the refusal, the script's ending


class Connection(asyncio.Protocol):
    """Made by the listener for each TLS connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.number = next(service.opened)
        self._requests = 0
        self._last_processed = 0
        self._refused_in_a_row = 0
        self._raised = False
        self._deaf = False
        self._stalled = False
        self._leaving = False
        self._started: dict[int, int] = {}
        self._ticker: asyncio.TimerHandle | None = None

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        service = self._service
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._opened = self._heard_at = service.now()
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        settings = service.configuration
        bad = frozenset(settings.bad_certificates)
        self._peer: Peer | None = peer(der, settings.environment, bad) if der else None
        self._judge = Judge(service.provider_tokens, self._peer)
        self._raised = self._peer is not None
        self._full_streams = settings.streams
        first = settings.streams if self._raised else settings.first_streams
        # Only acknowledged settings bind the client (RFC 9113 §6.5.3): what it opens before is let through.
        self._h2 = ServerConnection(max_streams=settings.streams, **_windows(service.script, self.number))
        if first != settings.streams:
            self._h2.set_max_streams(first)
        service.connections[self.number] = self
        service.handshakes += 1
        service.ledger.log.event(time.monotonic_ns(), self.number, Event.OPENED)
        self.follow(service.script)
        self._write()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._service.connections.pop(self.number, None):
            self._note_end()
        if self._ticker:
            self._ticker.cancel()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._service.now()
        for at in range(0, len(data), SLICE):
            self._slice(data[at : at + SLICE] if len(data) > SLICE else data)
            self._write()

    def follow(self, script: Script) -> None:
        """Obeys this script from now on."""
        service = self._service
        self._mischief = Mischief(script, self.number, service.loaded, self._opened)
        self._obey(service.now())
        if self._mischief.timed and self._ticker is None:
            self._ticker = self._loop.call_later(TICK_S, self._tick)

    def close(self) -> None:
        """Ends the connection and books its end at once, before the log is closed."""
        self._service.connections.pop(self.number, None)
        self._note_end()
        self._transport.close()

    def _note_end(self) -> None:
        log = self._service.ledger.log
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
            self._service.ledger.log.event(ns, self.number, Event.REFUSED, stream)
        if heard.broken:
            self._leave(0.1)

    def _headers_stamps(self, heard: Heard, ns: int) -> list[int]:
        started = self._started
        started.update((stream, ns) for stream in heard.opened)
        for stream, _ in heard.resets:
            if stream in started:
                self._service.ledger.log.event(started.pop(stream), self.number, Event.UNFINISHED, stream)
        stamps = [started.pop(stream, ns) for stream in heard.streams]
        return [ns] if stamps.count(ns) == len(stamps) else stamps

    def _take(self, heard: Heard, stamps: list[int]) -> None:
        service, mischief = self._service, self._mischief
        first, now = self._requests, service.now()
        self._requests += len(heard.streams)
        leave: faults.GoAway | None = None
        if mischief.timed:
            keep, leave = mischief.processed(now, first, len(heard.streams))
            if keep < len(heard.streams):
                heard = self._cut(heard, keep, stamps[0])
        if heard.streams:
            self._last_processed = max(self._last_processed, *heard.streams)
            batch = self._judge.batch(heard.streams, heard.headers, heard.bodies, service.wall())
            self._refuse_by_device(batch)
            self._finish(batch, self._fates(batch, first, now), stamps[: len(heard.streams)])
        if leave:
            self._go_away(leave)
        if mischief.timed:
            self._once(now)

    def _cut(self, heard: Heard, keep: int, ns: int) -> Heard:
        order = sorted(range(len(heard.streams)), key=heard.streams.__getitem__)
        kept, cut = order[:keep], order[keep:]
        ids = [next((value for name, value, _ in heard.headers[row] if name == b"apns-id"), b"") for row in cut]
        self._service.ledger.unprocessed(ids, [heard.streams[row] for row in cut], ns, self.number)
        return Heard(
            [heard.streams[row] for row in kept],
            [heard.headers[row] for row in kept],
            [heard.bodies[row] for row in kept],
        )

    def _refuse_by_device(self, batch: Batch) -> None:
        devices = self._service.devices
        if devices.plain:
            return
        for row, token in enumerate(batch.tokens):
            if row not in batch.refusals and (refused := devices.verdict(token.lower())):
                batch.refusals[row] = refused

    def _fates(self, batch: Batch, first: int, now: float) -> dict[int, Fate]:
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

    def _finish(self, batch: Batch, fates: dict[int, Fate], stamps: list[int]) -> None:
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
                    batch.refusals[row] = _scripted(fate.ending, self._service.wall())
        self._service.ledger.book(batch, statuses, flags, stamps, self.number)
        if self._service.inboxes:
            self._store(batch, statuses)
        self._raise_streams(batch, statuses)
        self._answer(batch, fates, statuses)

    def _answer(self, batch: Batch, fates: dict[int, Fate], statuses: dict[int, int]) -> None:
        if not statuses and not fates:
            writing.accept(self._h2, batch.streams, batch.ids, sandbox=self._service.sandbox)
            return
        if 0 in fates and isinstance(fates[0].ending, faults.Disconnect):
            self._abort()
            return
        by_delay: dict[int, list[Reply]] = {}
        for row, stream in enumerate(batch.streams):
            fate = fates.get(row)
            reply = (stream, batch.ids[row], batch.refusals.get(row), fate.ending if fate else None)
            by_delay.setdefault(fate.delay_ms if fate else 0, []).append(reply)
        for delay, replies in by_delay.items():
            if delay:
                self._loop.call_later(delay / 1000, self._send_later, replies)
            else:
                self._send(replies)

    def _send_later(self, replies: list[Reply]) -> None:
        self._send(replies)
        self._write()

    def _send(self, replies: list[Reply]) -> None:
        good = [reply for reply in replies if reply[2] is None and reply[3] is None]
        if good:
            streams, ids = [reply[0] for reply in good], [reply[1] for reply in good]
            writing.accept(self._h2, streams, ids, sandbox=self._service.sandbox)
        for stream, name, refused, ending in replies:
            if refused:
                writing.refuse(self._h2, stream, name, refused, ending if isinstance(ending, faults.Refuse) else None)
            elif isinstance(ending, faults.Reset) and stream in self._h2.open_streams:
                self._h2.reset(stream, ending.code)

    def _store(self, batch: Batch, statuses: dict[int, int]) -> None:
        inboxes, now = self._service.inboxes, self._loop.time()
        for row, token in enumerate(batch.tokens):
            inbox = inboxes.get(token.lower())
            if inbox is not None and row not in statuses:
                kind = batch.kinds[row]
                name = batch.ids[row].decode()
                inbox.offer(Stored(kind.topic, kind.push_type, name, kind.expiration, batch.bodies[row]), now)

    def _raise_streams(self, batch: Batch, statuses: dict[int, int]) -> None:
        """One stream before the first good provider token, and again when a script clamps after refusals."""
        clamps = [rule for rule in self._mischief.in_force(self._service.now()) if isinstance(rule, faults.Clamp)]
        good = len(batch.streams) > len(statuses)
        if clamps:
            self._refused_in_a_row = 0 if good else self._refused_in_a_row + len(statuses)
            if self._refused_in_a_row >= clamps[0].after_refusals and self._raised:
                self._raised = False
                self._h2.set_max_streams(1)
        if not self._raised and self._judge.trusted and (good or not clamps):
            self._raised = True
            self._h2.set_max_streams(self._full_streams)

    # -- what the script does to the connection

    def _tick(self) -> None:
        now = self._service.now()
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
            self._h2.goaway(code=0, debug=_debug("IdleTimeout"))
            self._note_goaway(self._h2.last_stream)
        self._leave(0.0)

    def _go_away(self, rule: faults.GoAway) -> None:
        if rule.two_phase:
            self._h2.goaway(2**31 - 1, 0, _debug(rule.reason))
            self._loop.call_later(rule.two_phase_ms / 1000, self._final_goaway, rule)
        else:
            self._final_goaway(rule)

    def _final_goaway(self, rule: faults.GoAway) -> None:
        last = self._h2.last_stream if rule.two_phase else self._last_processed
        self._h2.goaway(last, rule.code, _debug(rule.reason))
        self._note_goaway(last)
        self._leave(rule.close_after_ms / 1000)
        self._write()

    def _note_goaway(self, last: int) -> None:
        self._service.ledger.log.event(time.monotonic_ns(), self.number, Event.GOAWAY, last)

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


def _debug(reason: str) -> bytes:
    return json.dumps({"reason": reason}).encode() if reason else b""


def _scripted(rule: faults.Refuse, wall: float) -> Refusal:
    given = rule.timestamp_ms
    timestamp = int(wall * 1000) + given if given is not None and given < 0 else given
    return Refusal(rule.status, rule.reason, timestamp)
