"""What is APNs' own on a connection: client certificates, one stream until a good token, clamps, its answers."""

from __future__ import annotations

import asyncio
import time

from pushwarden.http2.hpack import Header
from pushwarden.http2.server import Heard, ServerConnection
from pushwarden.simulators import faults
from pushwarden.simulators.common import connection
from pushwarden.simulators.common.batch import Batch
from pushwarden.simulators.common.inbox import Stored
from pushwarden.simulators.log import Event, certificate_number

from . import columns, writing
from .answers import Refusal
from .client_certificate import peer
from .judge import Judge
from .rules import Kind
from .service import Service


class Connection(connection.Connection[Kind, Refusal]):
    """Made by the listener for each TLS connection."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._service = service
        self._refused_in_a_row = 0

    def _greet(self, windows: dict[str, int]) -> ServerConnection:
        settings = self._service.configuration
        der = _certificate(self._transport)
        holder = peer(der, settings.environment, frozenset(settings.bad_certificates)) if der else None
        if der:
            number = certificate_number(der)
            self._service.ledger.log.event(time.monotonic_ns(), self.number, Event.CERTIFICATE, number)
        self._bench = Judge(self._service.provider_tokens, holder)
        self._raised = holder is not None
        first = settings.streams if self._raised else settings.first_streams
        # Only acknowledged settings bind the client (RFC 9113 §6.5.3): what it opens before is let through.
        h2 = ServerConnection(max_streams=settings.streams, **windows)
        if first != settings.streams:
            h2.set_max_streams(first)
        return h2

    def _judge(self, heard: Heard) -> Batch[Kind, Refusal]:
        batch = self._bench.batch(heard.streams, heard.headers, heard.bodies, self._service.wall())
        service = self._service
        if not service.devices.plain:
            for row, token in enumerate(batch.tokens):
                if row not in batch.refusals and (refused := service.verdict(token)):
                    batch.refusals[row] = refused
        return batch

    def _accept(self, streams: list[int], names: list[bytes]) -> None:
        writing.accept(self._h2, streams, names, sandbox=self._service.sandbox)

    def _refuse(self, stream: int, name: bytes, refused: Refusal, rule: faults.Refuse | None) -> None:
        writing.refuse(self._h2, stream, name, refused, rule)

    def _scripted(self, rule: faults.Refuse) -> Refusal:
        stamp = rule.timestamp_ms
        if stamp is not None and stamp < 0:
            stamp += int(self._service.wall() * 1000)
        return Refusal(rule.status, rule.reason, stamp)

    def _raw(self, headers: list[Header], _body: bytes) -> bytes:
        name = next((value for name, value, _ in headers if name == b"apns-id"), b"")
        return columns.raw_ids([name]) if columns.ids_are_good([name]) else bytes(16)

    def _stored(self, batch: Batch[Kind, Refusal], row: int) -> Stored:
        kind, name = batch.kinds[row], batch.names[row].decode()
        return Stored(kind.topic, kind.push_type, name, kind.topic, kind.expiration, batch.bodies[row])

    def _judged(self, batch: Batch[Kind, Refusal], statuses: dict[int, int]) -> None:
        """One stream before the first good provider token, and again when a script clamps after refusals."""
        clamps = [rule for rule in self._mischief.in_force(self._service.now()) if isinstance(rule, faults.Clamp)]
        good = len(batch.streams) > len(statuses)
        if clamps:
            self._refused_in_a_row = 0 if good else self._refused_in_a_row + len(statuses)
            if self._refused_in_a_row >= clamps[0].after_refusals and self._raised:
                self._raised = False
                self._h2.set_max_streams(1)
        if not self._raised and self._bench.trusted and (good or not clamps):
            self._raised = True
            self._h2.set_max_streams(self._service.configuration.streams)


def _certificate(transport: asyncio.BaseTransport) -> bytes:
    tls = transport.get_extra_info("ssl_object")
    return (tls.getpeercert(binary_form=True) if tls else None) or b""
