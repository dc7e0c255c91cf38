"""The routes by which people look at what became of pushes: lists, files, one push's story as it goes on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from pushwarden.core.addressed import unpack
from pushwarden.core.app import Snapshot
from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.directory_routes import known
from pushwarden.dataplane.intake.facets import facets
from pushwarden.dataplane.intake.search import FILTERS, PAGING, PLACES, as_csv, as_jsonl, narrowed, query_of, views
from pushwarden.dataplane.intake.story import FAILURES, Material, story
from pushwarden.dataplane.intake.views import progress_view
from pushwarden.ports.clock import Clock
from pushwarden.ports.journal import Accepts, Progress
from pushwarden.ports.records import PushQuery
from pushwarden.ports.stores import DeviceStore, JournalStore
from pushwarden.web.call import Answer, Call
from pushwarden.web.giving import heard, left
from pushwarden.web.routes import Route, Shape, Within, route

BASE = "/v1/apps/{app}/{env}/pushes"
ID = re.compile(r"[0-9a-f]{20}")
WAIT_SECONDS = 25
"""A live tail is answered after so long with nothing."""
LOOK_SECONDS = 0.25
STORY_SECONDS = 0.1
"""Between two looks at a push that somebody watches: its outcome is on the screen well within half a second."""
WATCHED_SECONDS = 300
CALM_SECONDS = 30
"""After which a watched push is looked at once a second."""


@dataclass(frozen=True, slots=True)
class RecordRoutes:
    journal: JournalStore
    devices: DeviceStore
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def routes(self) -> list[Route]:
        may, one = Permission.PUSH_READ, BASE + "/{id}"
        asked = (*FILTERS, *PAGING, "wait")
        return [
            route("GET", "/v1/pushes", self.all, permission=may, within=Within.AROUND,
                  summary="Pushes of all apps, newest first; `next` of a page is `before` of the next",
                  shape=Shape(query=(*PLACES, *asked))),
            route("GET", "/v1/pushes/export", self.export_all, permission=may, within=Within.AROUND,
                  summary="The same as CSV or JSONL", shape=Shape(query=(*PLACES, *FILTERS, "format"))),
            route("GET", "/v1/pushes/counts", self.count_all, permission=may, within=Within.AROUND,
                  summary="How many of the newest pushes each choice of a filter would leave",
                  shape=Shape(query=(*PLACES, *FILTERS))),
            route("GET", BASE + "/counts", self.count_own, permission=may, shape=Shape(query=FILTERS),
                  summary="How many of the newest pushes each choice of a filter would leave"),
            route("GET", BASE, self.own, permission=may, shape=Shape(query=asked),
                  summary="Pushes, newest first; with `after` and `wait` a live tail"),
            route("GET", BASE + "/export", self.export_own, permission=may, shape=Shape(query=(*FILTERS, "format")),
                  summary="The same as CSV or JSONL"),
            route("GET", one + "/story", self.story, permission=may,
                  summary="One push with its stages, times, recipients and what devices reported"),
            route("GET", one + "/events", self.events, permission=may,
                  summary="The same as server-sent events, one for each change"),
        ]  # fmt: skip

    # --- lists

    async def all(self, call: Call) -> Answer:
        asked = call.query(*PLACES, *FILTERS, *PAGING, "wait")
        return await self._list(call, asked, *narrowed(call, asked, query_of(call, asked)))

    async def own(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        asked = call.query(*FILTERS, *PAGING, "wait")
        return await self._list(call, asked, call.where, query_of(call, asked))

    async def _list(self, call: Call, asked: dict[str, str], where: Scope, query: PushQuery) -> Answer:
        rounds = call.number(asked.get("wait"), "wait", 0, WAIT_SECONDS) / LOOK_SECONDS
        page = await self.journal.pushes(where, query)
        while not page.pushes and rounds > 0:
            await asyncio.sleep(LOOK_SECONDS)
            rounds -= 1
            page = await self.journal.pushes(where, query)
        now_ms = self.clock.now_ms()
        return Answer({"pushes": [progress_view(one, now_ms) for one in page.pushes], "next": page.next or None})

    async def count_all(self, call: Call) -> Answer:
        asked = call.query(*PLACES, *FILTERS)
        where, query = narrowed(call, asked, query_of(call, asked))
        own = await self.journal.counted(where, query)
        if where.app or where.environment:
            around, wide = narrowed(call, {}, query_of(call, asked))
            return Answer(facets(own, await self.journal.counted(around, wide), query, asked))
        return Answer(facets(own, own, query, asked))

    async def count_own(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        query = query_of(call, call.query(*FILTERS))
        own = await self.journal.counted(call.where, query)
        return Answer(facets(own, own, query, {}))

    async def export_all(self, call: Call) -> Answer:
        asked = call.query(*PLACES, *FILTERS, "format")
        return self._export(call, asked, *narrowed(call, asked, query_of(call, asked)))

    async def export_own(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        asked = call.query(*FILTERS, "format")
        return self._export(call, asked, call.where, query_of(call, asked))

    def _export(self, call: Call, asked: dict[str, str], where: Scope, query: PushQuery) -> Answer:
        found = views(self.journal, where, query, self.clock.now_ms())
        match asked.get("format", "jsonl"):
            case "jsonl":
                return Answer(stream=heard(as_jsonl(found), call.receive), content_type=b"application/x-ndjson")
            case "csv":
                return Answer(stream=heard(as_csv(found), call.receive), content_type=b"text/csv; charset=utf-8")
            case _:
                raise Invalid("`format` is jsonl or csv.", field="format")

    # --- one push

    async def story(self, call: Call) -> Answer:
        return Answer(await self._story(call, await progress_of(self.journal, call)))

    async def events(self, call: Call) -> Answer:
        """Ends with the push, or after five minutes; whoever still looks asks again."""
        progress = await progress_of(self.journal, call)
        return Answer(stream=self._events(call, progress), content_type=b"text/event-stream")

    async def _events(self, call: Call, progress: Progress) -> AsyncIterator[bytes]:
        told, began = b"", self.clock.monotonic()
        gone = asyncio.ensure_future(left(call.receive))
        try:
            while not gone.done():
                said = await self._story(call, progress)
                now = msgspec.json.encode(said)
                if now != told:
                    yield b"event: story\ndata: " + now + b"\n\n"
                    told = now
                waited = self.clock.monotonic() - began
                if is_told(said) or waited > WATCHED_SECONDS:
                    yield b"event: end\ndata: {}\n\n"
                    return
                await asyncio.wait({gone}, timeout=STORY_SECONDS if waited < CALM_SECONDS else 1.0)
                progress = await progress_of(self.journal, call)
        finally:
            gone.cancel()

    async def _story(self, call: Call, progress: Progress) -> dict[str, Any]:
        where, push = call.where, progress.push.id
        failures = await self.journal.failures(where, push, limit=FAILURES)
        reports = await self.journal.reports(push)
        named: dict[int, list[int]] = {}
        for audience, entry in unpack(progress.addressed):
            if audience != RAW_AUDIENCE:
                named.setdefault(audience, []).append(int.from_bytes(entry, "little"))
        audiences = {one.id: one for one in await self.devices.audiences(where)} if named else {}
        names = {
            (audience, seq): name
            for audience, seqs in named.items()
            for seq, name in (await self.devices.names(audience, sorted(seqs))).items()
        }
        whole = call.principal.may(Permission.DEVICE_WRITE, where)
        return story(Material(progress, failures, reports, audiences, names), self.clock.now_ms(), whole=whole)


def is_told(said: dict[str, Any]) -> bool:
    """Whether nothing more is expected: all recipients have ended, and those that confirm have."""
    if said["state"] != "done":
        return False
    if not said["confirm"]:
        return True
    opened = said["reports"]["opened"]
    return not said["accepted"] or bool(opened and opened["devices"] >= said["accepted"])


async def progress_of(accepts: Accepts, call: Call) -> Progress:
    """The push a path names; NotFound when it is not here."""
    push_id = call.params["id"]
    progress = await accepts.progress(call.where, push_id) if ID.fullmatch(push_id) else None
    if progress is None:
        raise NotFound("There is no such push here, or it is not yours.")
    return progress
