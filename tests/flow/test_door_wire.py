"""The console and the API behind one socket: nobody smuggles, overrides, confuses, or holds a place for nothing."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

import cast
from people import SignedIn, signed_in_here
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.wiring.doors import Doors
from pushwarden.wiring.patience import HEAD_SECONDS, LARGEST_HEAD, SILENT_SECONDS, Patient, clear
from visitor import console_of

HEAD = "Host: localhost:8600\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


class Wire:
    """One running server. dana: the admin of acme."""

    def __init__(self, path: Path, stage: cast.Stage, server: uvicorn.Server, dana: SignedIn) -> None:
        self.path, self.stage, self.server, self.dana = path, stage, server, dana

    async def open(self, text: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(str(self.path), limit=1 << 22)
        writer.write(text.replace("{cookie}", self.dana.cookie).replace("{csrf}", self.dana.csrf).encode("latin-1"))
        await writer.drain()
        return reader, writer

    async def say(self, text: str) -> str:
        """What comes back until it is silent."""
        reader, writer = await self.open(text)
        writer.write_eof()
        got = await reader.read()
        writer.close()
        return got.decode("latin-1")

    async def connection(self) -> Patient:
        """The only one, on the server's side."""
        while not self.server.server_state.connections:
            await asyncio.sleep(0)
        (found,) = self.server.server_state.connections
        assert isinstance(found, Patient)
        return found

    async def actions(self) -> list[str]:
        found = await self.stage.ask("alice", "GET", "/v1/audit?limit=200")
        return [one["action"] for one in found.json["entries"]]


def played(tmp_path: Path, play: Callable[[Wire], Awaitable[None]]) -> None:
    async def run() -> None:
        async with wired(tmp_path / "door.sock") as wire:
            await play(wire)

    asyncio.run(run())


@asynccontextmanager
async def wired(path: Path) -> AsyncIterator[Wire]:
    stage = await cast.stage(MemoryCatalog())
    dana = await signed_in_here(stage, Role.ADMIN, Scope("acme"))
    console, _ = console_of(stage)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    config = uvicorn.Config(Doors(stage.app, console), log_config=None, http=Patient, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listening]))
    try:
        yield Wire(path, stage, server, dana)
    finally:
        server.should_exit = True
        await serving


def post(path: str, body: str, more: str = "", kind: str = FORM, length: str = "") -> str:
    return f"POST {path} HTTP/1.1\r\n{HEAD}{kind}{more}{length or f'Content-Length: {len(body)}'}\r\n\r\n{body}"


