"""What is kept of an answer until its end, and what its words mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from pushwarden.http2.hpack import Header
from pushwarden.http2.windows import Inbox

STREAM_WINDOW: Final = 1 << 20
BODY_CAP: Final = 8192


@dataclass(slots=True)
class Partial:
    """An answer whose end has not come."""

    status: int
    headers: list[Header]
    body: bytes = b""
    inbox: Inbox | None = None

    def keep(self, body: bytes) -> None:
        """Add to the body; what is beyond the cap is dropped."""
        self.body += body[: BODY_CAP - len(self.body)]

    def take(self, size: int) -> int:
        """The stream's credit to give for DATA of so many bytes that is not the last."""
        if self.inbox is None:
            self.inbox = Inbox(STREAM_WINDOW)
        return self.inbox.take(size)


def status_of(headers: list[Header]) -> int:
    """The status, which must come first (RFC 9113 §8.3); 0 when there is none."""
    if not headers or headers[0][0] != b":status":
        return 0
    text = headers[0][1]
    return int(text) if len(text) == 3 and text.isdigit() and text[0] != 48 else 0


def reason_of(debug: bytes) -> str:
    """The reason in a GOAWAY's debug data, as APNs writes it; empty when there is none."""
    try:
        found = json.loads(debug)
    except (ValueError, RecursionError):
        return ""
    reason = found.get("reason") if isinstance(found, dict) else None
    return reason if isinstance(reason, str) else ""
