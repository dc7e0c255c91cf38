"""A TCP relay on loopback that can be made slow, silent or rude while it runs: dead networks without root rights."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import cast

NO_LINGER = struct.pack("ii", 1, 0)
CHUNK = 1 << 16


@dataclass(eq=False, slots=True)
class _Pair:
    """One relayed connection: the two writers, whether it forwards, and the tasks that copy."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    open: asyncio.Event
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def reset(self) -> None:
        for writer in self.writers:
            sock = cast(socket.socket, writer.get_extra_info("socket"))
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()


class Relay:
    """Forwards connections to (host, port). `delay_s` holds every chunk in both directions for that long."""

    def __init__(self, host: str, port: int) -> None:
        self.delay_s = 0.0
        self.accepted = 0
        self._target = (host, port)
        self._open = asyncio.Event()
        self._open.set()
        self._pairs: list[_Pair] = []
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listens on 127.0.0.1 and gives the port."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", port, limit=CHUNK)
        return cast(int, self._server.sockets[0].getsockname()[1])

    def swallow(self) -> None:
        """From now on nothing is forwarded and nothing closed: a peer that vanished without FIN."""
        self._open.clear()

    def swallow_one(self) -> None:
        """As `swallow`, but only the oldest of the connections that forward now."""
        next(pair for pair in self._pairs if pair.open.is_set()).open.clear()

    def resume(self) -> None:
        """Forwards again, first what was held."""
        self._open.set()
        for pair in self._pairs:
            pair.open.set()

    def reset(self) -> int:
        """Answers both ends of every open connection with RST; gives how many."""
        for pair in self._pairs:
            pair.reset()
        return len(self._pairs)

    async def close(self) -> None:
        self.resume()
        if self._server:
            self._server.close()
        self.reset()
        tasks = [task for pair in self._pairs for task in pair.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        await self._open.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair((writer, far_writer), asyncio.Event())
        pair.open.set()
        pair.tasks = [
            asyncio.create_task(self._copy(pair, reader, far_writer)),
            asyncio.create_task(self._copy(pair, far_reader, writer)),
        ]
        self._pairs.append(pair)
        try:
            await asyncio.gather(*pair.tasks, return_exceptions=True)
        finally:
            self._pairs.remove(pair)
            writer.close()
            far_writer.close()

    async def _copy(self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self._open.wait()
                await pair.open.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.transport.abort()
