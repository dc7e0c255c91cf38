"""What waits a few minutes in memory, and never on disk: a file whose password is missing, a report just made."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pushwarden.core.check import Check

MINUTES_MS = 60_000
FILE_MS, REPORT_MS = 10 * MINUTES_MS, 60 * MINUTES_MS
MOST = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """owner: the session that sent it; no other gets it back."""

    owner: str = field(repr=False)
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reported:
    """What was seen of a file. also: what became of it elsewhere, in sentences."""

    name: str
    size: int
    at: int
    checks: Sequence[Check] = ()
    also: Sequence[str] = ()


class Shelf(Generic[T]):
    """At most MOST things; the oldest goes first, and everything after its time."""

    def __init__(self, lasts_ms: int) -> None:
        self._lasts_ms = lasts_ms
        self._there: OrderedDict[str, tuple[int, T]] = OrderedDict()

    def put(self, thing: T, now_ms: int, name: str = "") -> str:
        """Under which name it is found."""
        name = name or secrets.token_urlsafe(18)
        self._there[name] = (now_ms + self._lasts_ms, thing)
        self._there.move_to_end(name)
        while len(self._there) > MOST or next(iter(self._there.values()))[0] <= now_ms:
            self._there.popitem(last=False)
        return name

    def get(self, name: str, now_ms: int) -> T | None:
        until, thing = self._there.get(name, (0, None))
        return thing if until > now_ms else None

    def drop(self, name: str) -> None:
        self._there.pop(name, None)


FILES: Shelf[KeptFile] = Shelf(FILE_MS)
REPORTS: Shelf[Reported] = Shelf(REPORT_MS)
