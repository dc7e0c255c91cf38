"""The token endpoint for clients that chose HTTP/1.1, as OAuth libraries do. Nothing else is served there."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from .service import Service

MOST: Final = 1 << 16  # bytes of one request


class Plain(asyncio.Protocol):
    """POST /token, one request after another."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (found := _cut(self._buffer)) is not None:
            target, body, self._buffer = found
            served = target[:2] == ["POST", "/token"]
            status, told = self._service.grant(body) if served else (404, b'{"error": "not_found"}')
            head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(told)}\r\n\r\n"
            self._transport.write(head.encode() + told)
        if len(self._buffer) > MOST:
            self._transport.abort()


def _cut(buffer: bytes) -> tuple[list[str], bytes, bytes] | None:
    """(words of the request line, body, what follows); None when it is not whole."""
    head, end, rest = buffer.partition(b"\r\n\r\n")
    line, *rows = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
    length = headers.get("content-length", "0")
    size = int(length) if length.isdigit() else MOST + 1
    if not end or len(rest) < size:
        return None
    return line.split(" "), rest[:size], rest[size:]
