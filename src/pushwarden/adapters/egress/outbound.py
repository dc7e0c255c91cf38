"""The one client for requests to addresses that users name: checked, then connected to exactly what was checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httptools

from pushwarden.adapters.egress.addresses import Allowed
from pushwarden.ports.egress import Undelivered

SECONDS = 10.0
"""For everything: name, connection, TLS, request and answer."""
MOST_ANSWER = 64 * 1024
"""Bytes of an answer that are read; only its status is kept."""

Resolve = Callable[[str, int], Awaitable[list[tuple[Any, ...]]]]
"""(host, port) → rows as socket.getaddrinfo gives them."""


class Outbound:
    """`Poster`. HTTP/1.1, a connection for each request, no redirects, nothing of the environment's proxies."""

    def __init__(
        self, allowed: Allowed, ca: Path | None = None, resolve: Resolve | None = None, seconds: float = SECONDS
    ) -> None:
        self._allowed, self._resolve, self._seconds = allowed, resolve or _getaddrinfo, seconds
        self._context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if ca is not None:
            self._context.load_verify_locations(ca)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        target = urlsplit(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(target, headers, body)
        except TimeoutError as error:
            raise Undelivered(f"{target.netloc} did not answer within {self._seconds:g} s.") from error
        except ssl.SSLCertVerificationError as error:
            raise Undelivered(
                f"{target.netloc} shows a certificate that is not trusted: {error.verify_message}."
            ) from error
        except (ssl.SSLError, httptools.HttpParserError) as error:
            raise Undelivered(f"{target.netloc} does not speak as it should: {error}.") from error
        except (OSError, UnicodeError) as error:
            raise Undelivered(
                f"{target.netloc} cannot be reached: {getattr(error, 'strerror', '') or error}."
            ) from error

    async def _post(self, target: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
        sock = await self._connected(target)
        context, name = (self._context, target.hostname) if target.scheme == "https" else (None, None)
        try:
            reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        try:
            writer.write(_request(target, headers, body))
            await writer.drain()
            return await _status(reader)
        finally:
            writer.transport.abort()

    async def _connected(self, target: SplitResult) -> socket.socket:
        """To an address of those that were checked: the name is not looked up again."""
        host, tls = target.hostname or "", target.scheme == "https"
        rows = await self._resolve(host, target.port or (443 if tls else 80))
        refused = self._allowed.refused(host, [row[4][0] for row in rows], tls=tls)
        if refused or not rows:
            raise Undelivered(
                f"{host} leads to {refused or 'nowhere'}, which is not on the public internet; the operator can allow "
                "it by PUSHWARDEN_CALLBACKS_ALLOW."
            )
        failure: OSError | None = None
        for family, kind, protocol, _, address in rows:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(sock, address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        assert failure is not None
        raise failure


async def _getaddrinfo(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _request(target: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    own = {"Host": target.netloc, "Content-Length": str(len(body)), "Connection": "close", "User-Agent": "pushwarden"}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (own | dict(headers)).items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Answer:
    """What httptools calls back."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status, self.complete = 0, False

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_message_complete(self) -> None:
        self.complete = self.status >= 200


async def _status(reader: asyncio.StreamReader) -> int:
    answer, read = _Answer(), 0
    with suppress(httptools.HttpParserUpgrade):
        while not answer.complete and read < MOST_ANSWER:
            part = await reader.read(MOST_ANSWER)
            if not part:
                break
            read += len(part)
            answer.parser.feed_data(part)
    if answer.status < 200:
        raise Undelivered("The receiver closed the connection before it answered.")
    return answer.status