SMUGGLED = {
    "two lengths": post("/signin", "x=1", more="Content-Length: 90\r\n"),
    "length and chunks": post("/signin", "0\r\n\r\nGET /profile HTTP/1.1\r\nHost: a\r\n\r\n",
                              more="Transfer-Encoding: chunked\r\n"),
    "chunks spelt oddly": post("/signin", "0\r\n\r\n", more="Transfer-Encoding: xchunked\r\n"),
    "chunks twice": post("/signin", "0\r\n\r\n", more="Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    "a space before the colon": post("/signin", "x=1", more="Content-Length : 90\r\n"),
    "a line that goes on": post("/signin", "x=1", more="X-A: b\r\n Content-Length: 90\r\n"),
    "a bare line feed": post("/signin", "x=1").replace("\r\n", "\n"),
    "a length with a sign": post("/signin", "x=1", length="Content-Length: +3"),
    "a length in hex": post("/signin", "x=1", length="Content-Length: 0x3"),
    "a nul in a header": post("/signin", "x=1", more="X-A: a\x00b\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("sent", SMUGGLED.values(), ids=list(SMUGGLED))
def test_a_request_that_two_readers_would_cut_differently_is_one_answer_and_a_closed_door(
    tmp_path: Path, sent: str
) -> None:
    async def play(wire: Wire) -> None:
        got = await wire.say(sent)
        assert got.count("HTTP/1.1 ") <= 1, got[:500]
        assert "your account" not in got
        assert (await wire.say(f"GET /apps HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")).startswith("HTTP/1.1 200")

    played(tmp_path, play)


OVERRIDES = {
    "header": post("/access/people/{person}", "csrf={csrf}", more="X-HTTP-Method-Override: DELETE\r\n"),
    "another header": post("/access/people/{person}", "csrf={csrf}", more="X-Method-Override: DELETE\r\n"),
    "field": post("/access/people/{person}", "csrf={csrf}&_method=DELETE"),
    "query": post("/access/people/{person}?_method=DELETE", "csrf={csrf}"),
    "get that posts": f"GET /access/people/{{person}}/disable?csrf={{csrf}}&_method=POST HTTP/1.1\r\n{HEAD}\r\n",
    "head": f"HEAD /signout?csrf={{csrf}} HTTP/1.1\r\n{HEAD}\r\n",
    "trace": f"TRACE /apps HTTP/1.1\r\n{HEAD}\r\n",
    "the api by a cookie": f"DELETE /v1/users/{{person}} HTTP/1.1\r\n{HEAD}\r\n",
}


@pytest.mark.parametrize("sent", OVERRIDES.values(), ids=list(OVERRIDES))
def test_a_method_is_what_the_first_line_says_and_a_cookie_is_no_key_of_the_api(tmp_path: Path, sent: str) -> None:
    async def play(wire: Wire) -> None:
        text = sent.replace("{person}", wire.dana.person.id).replace("{csrf}", wire.dana.csrf)
        body = text.partition("\r\n\r\n")[2]
        text = re.sub(r"Content-Length: \d+", f"Content-Length: {len(body)}", text)
        got = await wire.say(text)
        assert re.match(r"HTTP/1\.1 (401|404|405)", got), got[:200]
        assert wire.dana.secret not in got, "nothing is echoed"
        assert (await wire.say(f"GET /apps HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")).startswith("HTTP/1.1 200")

    played(tmp_path, play)


KINDS = {
    "json": "Content-Type: application/json\r\n",
    "plain text": "Content-Type: text/plain\r\n",
    "none": "",
    "xml": "Content-Type: text/xml\r\n",
    "a form by name only": "Content-Type: application/x-www-form-urlencoded-not\r\n",
    "compressed": f"{FORM}Content-Encoding: gzip\r\n",
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_form_of_another_kind_is_no_form(tmp_path: Path, kind: str) -> None:
    async def play(wire: Wire) -> None:
        body = f"csrf={wire.dana.csrf}"
        got = await wire.say(post("/signout", body, kind=kind))
        assert got.startswith("HTTP/1.1 415"), got[:200]
        assert "person.sign_out" not in await wire.actions()

    played(tmp_path, play)


def test_a_head_that_does_not_end_is_refused_by_its_size_and_a_slow_one_by_its_time(tmp_path: Path) -> None:
    async def play(wire: Wire) -> None:
        reader, writer = await wire.open("GET /apps HTTP/1.1\r\nX-A: ")
        try:
            for _ in range(40):
                writer.write(b"a" * LARGEST_HEAD)
                await writer.drain()
            got = await reader.read()
        except ConnectionError:
            got = b""
        assert got[:12] in (b"", b"HTTP/1.1 431")
        writer.close()
        while wire.server.server_state.connections:
            await asyncio.sleep(0)
        _, writer = await wire.open("GET /apps HTTP/1.1\r\nX-A: b\r\n")
        slow = await wire.connection()
        began = slow.began or 0
        clear([slow], began + HEAD_SECONDS)
        assert not slow.transport.is_closing()
        clear([slow], began + HEAD_SECONDS + 1)
        assert slow.transport.is_closing()
        writer.close()

    played(tmp_path, play)


def test_a_body_that_comes_in_one_piece_with_its_head_is_no_large_head(tmp_path: Path) -> None:
    async def play(wire: Wire) -> None:
        body = "csrf={csrf}&more=" + "a" * 3 * LARGEST_HEAD
        text = post("/signout", body).replace("{csrf}", wire.dana.csrf)
        length = len(text.partition("\r\n\r\n")[2])
        got = await wire.say(re.sub(r"Content-Length: \d+", f"Content-Length: {length}", text))
        assert got.startswith("HTTP/1.1 303"), got[:200]

    played(tmp_path, play)


def test_who_says_nothing_at_all_or_stops_in_a_body_keeps_no_place(tmp_path: Path) -> None:
    async def play(wire: Wire) -> None:
        _, writer = await wire.open("")
        silent = await wire.connection()
        clear([silent], silent.heard + HEAD_SECONDS + 1)
        assert silent.transport.is_closing()
        writer.close()
        while wire.server.server_state.connections:
            await asyncio.sleep(0)
        _, writer = await wire.open(post("/signin", "x=1", length="Content-Length: 500"))
        half = await wire.connection()
        while half.began is not None:
            await asyncio.sleep(0)
        assert not half.overdue(half.heard + SILENT_SECONDS)
        assert half.overdue(half.heard + SILENT_SECONDS + 1)
        writer.close()

    played(tmp_path, play)


def test_a_page_that_listens_for_hours_is_left_alone(tmp_path: Path) -> None:
    async def play(wire: Wire) -> None:
        reader, writer = await wire.open(f"GET /events HTTP/1.1\r\n{HEAD}\r\n")
        assert b"200" in await reader.readline()
        listening = await wire.connection()
        assert not listening.overdue(listening.heard + 10 * 3600)
        writer.close()

    played(tmp_path, play)


def test_a_stream_ends_with_the_session_it_was_opened_by(tmp_path: Path) -> None:
    async def play(wire: Wire) -> None:
        reader, writer = await wire.open(f"GET /events HTTP/1.1\r\n{HEAD}\r\n")
        await reader.readuntil(b"data: here")
        await signed_in_here(wire.stage, Role.ADMIN, Scope("acme"))  # somebody stays
        person = await wire.stage.ask("alice", "GET", f"/v1/users/{wire.dana.person.id}")
        wanted = {"version": person.json["version"], "disabled": True}
        assert (await wire.stage.ask("alice", "PATCH", f"/v1/users/{wire.dana.person.id}", wanted)).status == 200
        rest = await reader.readuntil(b"data: ended")
        assert b"data: ended" in rest
        got = await wire.say(f"GET /frame HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")
        assert got.startswith("HTTP/1.1 303")
        writer.close()

    played(tmp_path, play)
