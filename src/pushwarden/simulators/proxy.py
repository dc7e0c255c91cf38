"""An HTTP CONNECT proxy on loopback that works, asks for a password, refuses, or dies after its answer."""

from __future__ import annotations

import asyncio
import base64
from enum import StrEnum
from typing import cast

CHUNK = 1 << 16


class Mood(StrEnum):
    WORKS = "works"
    REFUSES = "refuses"  # 502
    DIES = "dies"  # 200, then closes
    HANGS = "hangs"  # no answer


class ConnectProxy:
    """credentials: user:password it asks for with 407; empty: none. `seen` lists the targets asked for."""

    def __init__(self, credentials: str = "") -> None:
        self.mood = Mood.WORKS
        self.seen: list[str] = []
        self._wanted = base64.b64encode(credentials.encode())
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listens on 127.0.0.1 and gives the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=CHUNK)
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
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        target = rest.split(b" ", 1)[0].decode("latin-1")
        status = self._status(method, head)
        self.seen.append(target)
        if self.mood is Mood.HANGS:
            await reader.read()
            return
        writer.write(status)
        await writer.drain()
        if b" 200 " in status and self.mood is not Mood.DIES:
            host, _, port = target.rpartition(":")
            await self._tunnel(reader, writer, host.strip("[]"), int(port))

    def _status(self, method: bytes, head: bytes) -> bytes:
        if method != b"CONNECT":
            return b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"
        if self._wanted and _credentials(head) != self._wanted:
            challenge = b'Proxy-Authenticate: Basic realm="simulator"\r\nContent-Length: 0\r\n\r\n'
            return b"HTTP/1.1 407 Proxy Authentication Required\r\n" + challenge
        if self.mood is Mood.REFUSES:
            return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        return b"HTTP/1.1 200 Connection established\r\n\r\n"

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port, limit=CHUNK)
        tasks = [asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.ALL_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            far_writer.close()


def _credentials(head: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        scheme, _, given = value.strip().partition(b" ")
        if name.lower() == b"proxy-authorization" and scheme.lower() == b"basic":
            return given.strip()
    return b""


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
