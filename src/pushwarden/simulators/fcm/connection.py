"""What is FCM's own on a connection: ALPN, the token endpoint, PINGs both ways, how long it may idle and live."""

from __future__ import annotations

import asyncio
from typing import Final

from pushwarden.http2.frames import Code
from pushwarden.http2.hpack import Header
from pushwarden.http2.server import Heard, ServerConnection
from pushwarden.simulators import faults
from pushwarden.simulators.common import connection
from pushwarden.simulators.common.batch import Batch
from pushwarden.simulators.common.inbox import Stored
from pushwarden.simulators.mischief import Ending

from . import writing
from .answers import HTML, Refusal, scripted
from .judge import Judge
from .plain import Plain
from .rules import Kind
from .service import Service

EXCHANGE: Final = "oauth"  # push type of token requests in a fault script
MOST_PINGS: Final = 3  # in a row without a request; observed
GRACE_S: Final = 5.0  # for what is open when a connection grew too old
PING: Final = b"fcm-ping"


class Connection(connection.Connection[Kind, Refusal]):
    """Made by the listener for each TLS connection; HTTP/1.1 goes to Plain."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._service = service
        self._answered = False
        self._life: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        chosen = tls.selected_alpn_protocol() if tls else None
        if chosen == "http/1.1":
            plain = Plain(self._service)
            transport.set_protocol(plain)
            plain.connection_made(transport)
            return
        self._born = self._asked_at = self._service.wall()
        super().connection_made(transport)
        if chosen is None:
            self._dismiss(Code.PROTOCOL_ERROR, "")
            self._leave(0.0)
            self._write()
        else:
            self.clock_moved()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._life:
            self._life.cancel()

    def clock_moved(self) -> None:
        """Sent away when it idled or lived too long by the service's wall clock."""
        wall, settings = self._service.wall(), self._service.configuration
        left = self._born + settings.max_age_s - wall, self._asked_at + settings.idle_s - wall
        if self._leaving:
            return
        if min(left) <= 0:
            self._dismiss(Code.NO_ERROR, "max_age" if left[0] <= 0 else "session_timeout")
            self._leave(GRACE_S if self._h2.open_streams else 0.0)
            self._write()
            return
        if self._life:
            self._life.cancel()
        self._life = self._loop.call_later(min(left), self.clock_moved)

    # -- what FCM says

    def _greet(self, windows: dict[str, int]) -> ServerConnection:
        service = self._service
        self._bench = Judge(service.exchange, service.projects, service.shapes)
        return ServerConnection(max_streams=service.configuration.streams, **windows)

    def _take(self, heard: Heard, stamps: list[int]) -> None:
        self._asked_at = self._service.wall()
        if rows := self._bench.asks_exchange(heard.headers, self._asked_at):
            for row in rows:
                self._exchange(heard.streams[row], heard.bodies[row])
            kept = [row for row in range(len(heard.streams)) if row not in rows]
            stamps = stamps if len(stamps) == 1 else [stamps[row] for row in kept]
            columns = (heard.streams, heard.headers, heard.bodies)
            heard = Heard(*([column[row] for row in kept] for column in columns))  # type: ignore[arg-type]
        if heard.streams:
            super()._take(heard, stamps)

    def _judge(self, heard: Heard) -> Batch[Kind, Refusal]:
        batch = self._bench.batch(heard.streams, heard.headers, heard.bodies, self._asked_at)
        service = self._service
        if not service.devices.plain:
            for row, token in enumerate(batch.tokens):
                if row not in batch.refusals and (refused := service.verdict(token)):
                    batch.refusals[row] = refused
        return batch

    def _accept(self, streams: list[int], names: list[bytes]) -> None:
        self._answered = True
        writing.accept(self._h2, streams, names, late_end=self._service.configuration.late_end)

    def _refuse(self, stream: int, name: bytes, refused: Refusal, rule: faults.Refuse | None) -> None:
        self._answered = True
        writing.refuse(self._h2, stream, refused, rule, self._service.random, self._service.wall())

    def _scripted(self, rule: faults.Refuse) -> Refusal:
        return scripted(rule.status, rule.reason)

    def _raw(self, headers: list[Header], body: bytes) -> bytes:
        return self._bench.raw(body)

    def _stored(self, batch: Batch[Kind, Refusal], row: int) -> Stored | None:
        kind, name = batch.kinds[row], batch.names[row].decode()
        ttl = kind.ttl
        expires = None if ttl is None else ttl and self._asked_at + ttl
        push = Stored(kind.topic, kind.push_type, name, kind.collapse, expires, batch.bodies[row])
        return None if kind.dry else push

    def _farewell(self, reason: str) -> bytes:
        return reason.encode()

    # -- the token endpoint

    def _exchange(self, stream: int, form: bytes) -> None:
        mischief, now = self._mischief, self._service.now()
        rules = [rule for rule in mischief.on_request(now) if rule.push_type == EXCHANGE]
        fate = mischief.fate(rules, sum(self._service.exchanges.values()) + 1, "", EXCHANGE, b"")
        if fate.delay_ms:
            self._loop.call_later(fate.delay_ms / 1000, self._grant_later, stream, form, fate.ending)
        else:
            self._grant(stream, form, fate.ending)

    def _grant_later(self, stream: int, form: bytes, ending: Ending | None) -> None:
        self._grant(stream, form, ending)
        self._write()

    def _grant(self, stream: int, form: bytes, ending: Ending | None) -> None:
        date = writing.date(int(self._service.wall()))
        match ending:
            case None:
                status, told = self._service.grant(form)
                self._h2.respond(stream, writing.head(status, writing.JSON, "") + date, told)
            case faults.Refuse(status=status):
                self._service.exchanges[status] += 1
                html = ending.body == "text"
                told = HTML % (status, status) if html else b'{"error": "%b"}' % ending.reason.encode()
                kind = writing.HTML_TYPE if html else writing.JSON
                self._h2.respond(stream, writing.head(status, kind, ending.retry_after) + date, told)
            case faults.Reset(code=code):
                self._h2.reset(stream, code)
            case faults.Disconnect():
                self._abort()
            case faults.Silence():
                self._service.exchanges[0] += 1

    # -- PINGs

    def _write(self) -> None:
        if self._h2.idle_pings >= MOST_PINGS and not self._leaving:
            self._dismiss(Code.ENHANCE_YOUR_CALM, "too_many_pings")
            self._leave(0.0)
        if self._answered and self._service.configuration.pings and not self._leaving:
            self._h2.ping(PING)
        self._answered = False
        super()._write()
