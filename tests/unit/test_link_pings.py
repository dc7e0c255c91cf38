"""A link sends no more PINGs in a row than its provider takes, and one serves every stop that comes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pushwarden.dataplane.transport.streams import Link
from pushwarden.http2 import frames
from pushwarden.http2.messages import Event, Requests
from pushwarden.providers.fcm import FCM
from pushwarden.providers.port import Authorization

PING, ACK = 6, 1
REQUESTS = Requests(10, b"x", b"/", b"{}")


class Wire(asyncio.Transport):
    """The peer's end: PINGs are counted, and acknowledged while it is well."""

    def __init__(self) -> None:
        super().__init__()
        self.pings: list[bytes] = []
        self.well = True
        self.link: Link | None = None
        self._waiting = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._waiting += bytes(data)
        if self._waiting.startswith(frames.PREFACE):
            self._waiting = self._waiting[len(frames.PREFACE) :]
        while len(self._waiting) >= 9:
            size = int.from_bytes(self._waiting[:3], "big")
            kind, payload = self._waiting[3], self._waiting[9 : 9 + size]
            self._waiting = self._waiting[9 + size :]
            if kind == PING:
                self.pings.append(payload)
        if self.well and self.pings:
            asyncio.get_running_loop().call_soon(self.acknowledge)

    def acknowledge(self) -> None:
        assert self.link is not None
        if self.pings:
            self.link.data_received(bytes((0, 0, 8, PING, ACK, 0, 0, 0, 0)) + self.pings[-1])

    def abort(self) -> None:
        return None


class Nobody:
    def heard(self, link: Link, events: Sequence[Event]) -> None:
        return None

    def closed(self, link: Link, reason: str, *, refused: bool) -> None:
        return None


def tell(story: Callable[[Link, Wire], Awaitable[None]], **facts: float) -> None:
    async def whole() -> None:
        wire = Wire()
        link = wire.link = Link(replace(FCM.facts, **facts), Authorization("a"), b"x", Nobody())
        link.connection_made(wire)
        link.data_received(frames.settings([(3, 100)]))
        await story(link, wire)

    asyncio.run(whole())


class Tag:
    at = 0.0


def test_a_connection_nothing_was_written_on_needs_no_ping() -> None:
    async def story(link: Link, wire: Wire) -> None:
        await link.barrier()
        assert wire.pings == []

    tell(story)


def test_stop_after_stop_costs_one_ping_until_something_is_written() -> None:
    async def story(link: Link, wire: Wire) -> None:
        link.submit(REQUESTS, 0, 1, Tag(), float("inf"))
        for _ in range(5):
            await link.barrier()
        assert len(wire.pings) == 1
        link.submit(REQUESTS, 1, 2, Tag(), float("inf"))
        await link.barrier()
        assert len(wire.pings) == 2

    tell(story)


def test_stops_at_once_share_a_ping_and_all_hear_the_answer() -> None:
    async def story(link: Link, wire: Wire) -> None:
        link.submit(REQUESTS, 0, 1, Tag(), float("inf"))
        wire.well = False
        waiting = [asyncio.ensure_future(link.barrier()) for _ in range(3)]
        await asyncio.sleep(0)
        assert len(wire.pings) == 1 and not any(one.done() for one in waiting)
        waiting[0].cancel()
        wire.acknowledge()
        await asyncio.gather(*waiting[1:])

    tell(story)


def test_a_slow_provider_is_probed_once_and_the_last_ping_is_kept_for_a_stop() -> None:
    async def story(link: Link, wire: Wire) -> None:
        link.submit(REQUESTS, 0, 1, Tag(), float("inf"))
        for _ in range(5):
            link.tick()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert len(wire.pings) == 1 == FCM.facts.pings_in_row - 1
        await link.barrier()
        assert len(wire.pings) <= FCM.facts.pings_in_row

    tell(story, ping_after=-1.0)


def test_a_provider_that_counts_none_is_probed_as_often_as_it_is_silent() -> None:
    async def story(link: Link, wire: Wire) -> None:
        link.submit(REQUESTS, 0, 1, Tag(), float("inf"))
        for _ in range(10):
            link.tick()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert len(wire.pings) > 2

    tell(story, ping_after=-1.0, pings_in_row=0)
