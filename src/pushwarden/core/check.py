"""One line of what was found out about a credential, offline or live."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a credential report. result: passed | warning | failed | skipped | unproven (not provable yet)."""

    id: str
    result: str
    message: str
    evidence: str = ""
