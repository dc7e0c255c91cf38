"""Holds: a lane waits because too many tokens died at once. Nothing is buried until a person has looked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

RAW_REPORTS = "raw_reports"
"""What of the evidence names tokens: kept for a release, shown to nobody."""


class Release(StrEnum):
    APPLY = "apply"  # the provider was right: bury the tokens
    DISCARD = "discard"  # it was our mistake: touch no token


@dataclass(frozen=True, slots=True)
class Hold:
    """lane: Lane.key. counts: what was seen (dead, answered, …); evidence: the reports a release with `apply` acts on.

    Times are Unix milliseconds.
    """

    id: str
    lane: str
    reason: str
    opened_at: int
    opened_by: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict, repr=False)
    released_at: int | None = None
    released_by: str = ""
    release: Release | None = None

    def shown(self) -> Hold:
        """Without tokens, as people read it."""
        if RAW_REPORTS not in self.evidence:
            return self
        return replace(self, evidence={name: part for name, part in self.evidence.items() if name != RAW_REPORTS})
