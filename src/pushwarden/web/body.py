"""Request bodies: bounded, and read into typed structs whose refusals name the field."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from pushwarden.core.errors import BodyTooLarge, Invalid, Malformed, UnknownField, UnsupportedMedia

Receive = Callable[[], Awaitable[dict[str, Any]]]
RawHeaders = Sequence[tuple[bytes, bytes]]
T = TypeVar("T")

LIMIT = 1024 * 1024
"""Bytes a body may have where a route says nothing else."""

_UNKNOWN = re.compile(r"unknown field `(.+?)`(?: - at `\$\.?(.*)`)?$")
_AT = re.compile(r" - at `\$\.?(.*)`$")


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


def header(headers: RawHeaders, name: bytes) -> bytes | None:
    """The first value of a lower-case name."""
    for key, value in headers:
        if key == name:
            return value
    return None


async def chunks(receive: Receive, limit: int) -> AsyncGenerator[bytes]:
    """The body as it comes. BodyTooLarge past `limit` bytes, ClientGone when it breaks off."""
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        total += len(part)
        if total > limit:
            raise BodyTooLarge(f"The body may have at most {limit} bytes.", limit=limit)
        if part:
            yield part
        if not message.get("more_body", False):
            return


async def read(headers: RawHeaders, receive: Receive, limit: int = LIMIT) -> bytes:
    """The whole body, refused by its announced length before a byte is read."""
    announced(headers, limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(f"The body may have at most {limit} bytes.", limit=limit)
        return body
    return b"".join([part async for part in chunks(_after(message, receive), limit)])


def announced(headers: RawHeaders, limit: int) -> None:
    """Refuses by the headers alone: too long, or compressed."""
    length = header(headers, b"content-length")
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise BodyTooLarge(f"The body may have at most {limit} bytes.", limit=limit)
    if header(headers, b"content-encoding") not in (None, b"", b"identity"):
        raise UnsupportedMedia("Send the body without Content-Encoding.")


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Malformed when it is not JSON, UnknownField and Invalid (with `field`) when it is not what is asked."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise refusal(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None


def refusal(error: msgspec.ValidationError) -> Invalid | UnknownField:
    """What msgspec found, in our words, with the field's path."""
    text = str(error)
    unknown = _UNKNOWN.search(text)
    if unknown:
        field = ".".join(part for part in (unknown[2], unknown[1]) if part)
        return UnknownField(f"There is no field `{field}` here; remove it or correct its name.", field=field)
    at = _AT.search(text)
    field = at[1] if at else ""
    said = text[: at.start()] if at else text
    return Invalid(f"{f'`{field}`: ' if field else ''}{said}.", field=field)


def _after(first: dict[str, Any], receive: Receive) -> Receive:
    held: list[dict[str, Any]] = [first]

    async def again() -> dict[str, Any]:
        return held.pop() if held else await receive()

    return again
