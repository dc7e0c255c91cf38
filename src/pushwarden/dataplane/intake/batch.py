"""Many different pushes in one request, an array or NDJSON: one answer an item, in order, read as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

import msgspec

from pushwarden.core.errors import BodyTooLarge, PushwardenError
from pushwarden.dataplane.intake.push import Caller, Intake, Receipt
from pushwarden.dataplane.intake.request import BODY_LIMIT
from pushwarden.web.body import decode

CHUNK = 256
"""Items that share a commit."""
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


async def lines(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of NDJSON without blank ones. One over BODY_LIMIT is cut one byte above it, so that it is refused."""
    rest = b""
    async for part in parts:
        head, newline, tail = part.partition(b"\n")
        rest = (rest + head)[: BODY_LIMIT + 1]
        if not newline:
            continue
        *whole, last = tail.split(b"\n")
        for line in (rest, *whole):
            if line.strip():
                yield line
        rest = last[: BODY_LIMIT + 1]
    if rest.strip():
        yield rest


def items(body: bytes) -> list[bytes]:
    """The items of a JSON array. Malformed, Invalid, or BodyTooLarge when there are too many."""
    if body.count(b",") > ARRAY_LIMIT * _COMMAS:
        raise BodyTooLarge(f"An array has at most {ARRAY_LIMIT} pushes; send more as NDJSON.", limit=ARRAY_LIMIT)
    return [bytes(item) for item in decode(_ARRAY, body)]


async def batch_lines(intake: Intake, parts: AsyncIterator[bytes], caller: Caller) -> list[bytes]:
    """NDJSON: accepted by the chunk while the rest still comes. The answers, one JSON object a line."""
    answers: list[bytes] = []
    chunk: list[bytes] = []
    try:
        async for line in lines(parts):
            if len(answers) + len(chunk) == LINES_LIMIT:
                raise BodyTooLarge(f"A batch has at most {LINES_LIMIT} pushes; the rest was not read.")
            chunk.append(line)
            if len(chunk) == CHUNK:
                answers += await batch_chunk(intake, chunk, caller, len(answers))
                chunk = []
    except BodyTooLarge as error:
        # What came before is accepted and must be answered: the end of the reading is an answer of its own.
        answers += await batch_chunk(intake, chunk, caller, len(answers))
        return [*answers, _encoded(error)]
    return answers + await batch_chunk(intake, chunk, caller, len(answers))


async def batch_array(intake: Intake, body: bytes, caller: Caller) -> list[bytes]:
    answers: list[bytes] = []
    whole = items(body)
    for start in range(0, len(whole), CHUNK):
        answers += await batch_chunk(intake, whole[start : start + CHUNK], caller, start)
    return answers


async def batch_chunk(intake: Intake, chunk: list[bytes], caller: Caller, start: int) -> list[bytes]:
    """start: the first item's place in the request; an idempotency key becomes `key#place`."""
    callers = [
        replace(caller, key=f"{caller.key}#{place}") if caller.key else caller
        for place in range(start, start + len(chunk))
    ]
    return [_encoded(answer) for answer in await intake.push_many(chunk, callers)]


def _encoded(answer: Receipt | PushwardenError) -> bytes:
    if isinstance(answer, PushwardenError):
        field = str(answer.extra.get("field", ""))
        return msgspec.json.encode(Failed(Refused(answer.code, answer.status, answer.detail, field)))
    return msgspec.json.encode(answer)
