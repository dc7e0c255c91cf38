"""A sender's end of the ring: lines of JSON on a unix socket, each answered by the handler of its `op`.

A request with an `id` is answered `{"id", "heard": true}` at once by the loop, then `{"id", "reply"}` by the handler.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from pushwarden.adapters.processes import own_seat
from pushwarden.adapters.seats import announce, bind, leave, take
from pushwarden.ports.ring import Seat

LINE_BYTES = 65536

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]


class RingServer:
    """Handlers by op (`fence`, `doorbell`, `snapshot`, `stats`, `drain`); each takes the request and gives the reply.

    `start` before reading the fence for the first time: then a stop either sees this seat, or this seat sees the stop.
    """

    def __init__(self, run: Path, sender: str, handlers: Mapping[str, Handler], incarnation: int = 0) -> None:
        self._run = run
        self._sender = sender
        self._handlers = handlers
        self._incarnation = incarnation
        self._lock = -1
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    async def start(self) -> Seat:
        """Listens, then says so. SeatTaken when another process is this sender."""
        self._lock = take(self._run, self._sender)
        sock = bind(self._run, self._sender)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Link(self._handlers, self._links), sock=sock)
        seat = own_seat(self._sender, self._incarnation)
        announce(self._run, seat)
        return seat

    async def close(self) -> None:
        """To be called when nothing more can be sent: from here on a stop does not ask this sender."""
        leave(self._run, self._sender)
        if self._server:
            self._server.close()
        for link in list(self._links):
            link.abort()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class _Link(asyncio.Protocol):
    def __init__(self, handlers: Mapping[str, Handler], links: set[_Link]) -> None:
        self._handlers = handlers
        self._links = links
        self._tasks: set[asyncio.Task[None]] = set()
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._links.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > LINE_BYTES:
            self._refuse(f"A ring request is at most {LINE_BYTES} bytes.")

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def _take(self, line: bytes) -> None:
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError:
            self._refuse("A ring request is one JSON object a line.")
            return
        handler = self._handlers.get(str(request.get("op")))
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            self._write({"id": request.get("id"), "error": f"This sender knows the ops {known}."})
            return
        if "id" in request:
            self._write({"id": request["id"], "heard": True})
        task = asyncio.get_running_loop().create_task(self._answer(handler, request))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._settle(done, request))

    async def _answer(self, handler: Handler, request: dict[str, Any]) -> None:
        reply = await handler(request)
        if "id" in request:
            self._write({"id": request["id"], "reply": reply or {}})

    def _settle(self, done: asyncio.Task[None], request: dict[str, Any]) -> None:
        self._tasks.discard(done)
        if done.cancelled():
            return
        if error := done.exception():
            self._write({"id": request.get("id"), "error": f"{type(error).__name__}: {error}"})
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"The ring handler of {request.get('op')} failed.", "exception": error}
            )

    def _refuse(self, sentence: str) -> None:
        self._write({"error": sentence})
        if self._transport:
            self._transport.close()
        self._rest = b""

    def _write(self, message: dict[str, Any]) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(msgspec.json.encode(message) + b"\n")
