"""6 post: one small POST to a provider, its whole answer back. For access tokens; pushes go by `streams`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from pushwarden.dataplane.transport.dial import DialError, Target, dial
from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Answer, Broken, Requests, Unanswered
from pushwarden.providers.port import Exchange, Reply

PATIENCE = 10.0
"""Seconds an answer may take, from the first byte sent."""


@dataclass(frozen=True, slots=True)
class Errand:
    """An exchange and where it really goes: a simulator or a proxy may stand between."""

    target: Target
    exchange: Exchange


async def post(errand: Errand) -> Reply:
    """Any answer, redirects too, which are not followed. DialError says in one sentence why there was none."""
    asking = await dial(errand.target, lambda: _Asking(errand))
    try:
        return await asyncio.wait_for(asking.answered, PATIENCE)
    except TimeoutError as error:
        raise DialError(f"{asking.where} did not answer within {PATIENCE:g} s.") from error
    finally:
        asking.end()


class _Asking(asyncio.Protocol):
    """A connection for one request."""

    def __init__(self, errand: Errand) -> None:
        loop = asyncio.get_running_loop()
        self.answered: asyncio.Future[Reply] = loop.create_future()
        self.where = f"{errand.target.origin.host}:{errand.target.origin.port}"
        self._exchange, self._origin = errand.exchange, errand.target.origin
        self._connection = ClientConnection(now=loop.time(), whole=True)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's TLS transport is none by class
        asked = self._exchange
        requests = Requests(1, self._origin.authority, asked.path, asked.body, asked.headers)
        self._connection.submit(requests, 0, 1, self, float("inf"))
        self._flush()

    def data_received(self, data: bytes) -> None:
        for event in self._connection.receive(data, 0.0):
            match event:
                case Answer(status=status, headers=headers, body=body):
                    self._settle(Reply(status, dict(headers), body))
                case Unanswered(why=why):
                    self._settle(DialError(f"{self.where} broke the request off ({why})."))
                case Broken(detail=detail):
                    self._settle(DialError(f"{self.where} does not speak HTTP/2 as it should: {detail}."))
                case _:
                    pass
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(DialError(f"{self.where} closed the connection without an answer."))

    def end(self) -> None:
        """Nobody waits any longer."""
        self.answered.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _settle(self, found: Reply | DialError) -> None:
        if self.answered.done():
            return
        if isinstance(found, Reply):
            self.answered.set_result(found)
        else:
            self.answered.set_exception(found)

    def _flush(self) -> None:
        out = self._connection.take_output()
        if out and self._transport is not None:
            self._transport.write(out)
