"""Answers as header blocks and bodies, as Google writes them."""

from __future__ import annotations

import random
from email.utils import formatdate
from functools import cache, lru_cache
from typing import Final

from pushwarden.http2.server import ServerConnection, encode_block
from pushwarden.simulators.common import bodies
from pushwarden.simulators.faults import Body, Refuse

from .answers import HTML, Refusal

JSON: Final = b"application/json; charset=UTF-8"
HTML_TYPE: Final = b"text/html; charset=UTF-8"
ACCEPTED: Final = encode_block([(b":status", b"200"), (b"content-type", JSON), (b"vary", b"Origin")])


def accept(h2: ServerConnection, streams: list[int], names: list[bytes], *, late_end: bool) -> None:
    """Answers 200 with the message's name; late_end: the end comes as a second, empty DATA frame."""
    sizes = list(map(len, names))
    for size in set(sizes):
        rows = [row for row, one in enumerate(sizes) if one == size]
        told = [b'{\n  "name": "%b"\n}\n' % names[row] for row in rows]
        h2.respond_bodies([streams[row] for row in rows], ACCEPTED, told, late_end=late_end)


@cache
def head(status: int, content_type: bytes, retry_after: str) -> bytes:
    headers = [(b":status", b"%d" % status)]
    headers += [(b"content-type", content_type)] if content_type else []
    headers += [(b"retry-after", retry_after.encode())] if retry_after else []
    headers += [(b"www-authenticate", b'Bearer realm="https://accounts.google.com/"')] if status == 401 else []
    return encode_block(headers)


@lru_cache(4)
def date(at: int) -> bytes:
    """The `date` of an answer. at: epoch seconds."""
    return encode_block([(b"date", formatdate(at, usegmt=True).encode())])


def refuse(
    h2: ServerConnection, stream: int, refused: Refusal, rule: Refuse | None, mixed: random.Random, at: float
) -> None:
    """Answers a refusal. rule: the script's, which may shape the body. mixed: for the order of the details.

    at: epoch seconds.
    """
    shape: Body = rule.body if rule else "json"
    html = refused.html or shape == "text"
    kind = b"" if shape == "none" else HTML_TYPE if html else JSON
    page = HTML % (refused.status, refused.status)
    body = bodies.shaped(refused.body(mixed, bare=shape == "bare"), shape, page)
    after = rule.retry_after if rule else refused.retry_after
    bodies.send(h2, stream, head(refused.status, kind, after) + date(int(at)), body, shape)
