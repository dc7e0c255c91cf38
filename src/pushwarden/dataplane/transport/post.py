"""6 post: small POSTs to a provider, their whole answers back. For access tokens and proofs; pushes go by `streams`."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, replace
from typing import cast

from pushwarden.dataplane.transport.dial import DialError, Target, broken_off, certificate_of, dial
from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Answer, Broken, Event, GoneAway, Requests, Unanswered
from pushwarden.providers.port import Exchange, Hitch, Origin, Reply

CONNECTING = 5.0
"""Seconds in which a connection must stand: a firewall that swallows everything is told from a slow provider."""
PATIENCE = 10.0
"""Seconds an answer may take, from the first byte sent."""


@dataclass(frozen=True, slots=True)
class Errand:
    """An exchange and where it really goes: a simulator or a proxy may stand between."""

    target: Target
    exchange: Exchange


async def post(errand: Errand) -> Reply:
    """Any answer, redirects too, which are not followed. DialError says in one sentence why there was none."""
    line = await opened(errand.target)
    try:
        return await line.ask(errand.exchange)
    finally:
        line.end()


async def opened(target: Target) -> Line:
    """A connection of its own on which one may ask at once; whoever opens it ends it. DialError when there is none."""
    target = replace(target, timeout=min(target.timeout, CONNECTING))
    line = await dial(target, lambda: Line(target.origin))
    try:
        async with asyncio.timeout(target.timeout):
            await line.settled
    except TimeoutError as error:
        line.end()
        raise DialError(f"{line.where} was silent for {target.timeout:g} s.", Hitch.SILENT) from error
    except BaseException:
        line.end()
        raise
    return line


class Line(asyncio.Protocol):
    """A connection for a few requests, one after another."""

    def __init__(self, origin: Origin) -> None:
        self.certificate = b""  # what the peer showed, DER
        self.where = f"{origin.host}:{origin.port}"
        self._origin, self._loop = origin, asyncio.get_running_loop()
        # With TLS 1.3 a refused client certificate shows only after the handshake: nothing is asked before SETTINGS.
        self.settled: asyncio.Future[None] = self._loop.create_future()
        self._answered: asyncio.Future[Reply] = self._loop.create_future()
        self._connection = ClientConnection(now=self._loop.time(), whole=True)
        self._transport: asyncio.Transport | None = None
        self._lost: DialError | None = None
        self._farewell = ""  # why the peer said goodbye (F2)

    def __repr__(self) -> str:
        return f"<line to {self.where}: {self._lost or 'open'}>"

    async def ask(self, exchange: Exchange) -> Reply:
        """The answer; written at once, in the caller's turn of the loop. DialError when there is none."""
        self._answered = self._loop.create_future()
        if self._lost is not None:
            raise self._lost
        requests = Requests(1, self._origin.authority, exchange.path, exchange.body, exchange.headers)
        if not self._connection.submit(requests, 0, 1, self, float("inf")):
            raise self._unanswered("it takes no more requests")
        self._flush()
        try:
            return await asyncio.wait_for(self._answered, PATIENCE)
        except TimeoutError as error:
            raise DialError(f"{self.where} did not answer within {PATIENCE:g} s.", Hitch.SILENT) from error

    def end(self) -> None:
        """At once; what is not yet sent never will be."""
        self._fail(self._unanswered("we ended the connection"))
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's TLS transport is none by class
        self.certificate = certificate_of(transport)
        self._flush()

    def data_received(self, data: bytes) -> None:
        for event in self._connection.receive(data, 0.0):
            self._heard(event)
        if self._connection.settled and not self.settled.done():
            self.settled.set_result(None)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ssl.SSLError):
            self._fail(broken_off(self.where, exc))
        else:
            self._fail(self._unanswered("it closed the connection"))

    # --- inside

    def _heard(self, event: Event) -> None:
        match event:
            case Answer(status=status, headers=headers, body=body):
                self._settle(Reply(status, dict(headers), body))
            case GoneAway(reason=reason):
                self._farewell = reason
            case Unanswered(why=why):
                self._fail(self._unanswered(f"it broke the request off ({why})"))
            case Broken(detail=detail):
                said = f"{self.where} does not speak HTTP/2 as it should: {detail}."
                self._fail(DialError(said, Hitch.HTTP2))
            case _:
                pass

    def _unanswered(self, what: str) -> DialError:
        said = f", saying {self._farewell}" if self._farewell else ""
        return DialError(f"{self.where} gave no answer: {what}{said}.", Hitch.BROKEN, self._farewell)

    def _settle(self, reply: Reply) -> None:
        if not self._answered.done():
            self._answered.set_result(reply)

    def _fail(self, error: DialError) -> None:
        self._lost = self._lost or error
        for waiting in (self.settled, self._answered):
            if not waiting.done():
                waiting.set_exception(self._lost)
                waiting.exception()  # nobody may be waiting for this one

    def _flush(self) -> None:
        out = self._connection.take_output()
        if out and self._transport is not None:
            self._transport.write(out)
