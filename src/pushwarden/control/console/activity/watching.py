"""One push while somebody looks at it: a stream says when its part of the page is to be asked for again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

from pushwarden.control.console.activity.telling import is_live
from pushwarden.control.console.live.tickets import Tickets
from pushwarden.control.console.visit import Sessions, Stream, Visit, event
from pushwarden.ports.clock import Clock
from pushwarden.web.call import JSON

BEAT_SECONDS = 1.0
"""So often a page looks without a change: what it says of waiting ends by itself, and a phone's screen is no change."""


class Watching:
    """Nothing of the push goes through the stream: the part is asked for like any page, by who may at that moment."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock, self.tickets = sessions, clock, Tickets()

    async def events(self, visit: Visit) -> Stream:
        """`story` for each change and each beat, `end` when nothing more is expected."""
        path = f"{visit.v1}/pushes/{visit.params['push']}/events"
        answer = await visit.api.send("GET", path, visit.receive, JSON)
        return Stream(self._stream(visit, cast(AsyncGenerator[bytes], answer.stream)))

    async def _stream(self, visit: Visit, told: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        person, last = visit.principal.id, dict[str, Any]()
        ticket, coming = self.tickets.enter(person), asyncio.ensure_future(anext(told, b""))
        try:
            while self.tickets.holds(person, ticket) and self._sessions.lasts(visit.headers):
                changed, _ = await asyncio.wait({coming}, timeout=BEAT_SECONDS)
                if changed:
                    story = _story(coming.result())
                    if not story:
                        break
                    last, coming = story, asyncio.ensure_future(anext(told, b""))
                yield event("changed" if changed else "same", "story")
                if last and not is_live(last, self._clock.now_ms()):
                    break
            yield event("told", "end")
        finally:
            coming.cancel()
            await asyncio.wait({coming})
            await told.aclose()
            self.tickets.leave(person, ticket)


def _story(said: bytes) -> dict[str, Any]:
    """The story an event carries; empty for the last one, which carries none."""
    kind, _, data = said.partition(b"\ndata: ")
    return dict(json.loads(data)) if kind == b"event: story" else {}
