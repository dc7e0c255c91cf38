"""The audit's hash chain: h₁ = SHA-256(genesis | entry₁), hᵢ = SHA-256(hᵢ₋₁ | entryᵢ), one chain an organisation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pushwarden.core.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class Verdict:
    """entries: how many hold together from the first on. broken_at: the sequence of the first that does not."""

    organisation: str
    entries: int
    head: str  # hex of the last good hash: kept elsewhere, it shows a cut tail too
    broken_at: int | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def canonical(entry: AuditEntry, sequence: int) -> bytes:
    """The entry's JSON: sorted names, no spaces, UTF-8."""
    said = asdict(entry) | {"scope": entry.scope.key, "sequence": sequence}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def genesis(organisation: str) -> bytes:
    return hashlib.sha256(b"pushwarden audit\n" + organisation.encode()).digest()


def link(previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(previous + body).digest()


def verify(
    organisation: str, rows: Iterable[tuple[int, bytes, bytes]], *, start: tuple[int, bytes] | None = None
) -> Verdict:
    """Rows (sequence, body, hash), ascending. Finds an edited, removed, inserted or moved row.

    start: (sequence, hash) of an earlier verdict to go on from; None is the beginning.
    """
    sequence, head = start or (0, genesis(organisation))
    for found, body, kept in rows:
        problem = _problem(organisation, sequence + 1, found, body)
        expected = link(head, body)
        if not problem and expected != kept:
            problem = "its hash does not follow from the row before: it or that row was changed"
        if problem:
            return Verdict(organisation, sequence, head.hex(), sequence + 1, problem)
        sequence, head = found, expected
    return Verdict(organisation, sequence, head.hex())


def _problem(organisation: str, expected: int, found: int, body: bytes) -> str:
    if found != expected:
        return f"row {expected} is missing"
    try:
        said = json.loads(body)
        sequence, owner = said["sequence"], said["scope"].split("/")[0]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it cannot be read"
    if sequence != expected or owner != organisation:
        return f"it says it is row {sequence} of {owner or 'the installation'}"
    return ""
