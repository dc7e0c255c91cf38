"""The simulators' control door: a small HTTP/1.1 server on loopback whose routes take and give JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

MAX_BODY = 64 << 20
PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large"}


@dataclass(frozen=True, slots=True)
class Asked:
    """rest: what follows the route's own path, without the slash."""

    method: str
    rest: str
    query: dict[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refused(400, f"The body is not JSON: {error}") from error


class Refused(Exception):
    """The control request cannot be done; the sentence says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


Route = Callable[[Asked], Awaitable[Any]]


class Control:
    """Routes by (method, first path segment); a handler gives what becomes the JSON answer."""

    def __init__(self, routes: dict[tuple[str, str], Route]) -> None:
        self._routes = routes
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listens on 127.0.0.1 and gives the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return cast(int, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *rows = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        if "100-continue" in headers.get("expect", ""):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(headers.get("content-length", "0"))
        if length > MAX_BODY:
            _write(writer, 413, {"detail": "The body is too large"})
            return False
        status, content = await self._answer(method, target, await reader.readexactly(length))
        _write(writer, status, content)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    async def _answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        first, _, rest = parts.path.strip("/").partition("/")
        route = self._routes.get((method, first))
        if route is None:
            known = any(name == first for _, name in self._routes)
            return (405 if known else 404), {"detail": "; ".join(f"{m} /{name}" for m, name in self._routes)}
        try:
            return 200, await route(Asked(method, rest, dict(parse_qsl(parts.query)), body))
        except Refused as refused:
            return refused.status, {"detail": str(refused)}


def _write(writer: asyncio.StreamWriter, status: int, content: Any) -> None:
    body = json.dumps(content).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {PHRASES[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
