"""A lean HTTP/1.1 client over one kept connection: the time it takes is the server's, not its own."""

from __future__ import annotations

import json
import socket
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 60.0
IDLE = 2.0
"""Seconds after which the connection is made anew: servers close the ones that idle."""


class Line:
    """One blocking connection to `url`; every request carries the key. OSError when the server goes away."""

    def __init__(self, url: str, key: str) -> None:
        where = urlsplit(url)
        self._address = (where.hostname or "", where.port or 80)
        self._socket = _connect(self._address)
        self._used = time.monotonic()
        self._fixed = f"Host: {where.netloc}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._rest = b""

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        content = json.dumps(body).encode()
        if time.monotonic() - self._used > IDLE:
            self._socket.close()
            self._socket = _connect(self._address)
        head = f"POST {path} HTTP/1.1\r\n{self._fixed}Content-Length: {len(content)}\r\n\r\n"
        self._socket.sendall(head.encode() + content)
        return self._answer()

    def _answer(self) -> tuple[int, Any]:
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *rows = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        length = int(headers.get("content-length", "0"))
        while len(self._rest) < length:
            self._more()
        content, self._rest = self._rest[:length], self._rest[length:]
        self._used = time.monotonic()
        return int(first.split(" ")[1]), json.loads(content or b"null")

    def _more(self) -> None:
        part = self._socket.recv(65_536)
        if not part:
            raise ConnectionResetError("The server closed the connection before it had answered.")
        self._rest += part


def _connect(address: tuple[str, int]) -> socket.socket:
    made = socket.create_connection(address, TIMEOUT)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
