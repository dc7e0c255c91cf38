"""The ring from the caller's side: one kept connection to each sender, so that a stop needs no connect."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pushwarden.adapters.ring_line import RingLine
from pushwarden.adapters.ring_server import RingServer
from pushwarden.adapters.seats import SeatTaken, connect, seats
from pushwarden.core.receipt import Confirmation, Evidence
from pushwarden.ports.ring import Answer, Seat

__all__ = ["Ring", "RingServer", "SeatTaken"]

SILENT_SECONDS = 0.05
MORE_SECONDS = 0.03
"""For the word itself, once there was a sign of life."""
WATCH_SECONDS = 0.25
READING_SECONDS = 2.0
"""How long a sender may take to read the ramps from a store that is busy."""


class Ring:
    """Implements the Ring port over unix sockets in the run folder. Open it once a process."""

    def __init__(self, run: Path, silent: float = SILENT_SECONDS) -> None:
        """silent: seconds a fence waits for the first sign of life."""
        self._run, self._silent = run, silent
        self._lines: dict[Seat, RingLine] = {}
        self._bells: set[str] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects to the senders that are there and, four times a second, to those that come."""
        await self._gather()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        for line in self._lines.values():
            line.abort()

    def doorbell(self, classes: Iterable[str]) -> None:
        """Bells of one turn of the loop go out as one line; a sender that has not read the last one gets no more."""
        if not self._bells:
            asyncio.get_running_loop().call_soon(self._ring_bells)
        self._bells.update(classes)

    async def fence(self, generation: int) -> list[Answer]:
        began = time.monotonic()
        until = (began + self._silent, began + self._silent + MORE_SECONDS)
        lines = await self._gather()
        ask = [self._fence_one(seat, line, generation, until) for seat, line in lines]
        return [
            Answer(seat, word.confirmation, word.named, (word.at - began) * 1e3, word.lanes)
            for (seat, _), word in zip(lines, await asyncio.gather(*ask), strict=True)
        ]

    async def snapshot(self) -> None:
        await self._ask_all({"op": "snapshot"})

    async def drain(self) -> None:
        """Asks every sender to finish what it has written and to take no more."""
        await self._ask_all({"op": "drain"})

    async def stats(self) -> dict[str, dict[str, Any]]:
        return await self._ask_all({"op": "stats"})

    async def ramps(self) -> dict[str, Mapping[str, int] | None]:
        said = await self._ask_all({"op": "ramps"}, READING_SECONDS)
        here = [seat.sender for seat, _ in await self._gather()]
        return {sender: said.get(sender, {}).get("ramps") for sender in here}

    async def _ask_all(self, request: dict[str, Any], patience: float = 0.5) -> dict[str, dict[str, Any]]:
        lines = [(seat, line) for seat, line in await self._gather() if line]
        replies = await asyncio.gather(*(line.ask(request, patience) for _, line in lines))
        return {seat.sender: reply for (seat, _), reply in zip(lines, replies, strict=True) if reply is not None}

    async def _fence_one(self, seat: Seat, line: RingLine | None, generation: int, until: tuple[float, float]) -> _Word:
        reply = await line.fence(generation, *until) if line else None
        now = time.monotonic()
        if reply is None:
            return _Word(None, 0, now)
        try:
            lanes = msgspec.convert(reply.get("lanes", {}), dict[str, Evidence])
            return _Word(Confirmation(reply["confirmation"]), int(reply.get("named", 0)), now, lanes)
        except (KeyError, ValueError):
            return _Word(None, 0, now)

    async def _gather(self) -> list[tuple[Seat, RingLine | None]]:
        here = seats(self._run)
        for gone in self._lines.keys() - set(here):
            self._lines.pop(gone).abort()
        for seat in here:
            line = self._lines.get(seat)
            if line is None or line.lost:
                await self._connect(seat)
        return [(seat, self._lines.get(seat)) for seat in here]

    async def _connect(self, seat: Seat) -> None:
        self._lines.pop(seat, None)
        try:
            sock = connect(self._run, seat.sender)
        except OSError:
            return
        loop = asyncio.get_running_loop()
        _, line = await loop.create_unix_connection(RingLine, sock=sock)
        self._lines[seat] = line

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await self._gather()

    def _ring_bells(self) -> None:
        line = msgspec.json.encode({"op": "doorbell", "classes": sorted(self._bells)}) + b"\n"
        self._bells.clear()
        for sender in self._lines.values():
            sender.bell(line)


@dataclass(frozen=True, slots=True)
class _Word:
    confirmation: Confirmation | None
    named: int
    at: float
    lanes: Mapping[str, Evidence] = field(default_factory=dict)
