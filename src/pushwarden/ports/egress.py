"""The way out to addresses that users name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pushwarden.core.mail import Mail


class Undelivered(Exception):
    """No answer came; the sentence says why."""


class Poster(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The answer's status; redirects are not followed. Undelivered when none came in time or none may be asked."""
        ...


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Undelivered when the server did not take it; taken is not read."""
        ...
