"""Raw bytes on a real socket, through the server that production uses: nothing crashes it, nothing is smuggled."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from cast import Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.web.call import Answer
from pushwarden.web.giving import give, heard
from pushwarden.wiring.patience import Patient

GET = b"GET /v1/apps HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n"
POST = GET.replace(b"GET", b"POST")
STRANGE = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    GET + b" X-Folded: b\r\n\r\n",
    b"GET /v1/apps/\xff\xfe HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n",
    b"GET /v1/apps/%FF%FE%00%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n",
    b"GET http://elsewhere/v1/apps HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n",
    b"GET /v1/apps HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /v1/apps HTTP/1.1\r\nHost: a\r\nX-A: a\x00b\r\nAuthorization: {key}\r\n\r\n",
    POST + b"Content-Length: -1\r\n\r\n",
    POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    POST + b"Content-Length: 99999999999\r\n\r\n{}",
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"BREW /v1/apps HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n",
    POST + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n",
]


@asynccontextmanager
async def served(path: Path, app: Any = None) -> AsyncIterator[Stage]:
    """app: another than the stage's."""
    scene = await stage(MemoryCatalog())
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(app or scene.app, log_config=None, http=Patient, ws="none", lifespan="off"))
    serving = asyncio.create_task(server._serve([listening]))
    try:
        yield scene
    finally:
        server.should_exit = True
        await serving


async def exchange(path: Path, sent: bytes) -> bytes:
    """What comes back until the server is done with it or has nothing more to say."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(sent)
    writer.write_eof()
    got = await reader.read()
    writer.close()
    await writer.wait_closed()
    return got


def test_strange_bytes_get_a_4xx_or_a_closed_door_and_the_next_client_is_served(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "api.sock"
        async with served(path) as scene:
            key = f"Bearer {scene.keys['alice']}".encode()
            for sent in STRANGE:
                try:
                    got = await exchange(path, sent.replace(b"{key}", key))
                except ConnectionError:
                    got = b""
                assert got[:10] in (b"", b"HTTP/1.1 4", b"HTTP/1.1 2"), (sent[:80], got[:300])
                assert b"\r\nX: y" not in got
            good = b"GET /v1/apps HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: " + key + b"\r\n\r\n"
            assert (await exchange(path, good)).startswith(b"HTTP/1.1 200 ")

    asyncio.run(run())


def test_a_file_that_breaks_off_does_not_look_whole_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one,two\r\n"
        raise ZeroDivisionError

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await give(send, Answer(stream=parts()), (), "c-1")

    async def run() -> None:
        path = tmp_path / "half.sock"
        async with served(path, app):
            got = await exchange(path, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 200 ")
        assert got.count(b"HTTP/1.1") == 1
        assert b"one,two" in got
        assert not got.endswith(b"0\r\n\r\n")

    asyncio.run(run())
    (said,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "request c-1 broke off" in str(said.exc_info and said.exc_info[1].__notes__)  # type: ignore[union-attr]


def test_a_long_file_ends_when_nobody_takes_it_any_more() -> None:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"line"

    messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def run() -> int:
        return len([part async for part in heard(parts(), receive)])

    assert asyncio.run(run()) < 10
