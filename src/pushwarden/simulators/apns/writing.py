"""Answers as header blocks and bodies: the honest ones, and the shapes a fault script asks for."""

from __future__ import annotations

from functools import cache
from typing import Final

from pushwarden.http2.server import ServerConnection, encode_block
from pushwarden.simulators.common import bodies
from pushwarden.simulators.faults import Body, Refuse

from .answers import Refusal
from .columns import ID_SIZE

SANDBOX_NAME: Final = b"apns-unique-id"


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
    head = _head(refused.status, bodies.CONTENT_TYPES.get(shape, bodies.JSON), rule.retry_after if rule else "")
    body = b"{}" if shape == "bare" else bodies.shaped(refused.body, shape)
    bodies.send(h2, stream, head + apns_id, body, shape)
