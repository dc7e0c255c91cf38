"""One callback's courier: makes the next message, tells it until it is taken, and only then makes another."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Callback, Course, Delivery, Message, made, next_try
from pushwarden.core.errors import Busy, PushwardenError, StoreFull
from pushwarden.core.scope import Scope
from pushwarden.core.secret import Secret
from pushwarden.dataplane.callbacks.signing import signed
from pushwarden.dataplane.callbacks.sources import MOST, Found, Source
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.ports.clock import Clock
from pushwarden.ports.egress import Poster, Undelivered
from pushwarden.ports.vault import OpeningVault

GONE = 410
"""The receiver wants no more (Standard Webhooks: the endpoint should be disabled)."""
FAR = 10_000
"""Numbers passed with nothing to tell before the place is kept."""
ACTOR = "chores"
log = structlog.get_logger("callbacks")


@dataclass(frozen=True, slots=True)
class Bag:
    """What every courier works with."""

    catalog: Catalog
    sources: Sequence[Source]
    vault: OpeningVault
    poster: Poster
    clock: Clock
    beat: float = 0.5  # seconds between two looks when there is nothing to tell
    jitter: Callable[[], float] = random.random


class Courier:
    """Tells one callback, one request at a time: whatever its receiver does, no other waits."""

    def __init__(self, callback: Callback, bag: Bag) -> None:
        self._callback, self._bag = callback, bag
        self._passed: dict[str, tuple[int, list[str]]] = {}  # source → place and pushes beyond what is kept
        self._full = False  # the last message took all it could: there is more

    async def run(self) -> None:
        """For ever."""
        while True:
            rest = self._bag.beat
            with contextlib.suppress(Busy, StoreFull):
                if await self.step():
                    rest = 0
            await asyncio.sleep(rest)

    async def step(self) -> bool:
        """Tells what is due, or makes the next message. Whether there may be more at once."""
        course = await self._bag.catalog.read(lambda tables: tables.courses.get(self._callback))
        now_ms = self._bag.clock.now_ms()
        for message in course.messages:
            if message.trial or (message.due_at <= now_ms and not message.gave_up):
                return await self._tell(message)
        return course.message is None and await self._make(course, now_ms)

    # --- making a message

    async def _make(self, course: Course, now_ms: int) -> bool:
        for source in self._bag.sources:
            if source.events & set(self._callback.events):
                found = await self._look(source, course)
                if found.items:
                    await self._keep(source, found, made(found.kind, self._callback.app, found.items, now_ms))
                    self._full = len(found.items) >= MOST
                    return True
                if found.place - course.places.get(source.name, 0) > FAR:
                    await self._keep(source, found, None)
        return False

    async def _look(self, source: Source, course: Course) -> Found:
        """`Found` counts from what is kept, not from what is only remembered here."""
        kept = course.places.get(source.name)
        place, passed = self._passed.get(source.name, (kept, list[str]()))
        if place is None:
            place = await source.begin(self._callback)
        found = await source.read(self._callback, place, [*course.waiting, *passed])
        told = set(found.told)
        found = replace(
            found,
            passed=[push for push in passed if push not in told] + found.passed,
            told=[push for push in course.waiting if push in told],
        )
        self._passed[source.name] = (found.place, found.passed)
        return found

    async def _keep(self, source: Source, found: Found, message: Message | None) -> None:
        """Message and places in one transaction: what is told is neither lost nor made twice, however this ends."""

        def work(tables: Tables) -> None:
            courses = tables.courses
            courses.place(self._callback, {**courses.get(self._callback).places, source.name: found.place})
            courses.seen(self._callback, found.told)
            courses.wait(self._callback, found.passed)
            if message is not None:
                courses.put(self._callback, message)

        await self._bag.catalog.note(work)
        del self._passed[source.name]

    # --- telling it

    async def _tell(self, message: Message) -> bool:
        delivery = await self._post(message)
        taken = 200 <= delivery.status < 300
        due, gave_up = next_try(message, self._bag.clock.now_ms(), self._bag.jitter())
        failed = replace(message, attempts=message.attempts + 1, due_at=due, gave_up=gave_up)

        def work(tables: Tables) -> None:
            courses = tables.courses
            courses.note(self._callback, delivery)
            stood = courses.drop(self._callback, message.id)  # a person may have skipped it meanwhile
            if stood and not taken and not message.trial:
                courses.put(self._callback, failed)

        await self._bag.catalog.note(work)
        if not taken:
            log.warning("callback refused", callback=self._callback.id, status=delivery.status, error=delivery.error)
        if delivery.status == GONE and not message.trial:
            await self._turn_off()
        return taken and (message.trial or self._full)

    async def _post(self, message: Message) -> Delivery:
        now_ms, began = self._bag.clock.now_ms(), self._bag.clock.monotonic()
        status, error = 0, ""
        try:
            headers = signed(message.id, message.body, now_ms // 1000, self._secrets(now_ms))
            headers["content-type"] = "application/json"
            status = await self._bag.poster.post(self._callback.url, headers, message.body)
            error = "" if 200 <= status < 300 else f"The receiver answered {status}."
        except Undelivered as reason:
            error = str(reason)
        except PushwardenError as reason:
            error = reason.detail
        ms = int((self._bag.clock.monotonic() - began) * 1000)
        return Delivery(message.id, message.kind, now_ms, status, ms, error)

    def _secrets(self, now_ms: int) -> list[Secret]:
        callback = self._callback
        sealed = [callback.sealed, *([callback.previous] if callback.previous_until > now_ms else [])]
        return [self._bag.vault.open(one, callback.label) for one in sealed]

    async def _turn_off(self) -> None:
        callback = self._callback
        ended = f"{callback.url} answered 410: it wants no more. Turn it on again when it does."

        def work(tables: Tables) -> Changed[None]:
            now = tables.callbacks.get(callback.organisation, callback.app, callback.id)
            if now is not None and now.version == callback.version:
                tables.callbacks.update(replace(now, enabled=False, ended=ended, version=now.version + 1))
            return Changed(None, target=callback.id, after={"enabled": False, "ended": ended})

        where = Scope(callback.organisation, callback.app)
        entry = AuditEntry(self._bag.clock.now_ms(), ACTOR, "callback.end", where, callback.id)
        await self._bag.catalog.change(entry, work)
