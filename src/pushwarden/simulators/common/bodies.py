"""The shapes that a fault script gives to the body of a refusal, and how it is sent."""

from __future__ import annotations

from typing import Final

from pushwarden.http2.server import ServerConnection
from pushwarden.simulators.faults import Body

HUGE: Final = 1 << 20
JSON: Final = b"application/json"
CONTENT_TYPES: Final[dict[Body, bytes]] = {"text": b"text/html", "none": b""}
UNAVAILABLE: Final = b"<html><body>The service is unavailable.</body></html>"


def shaped(body: bytes, shape: Body, html: bytes = UNAVAILABLE) -> bytes:
    """body: a JSON object. html: the page for `text`."""
    match shape:
        case "none":
            return b""
        case "text":
            return html
        case "huge":
            return body.rstrip()[:-1] + b',"padding":"' + b"x" * HUGE + b'"}'
        case "truncated":
            return body[: len(body) // 2]
        case _:
            return body


def send(h2: ServerConnection, stream: int, block: bytes, body: bytes, shape: Body) -> None:
    """Answers with that body: in three DATA frames when the shape is `split`."""
    if shape != "split":
        h2.respond(stream, block, body)
        return
    if stream in h2.open_streams:
        h2.send_headers(stream, block)
        third = len(body) // 3
        h2.send_data(stream, body[:third], end=False)
        h2.send_data(stream, body[third : 2 * third], end=False)
        h2.send_data(stream, body[2 * third :])
