"""An answer on its way out, and whether anybody still waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pushwarden.web.body import Receive
from pushwarden.web.call import Answer

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


async def give(send: Send, answer: Answer, own: Headers, request_id: str) -> None:
    """own: headers beside the answer's. A stream that fails leaves its error to the server, which logs it once and
    closes the connection: what was sent cannot be taken back, and must not look whole."""
    headers = ((b"content-type", answer.content_type), *answer.headers, *own)
    if answer.stream is None:
        body = answer.encoded()
        await send(_start(answer.status, (*headers, (b"content-length", b"%d" % len(body)))))
        await send({"type": "http.response.body", "body": body})
        return
    await send(_start(answer.status, headers))
    try:
        async for part in answer.stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except Exception as error:
        error.add_note(f"The answer to request {request_id} broke off.")
        raise
    await send({"type": "http.response.body", "body": b""})


def _start(status: int, headers: Headers) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


async def heard(parts: AsyncIterator[bytes], receive: Receive) -> AsyncIterator[bytes]:
    """A long file, for as long as somebody takes it."""
    gone = asyncio.ensure_future(left(receive))
    try:
        async for part in parts:
            yield part
            if gone.done():
                return
    finally:
        gone.cancel()


async def left(receive: Receive) -> None:
    """Until whoever asked has closed the connection; for ever where there is none. The body was not read before."""
    for _ in range(2):  # the request itself, and what comes after it
        if (await receive())["type"] == "http.disconnect":
            return
    await asyncio.Event().wait()
