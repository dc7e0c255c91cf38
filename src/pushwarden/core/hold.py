"""Holds: a lane waits because too many tokens died at once. Nothing is buried until a person has looked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Release(StrEnum):
    APPLY = "apply"  # the provider was right: bury the tokens
    DISCARD = "discard"  # it was our mistake: touch no token


@dataclass(frozen=True, slots=True)
class Hold:
    """lane: Lane.key. counts: what was seen (dead, answered, …); evidence: reasons and samples without tokens.

    Times are Unix milliseconds.
    """

    id: str
    lane: str
    reason: str
    opened_at: int
    opened_by: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    released_at: int | None = None
    released_by: str = ""
    release: Release | None = None
