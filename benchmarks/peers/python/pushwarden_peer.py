"""Pushwarden's own client alone, without store, journal or gate: links of the sender write the job of argument 1."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop
from job import Job, measured

from pushwarden.dataplane.transport.dial import Target, dial
from pushwarden.dataplane.transport.streams import Link
from pushwarden.http2.messages import Accepted, Answer, Event, Requests, Unanswered
from pushwarden.providers.apns import APNS
from pushwarden.providers.port import Authorization, Origin

BURST = 256


@dataclass(frozen=True, slots=True)
class Tag:
    at: float


class Writer:
    """Hears the link and writes on as answers come."""

    def __init__(self) -> None:
        self.accepted = self.ended = self.written = 0
        self.work: Requests | None = None
        self.done: asyncio.Future[None] | None = None

    def heard(self, link: Link, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Accepted(_, rows):
                    self.accepted += len(rows)
                    self.ended += len(rows)
                case Answer():
                    self.ended += 1
                case Unanswered(_, rows):
                    self.ended += len(rows)
                case _:
                    pass
        self.write(link)

    def closed(self, link: Link, reason: str, *, refused: bool) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(ConnectionResetError(reason))

    def write(self, link: Link) -> None:
        work = self.work
        if work is None or self.done is None:
            return
        left = work.count - self.written
        if left and (link.room >= min(BURST, left) or not link.in_flight):
            now = asyncio.get_running_loop().time()
            self.written += link.submit(work, self.written, work.count, Tag(now), now + 60)
        if self.ended == work.count and not self.done.done():
            self.done.set_result(None)

    async def send(self, link: Link, requests: Requests) -> int:
        self.accepted = self.ended = self.written = 0
        self.work, self.done = requests, asyncio.get_running_loop().create_future()
        self.write(link)
        await self.done
        return self.accepted


async def main(job: Job) -> None:
    context = ssl.create_default_context(cafile=job.ca)
    context.set_alpn_protocols(["h2"])
    authorization = Authorization("peer", ((b"authorization", job.authorization().encode()),))
    origin, writer = Origin(job.host, job.port), Writer()
    link = await dial(Target(origin, context), lambda: Link(APNS.facts, authorization, origin.authority, writer))
    fixed = ((b"apns-topic", job.topic.encode()), (b"apns-push-type", b"background"), (b"apns-priority", b"5"))
    body = json.dumps(job.payload).encode()
    numbers = iter(range(1, 1 << 48))

    async def send_all(tokens: list[str]) -> int:
        paths = [b"/3/device/" + token.encode() for token in tokens]
        ids = [b"00000000-0000-4000-8000-%012x" % next(numbers) for _ in tokens]
        headers = (*fixed, (b"apns-id", ids), *authorization.headers)
        return await writer.send(link, Requests(len(tokens), origin.authority, paths, body, headers))

    await send_all(job.tokens(1))
    await measured(job, send_all)


if __name__ == "__main__":
    uvloop.run(main(Job.read(sys.argv[1])))
