"""The streams that keep open pages true: bounded, and ended with the session, the process and the page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from lasting import Lasting
from pushwarden.control.console.live import view as live
from pushwarden.control.console.live.tickets import MOST, MOST_OF_ONE, Tickets
from pushwarden.control.console.live.view import Streams
from pushwarden.core.principal import KeyKind, Principal
from pushwarden.core.scope import Scope
from pushwarden.web.body import RawHeaders


@dataclass
class Call:
    """As much of a visit as a stream asks for."""

    principal: Principal = field(default_factory=lambda: Principal.of_key("dana", "Dana", KeyKind.ADMIN, Scope("acme")))
    headers: RawHeaders = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> dict[str, Any]:
        await self.closed.wait()
        return {"type": "http.disconnect"}


def told(streams: Streams, call: Call) -> Any:
    return streams._stream(call)  # type: ignore[arg-type]


def test_a_change_is_told_and_the_end_of_the_session_too(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.001)

    async def play() -> None:
        state, sessions = [1], Lasting()
        stream = told(Streams(sessions, lambda: (state[0],)), Call())
        assert b"here" in await anext(stream)
        state[0] = 2
        assert b"changed" in await anext(stream)
        sessions.good = False
        assert b"ended" in await anext(stream)
        assert [part async for part in stream] == []

    asyncio.run(play())


def test_a_stream_ends_with_its_page_and_with_the_process(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.001)

    async def play() -> None:
        call, state = Call(), [1]
        streams = Streams(Lasting(), lambda: (1,) if state[0] else None)
        stream = told(streams, call)
        await anext(stream)
        call.closed.set()
        assert [part async for part in stream] == []
        assert len(streams.tickets) == 0
        other = told(streams, Call())
        await anext(other)
        state[0] = 0
        assert [part async for part in other] == []

    asyncio.run(play())


def test_the_newest_pages_of_a_person_are_kept_and_the_oldest_end(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.001)

    async def play() -> None:
        streams = Streams(Lasting(), lambda: (1,))
        opened = [told(streams, Call()) for _ in range(MOST_OF_ONE + 1)]
        for stream in opened:
            await anext(stream)
        assert b"ended" in await anext(opened[0])
        assert streams.tickets.of("dana") == MOST_OF_ONE
        for stream in opened:
            await stream.aclose()
        assert len(streams.tickets) == 0

    asyncio.run(play())


def test_all_together_are_bounded_and_who_has_most_gives_way() -> None:
    tickets = Tickets()
    for number in range(MOST - 1):
        tickets.enter(f"p{number}")
    first = tickets.enter("many")
    tickets.enter("many")
    assert len(tickets) == MOST
    assert not tickets.holds("many", first)
