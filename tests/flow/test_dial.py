"""Connecting to a provider that has several addresses, of which some are dead (F19): each dial resolves anew."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_egress_tls import Server, server_certificate

from pushwarden.adapters.egress.tls import client_context
from pushwarden.dataplane.transport.dial import DialError, Target, dial
from pushwarden.providers.port import Origin


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return client_context(server_certificate(tmp_path))


@pytest.fixture
def server(context: ssl.SSLContext, tmp_path: Path) -> Server:
    return Server(tmp_path)


@contextlib.contextmanager
def silent(address: str) -> Iterator[int]:
    """A port that answers no SYN: its accept queue is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind((address, 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[tuple[str, int]]) -> list[str]:
    """The resolver's next answers, one a call; the list of names it was asked for."""
    asked: list[str] = []
    left = iter(answers)

    async def getaddrinfo(self: object, host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in next(left)]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


async def reach(context: ssl.SSLContext, seconds: float = 10.0) -> None:
    protocol = await dial(Target(Origin("localhost", 443), context, timeout=seconds), Protocol)
    protocol.transport.abort()


class Protocol(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]


def test_an_address_that_refuses_gives_way_to_the_next(
    server: Server, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        resolving(monkeypatch, [closed.getsockname(), ("127.0.0.1", server.port)])
        asyncio.run(reach(context))


def test_an_address_that_never_answers_holds_nobody_up(
    server: Server, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent("127.0.0.3") as port:
        resolving(monkeypatch, [("127.0.0.3", port), ("127.0.0.1", server.port)])
        asyncio.run(reach(context))


def test_each_dial_asks_the_resolver_anew(
    server: Server, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        asked = resolving(monkeypatch, [closed.getsockname()], [("127.0.0.1", server.port)])

        async def twice() -> None:
            with pytest.raises(DialError, match=r"localhost:443 cannot be reached: Connection refused\."):
                await reach(context)
            await reach(context)

        asyncio.run(twice())
    assert asked == ["localhost", "localhost"]


def test_nothing_but_silent_addresses_is_a_sentence_after_the_timeout(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent("127.0.0.3") as port:
        resolving(monkeypatch, [("127.0.0.3", port)])
        with pytest.raises(DialError, match=r"localhost:443 did not answer within 0\.3 s\."):
            asyncio.run(reach(context, 0.3))
