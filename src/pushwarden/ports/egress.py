"""The way out to addresses that users name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Undelivered(Exception):
    """No answer came; the sentence says why."""


class Poster(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The answer's status; redirects are not followed. Undelivered when none came in time or none may be asked."""
        ...
