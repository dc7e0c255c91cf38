"""What stands around a page, kept true while it is open: one stream says when to look, the page asks for the part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from pushwarden.control.console.live.tickets import Tickets
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Sessions, Stream, Visit, event
from pushwarden.web.giving import left

LOOK_SECONDS = 0.25
ALIVE_SECONDS = 20.0
"""Without news something is said so often, so that a connection that is gone is noticed."""

Pulse = Callable[[], tuple[object, ...] | None]


class Streams:
    """Those that are open."""

    def __init__(self, sessions: Sessions, pulse: Pulse) -> None:
        self._sessions, self._pulse = sessions, pulse
        self.tickets = Tickets()

    async def events(self, visit: Visit) -> Stream:
        return Stream(self._stream(visit))

    async def part(self, visit: Visit) -> Page:
        """Bands and strip as they are now."""
        return Page("live/part.html", {"title": ""})

    async def _stream(self, visit: Visit) -> AsyncIterator[bytes]:
        person = visit.principal.id
        ticket, gone = self.tickets.enter(person), asyncio.ensure_future(left(visit.receive))
        try:
            seen, silent = self._pulse(), 0.0
            yield event("here", "frame")
            while self.tickets.holds(person, ticket) and self._sessions.lasts(visit.headers):
                if (await asyncio.wait({gone}, timeout=LOOK_SECONDS))[0]:
                    return
                now, silent = self._pulse(), silent + LOOK_SECONDS
                if now is None:
                    return
                if now != seen or silent >= ALIVE_SECONDS:
                    yield event("changed" if now != seen else "same", "frame")
                    seen, silent = now, 0.0
            yield event("ended", "frame")
        finally:
            gone.cancel()
            self.tickets.leave(person, ticket)


def routes(sessions: Sessions, pulse: Pulse) -> tuple[PageRoute, ...]:
    streams = Streams(sessions, pulse)
    return (
        page("GET", "/events", streams.events, None),
        page("GET", "/frame", streams.part, None),
        page("GET", "/apps/{app}/{env}/frame", streams.part, None),
    )
