"""The stream of one watched push: it says that, never what; it beats while something is awaited, and ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lasting import Lasting
from pushwarden.control.console.activity import watching
from pushwarden.control.console.activity.watching import Watching
from pushwarden.core.principal import KeyKind, Principal
from pushwarden.core.scope import Scope
from pushwarden.web.body import RawHeaders

AT = "2026-11-22T08:00:00.000Z"
AT_MS = 1_795_334_400_000
SILENT = {"received": None, "opened": None}
OPEN = {"state": "open", "confirm": True, "accepted": 0, "reports": SILENT, "accepted_at": AT, "finished_at": None}
DONE = OPEN | {"state": "done", "accepted": 1, "finished_at": AT}
SAID = DONE | {"reports": {"received": {"devices": 1}, "opened": None}}


class Clock:
    def __init__(self) -> None:
        self.ms = AT_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


@dataclass
class Call:
    """As much of a visit as the stream asks for."""

    principal: Principal = field(default_factory=lambda: Principal.of_key("dana", "Dana", KeyKind.ADMIN, Scope("acme")))
    headers: RawHeaders = field(default_factory=list)


def told(*stories: dict[str, Any], ends: bool = False) -> AsyncIterator[bytes]:
    """As the API tells them; then nothing more, or its end."""

    async def events() -> AsyncIterator[bytes]:
        for one in stories:
            yield b"event: story\ndata: " + json.dumps(one).encode() + b"\n\n"
        if not ends:
            await asyncio.Event().wait()
        yield b"event: end\ndata: {}\n\n"

    return events()


def read(watched: Watching, events: AsyncIterator[bytes], most: int = 99) -> list[str]:
    async def play() -> list[str]:
        found: list[str] = []
        stream: Any = watched._stream(Call(), events)  # type: ignore[arg-type]
        async for part in stream:
            found.append(" ".join(part.decode().split()))
            if len(found) == most:
                break
        await stream.aclose()
        return found

    return asyncio.run(play())


def test_each_change_is_told_and_nothing_of_the_push_with_it() -> None:
    said = read(Watching(Lasting(), Clock()), told(OPEN, DONE, SAID))
    assert said == ["event: story data: changed"] * 3 + ["event: end data: told"]


def test_the_page_looks_again_while_a_confirmation_is_awaited_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BEAT_SECONDS", 0.001)
    clock = Clock()
    assert read(Watching(Lasting(), clock), told(DONE), most=3)[1:] == ["event: story data: same"] * 2
    clock.ms += 60_000
    assert read(Watching(Lasting(), clock), told(DONE)) == ["event: story data: changed", "event: end data: told"]


def test_it_ends_with_the_session_and_leaves_no_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BEAT_SECONDS", 0.001)
    sessions = Lasting()
    watched = Watching(sessions, Clock())
    sessions.good = False
    assert read(watched, told(OPEN)) == ["event: end data: told"]
    assert len(watched.tickets) == 0


def test_it_ends_when_the_api_has_nothing_more_to_tell() -> None:
    assert read(Watching(Lasting(), Clock()), told(OPEN, ends=True))[-1] == "event: end data: told"
