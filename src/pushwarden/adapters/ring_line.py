"""One kept connection of the ring: requests by number, the sign of life before the reply."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any, cast

import msgspec


class RingLine(asyncio.Protocol):
    """One connection. Futures by request id: `heard` and the reply; both end with None when the line is lost."""

    def __init__(self) -> None:
        self.lost = False
        self._ids = itertools.count(1)
        self._heard: dict[int, asyncio.Future[bool]] = {}
        self._replies: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for number in list(self._replies):
            self._end(number, None)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = msgspec.json.decode(line, type=dict[str, Any])
            number = message.get("id")
            if "heard" in message:
                self._hear(number)
            elif isinstance(number, int):
                self._end(number, message.get("reply"))

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def bell(self, line: bytes) -> None:
        if self._transport and not self.lost and not self._transport.get_write_buffer_size():
            self._transport.write(line)

    async def ask(self, request: dict[str, Any], patience: float) -> dict[str, Any] | None:
        """None when the sender did not answer in `patience` seconds, or refused."""
        number = self._send(request)
        answered = await _settled(self._replies[number], time.monotonic() + patience)
        return self._forget(number) if answered else None

    async def fence(self, generation: int, heard_until: float, until: float) -> dict[str, Any] | None:
        number = self._send({"op": "fence", "generation": generation})
        word = await _settled(self._heard[number], heard_until) and await _settled(self._replies[number], until)
        reply = self._forget(number)
        return reply if word else None

    def _send(self, request: dict[str, Any]) -> int:
        number = next(self._ids)
        loop = asyncio.get_running_loop()
        self._heard[number], self._replies[number] = loop.create_future(), loop.create_future()
        if self._transport is None or self.lost:
            self._end(number, None)
        else:
            self._transport.write(msgspec.json.encode({**request, "id": number}) + b"\n")
        return number

    def _hear(self, number: Any) -> None:
        heard = self._heard.get(number)
        if heard and not heard.done():
            heard.set_result(True)

    def _end(self, number: int, reply: dict[str, Any] | None) -> None:
        self._hear(number)
        answer = self._replies.get(number)
        if answer and not answer.done():
            answer.set_result(reply)

    def _forget(self, number: int) -> dict[str, Any] | None:
        del self._heard[number]
        reply = self._replies.pop(number)
        return reply.result() if reply.done() else None


async def _settled(future: asyncio.Future[Any], until: float) -> bool:
    await asyncio.wait({future}, timeout=max(0, until - time.monotonic()))
    for _ in range(3):  # a loop that was late itself runs its timers before it reads: look once more
        if future.done():
            break
        await asyncio.sleep(0)
    return future.done()
