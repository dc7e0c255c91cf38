"""The relay and the CONNECT proxy: networks that go silent, slow or rude on command."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from pushwarden.simulators.proxy import ConnectProxy, Mood
from pushwarden.simulators.relay import Relay


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(100):
            writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Relay, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with echoing() as port:
        relay = Relay("127.0.0.1", port)
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.start())
        try:
            yield relay, reader, writer
        finally:
            writer.close()
            await relay.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> bytes:
    writer.write(words)
    return await reader.readexactly(len(words))


async def silent(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), 0.05)
    except TimeoutError:
        return True
    return False


def test_a_relay_forwards_and_forwards_again_after_swallowing() -> None:
    async def story() -> None:
        async with relayed() as (relay, reader, writer):
            assert await said(reader, writer, b"one") == b"one"
            relay.swallow()
            writer.write(b"two")
            assert await silent(reader)
            relay.resume()
            assert await reader.readexactly(3) == b"two"
            assert relay.accepted == 1

    asyncio.run(story())


def test_a_relay_swallows_one_connection_closes_it_after_its_client_went_and_serves_the_others() -> None:
    async def story() -> None:
        async with relayed() as (relay, reader, writer):
            await said(reader, writer, b"one")
            port = writer.get_extra_info("peername")[1]
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
            await said(other_reader, other_writer, b"two")
            relay.swallow_one()
            writer.write(b"three")
            assert await silent(reader)
            assert await said(other_reader, other_writer, b"four") == b"four"
            writer.transport.abort()
            other_writer.close()

    asyncio.run(story())


def test_a_relay_resets_both_ends() -> None:
    async def story() -> None:
        async with relayed() as (relay, reader, writer):
            await said(reader, writer, b"one")
            assert relay.reset() == 1
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)

    asyncio.run(story())


def test_a_relay_delays_what_it_forwards() -> None:
    async def story() -> None:
        async with relayed() as (relay, reader, writer):
            await said(reader, writer, b"one")
            relay.delay_s = 0.2
            writer.write(b"two")
            assert await silent(reader)
            assert await reader.readexactly(3) == b"two"

    asyncio.run(story())


def test_a_relay_without_a_target_closes() -> None:
    async def story() -> None:
        async with echoing() as port:
            pass
        relay = Relay("127.0.0.1", port)
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.start())
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        await relay.close()

    asyncio.run(story())


async def connect(
    proxy_port: int, target: int, credentials: str = ""
) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy_port)
    extra = f"Proxy-Authorization: Basic {credentials}\r\n" if credentials else ""
    writer.write(f"CONNECT 127.0.0.1:{target} HTTP/1.1\r\nHost: 127.0.0.1:{target}\r\n{extra}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    return head.split(b"\r\n")[0], reader, writer


def test_a_proxy_connects() -> None:
    async def story() -> None:
        async with echoing() as port:
            proxy = ConnectProxy()
            line, reader, writer = await connect(await proxy.start(), port)
            assert line == b"HTTP/1.1 200 Connection established"
            assert await said(reader, writer, b"hello") == b"hello"
            assert proxy.seen == [f"127.0.0.1:{port}"]
            writer.close()
            await proxy.close()

    asyncio.run(story())


def test_a_proxy_asks_for_its_password() -> None:
    async def story() -> None:
        async with echoing() as port:
            proxy = ConnectProxy("alice:secret")
            proxy_port = await proxy.start()
            for credentials, status in (("", b"407"), ("YWxpY2U6d3Jvbmc=", b"407"), ("YWxpY2U6c2VjcmV0", b"200")):
                line, _, writer = await connect(proxy_port, port, credentials)
                assert line.split()[1] == status
                writer.close()
            await proxy.close()

    asyncio.run(story())


@pytest.mark.parametrize(("mood", "status"), [(Mood.REFUSES, b"502"), (Mood.DIES, b"200")])
def test_a_proxy_refuses_or_dies(mood: Mood, status: bytes) -> None:
    async def story() -> None:
        async with echoing() as port:
            proxy = ConnectProxy()
            proxy.mood = mood
            line, reader, writer = await connect(await proxy.start(), port)
            assert line.split()[1] == status
            if mood is Mood.DIES:
                assert await reader.read() == b""
            writer.close()
            await proxy.close()

    asyncio.run(story())


def test_a_proxy_can_hang() -> None:
    async def story() -> None:
        proxy = ConnectProxy()
        proxy.mood = Mood.HANGS
        reader, writer = await asyncio.open_connection("127.0.0.1", await proxy.start())
        writer.write(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
        assert await silent(reader)
        writer.close()
        await proxy.close()

    asyncio.run(story())
