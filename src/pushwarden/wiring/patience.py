"""What a connection may take: so much of a request's head, so long for it, and no silence in the middle of a body."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
SILENT_SECONDS = 60.0
LARGEST_HEAD = 65_536
"""Bytes, of the reads after the one in which it began: that one may hold what belongs to a body."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Patient(HttpToolsProtocol):
    """uvicorn's own, which waits for ever and takes a head of any size."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.heard = self.loop.time()
        self.began: float | None = self.heard
        self.head, self.begins = 0, True

    def data_received(self, data: bytes) -> None:
        self.heard, self.begins = self.loop.time(), False
        super().data_received(data)
        if self.began is None or self.begins:
            return
        self.head += len(data)
        if self.head > LARGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.began, self.head, self.begins = self.loop.time(), 0, True

    def on_headers_complete(self) -> None:
        self.began = None
        super().on_headers_complete()

    def overdue(self, now: float) -> bool:
        """Whether nobody is there any more, or somebody who only wants the place. now: of the loop's clock."""
        if self.began is not None:
            return now - self.began > HEAD_SECONDS
        unfinished = self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete
        return unfinished and now - self.heard > SILENT_SECONDS


def clear(connections: Iterable[Any], now: float) -> None:
    """Closes those that are overdue."""
    for one in list(connections):
        if one.overdue(now):
            one.transport.abort()


async def keep_clear(connections: Iterable[Any]) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(1)
        clear(connections, asyncio.get_running_loop().time())
