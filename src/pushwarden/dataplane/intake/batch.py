"""Many different pushes in one request, an array or NDJSON: one answer an item, in order, read as it comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from pushwarden.core.errors import BodyTooLarge, PushwardenError
from pushwarden.dataplane.intake.push import Caller, Intake
from pushwarden.dataplane.intake.request import BODY_LIMIT
from pushwarden.web.body import decode

CHUNK = 1024
"""Items that are planned in one go and share a commit: each takes the event loop a few milliseconds."""
AT_ONCE = 2
"""Chunks of a request under way: one is planned while the one before it is committed."""
LINES_LIMIT = 100_000
ARRAY_LIMIT = 10_000
ARRAY_BYTES = 16 << 20
BATCH_BYTES = 128 << 20
_COMMAS = 100
"""An item of an array holds at most this many commas on average, or reading it would take too much memory."""

_ARRAY = msgspec.json.Decoder(Annotated[list[msgspec.Raw], msgspec.Meta(max_length=ARRAY_LIMIT)])


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an item that was not accepted."""

    code: str
    status: int
    detail: str
    field: str = ""


class Failed(msgspec.Struct, frozen=True):
    error: Refused


async def lines(parts: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The lines of NDJSON without blank ones, as many at once as came together.

    One over BODY_LIMIT is cut one byte above it, so that it is refused.
    """
    rest = b""
    async for part in parts:
        head, newline, tail = part.partition(b"\n")
        rest = (rest + head)[: BODY_LIMIT + 1]
        if newline:
            *whole, last = tail.split(b"\n")
            yield [line for line in (rest, *whole) if line and not line.isspace()]
            rest = last[: BODY_LIMIT + 1]
    if rest.strip():
        yield [rest]


def items(body: bytes) -> list[bytes]:
    """The items of a JSON array. Malformed, Invalid, or BodyTooLarge when there are too many."""
    if body.count(b",") > ARRAY_LIMIT * _COMMAS:
        raise BodyTooLarge(f"An array has at most {ARRAY_LIMIT} pushes; send more as NDJSON.", limit=ARRAY_LIMIT)
    return [bytes(item) for item in decode(_ARRAY, body)]


async def batch_lines(intake: Intake, parts: AsyncIterator[bytes], caller: Caller) -> list[bytes]:
    """NDJSON: accepted by the chunk while the rest still comes. The answers, one JSON object a line."""
    chunks = _Chunks(intake, caller)
    waiting: list[bytes] = []
    try:
        async for some in lines(parts):
            if chunks.begun + len(waiting) + len(some) > LINES_LIMIT:
                waiting += some[: LINES_LIMIT - chunks.begun - len(waiting)]
                raise BodyTooLarge(f"A batch has at most {LINES_LIMIT} pushes; the rest was not read.")
            waiting += some
            while len(waiting) >= CHUNK:
                chunk, waiting = waiting[:CHUNK], waiting[CHUNK:]
                await chunks.begin(chunk)
    except BodyTooLarge as error:
        # What came before is accepted and must be answered: the end of the reading is an answer of its own.
        return [*await chunks.end(waiting), _encoded(error)]
    except BaseException:
        chunks.give_up()
        raise
    return await chunks.end(waiting)


async def batch_array(intake: Intake, body: bytes, caller: Caller) -> list[bytes]:
    chunks, whole = _Chunks(intake, caller), items(body)
    for start in range(0, len(whole), CHUNK):
        await chunks.begin(whole[start : start + CHUNK])
    return await chunks.end([])


class _Chunks:
    """A request's chunks: one is read and planned while the one before it is committed."""

    def __init__(self, intake: Intake, caller: Caller) -> None:
        self._intake, self._caller = intake, caller
        self._under_way: deque[asyncio.Task[list[bytes]]] = deque()
        self._answers: list[bytes] = []
        self.begun = 0

    async def begin(self, chunk: list[bytes]) -> None:
        if len(self._under_way) == AT_ONCE:
            await self._gather()
        self._under_way.append(asyncio.create_task(self._taken(chunk, self.begun), name="intake-chunk"))
        self.begun += len(chunk)
        await asyncio.sleep(0)

    async def end(self, chunk: list[bytes]) -> list[bytes]:
        """With the last chunk, all answers."""
        if chunk:
            await self.begin(chunk)
        while self._under_way:
            await self._gather()
        return self._answers

    def give_up(self) -> None:
        """What is being committed is not undone, but nobody waits for the answer."""
        for task in self._under_way:
            task.cancel()

    async def _gather(self) -> None:
        try:
            self._answers += await self._under_way[0]
        except BaseException:
            self.give_up()
            raise
        self._under_way.popleft()

    async def _taken(self, chunk: list[bytes], first: int) -> list[bytes]:
        return [_encoded(answer) for answer in await self._intake.push_many(chunk, self._caller, first)]


def _encoded(answer: bytes | PushwardenError) -> bytes:
    if isinstance(answer, bytes):
        return answer
    field = str(answer.extra.get("field", ""))
    return msgspec.json.encode(Failed(Refused(answer.code, answer.status, answer.detail, field)))
