"""Answers as header blocks and bodies: the honest ones, and the shapes a fault script asks for."""

from __future__ import annotations

from functools import cache
from typing import Final

from pushwarden.http2.server import ServerConnection, encode_block
from pushwarden.simulators.faults import Body, Refuse

from .answers import Refusal
from .columns import ID_SIZE

HUGE: Final = 1 << 20
SANDBOX_NAME: Final = b"apns-unique-id"
CONTENT_TYPES: Final[dict[Body, bytes]] = {"text": b"text/html", "none": b""}


def _name(name: bytes, size: int) -> bytes:
    """A literal header without indexing, up to its value of `size` bytes."""
    return encode_block([(name, b"x" * size)])[:-size]


ACCEPTED: Final = encode_block([(b":status", b"200")]) + _name(b"apns-id", ID_SIZE)
UNIQUE: Final = _name(SANDBOX_NAME, ID_SIZE)


def accept(h2: ServerConnection, streams: list[int], ids: list[bytes], *, sandbox: bool) -> None:
    """Answers 200 to all, with apns-id; in the sandbox also apns-unique-id."""
    tails = [name + UNIQUE + name[:14] + b"a" + name[15:] for name in ids] if sandbox else ids
    h2.respond_many(streams, ACCEPTED, tails)


@cache
def _head(status: int, content_type: bytes, retry_after: str) -> bytes:
    headers = [(b":status", b"%d" % status)]
    headers += [(b"content-type", content_type)] if content_type else []
    headers += [(b"retry-after", retry_after.encode())] if retry_after else []
    return encode_block(headers) + _name(b"apns-id", ID_SIZE)


def refuse(h2: ServerConnection, stream: int, apns_id: bytes, refused: Refusal, rule: Refuse | None) -> None:
    """Answers a refusal; rule: the script's, which may shape the body."""
    shape: Body = rule.body if rule else "json"
    head = _head(refused.status, CONTENT_TYPES.get(shape, b"application/json"), rule.retry_after if rule else "")
    block, body = head + apns_id, _shaped(refused.body, shape)
    if shape != "split":
        h2.respond(stream, block, body)
        return
    if stream in h2.open_streams:
        h2.send_headers(stream, block)
        third = len(body) // 3
        h2.send_data(stream, body[:third], end=False)
        h2.send_data(stream, body[third : 2 * third], end=False)
        h2.send_data(stream, body[2 * third :])


def _shaped(body: bytes, shape: Body) -> bytes:
    match shape:
        case "none":
            return b""
        case "text":
            return b"<html><body>The service is unavailable.</body></html>"
        case "huge":
            return body[:-1] + b',"padding":"' + b"x" * HUGE + b'"}'
        case "truncated":
            return body[: len(body) // 2]
        case _:
            return body
