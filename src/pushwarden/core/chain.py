"""The audit's hash chain: h₁ = SHA-256(genesis | entry₁), hᵢ = SHA-256(hᵢ₋₁ | entryᵢ), one chain an organisation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

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

    @property
    def anchor(self) -> str:
        """`1234:9f3c…`: kept where nobody who can write the chain can write, it shows a cut or rewritten chain."""
        return f"{self.entries}:{self.head}"


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a row's hash once was, known from elsewhere than the chain. at: Unix milliseconds, 0 when not known."""

    organisation: str
    sequence: int
    hash: bytes
    at: int = 0

    @property
    def text(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"

    @classmethod
    def parse(cls, organisation: str, text: str) -> Anchor:
        """`1234:9f3c…`. ValueError when it is not that."""
        sequence, _, kept = text.partition(":")
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) < 16 and len(kept) == 64):
            raise ValueError(text[:100])
        return cls(organisation, int(sequence), bytes.fromhex(kept))


def canonical(entry: AuditEntry, sequence: int) -> bytes:
    """The entry's JSON: sorted names, no spaces, UTF-8."""
    said = asdict(entry) | {"scope": entry.scope.key, "sequence": sequence}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def genesis(organisation: str) -> bytes:
    return hashlib.sha256(b"pushwarden audit\n" + organisation.encode()).digest()


def link(previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(previous + body).digest()


def verify(
    organisation: str,
    rows: Iterable[tuple[int, bytes, bytes]],
    *,
    start: tuple[int, bytes] | None = None,
    anchors: Iterable[Anchor] = (),
) -> Verdict:
    """Rows (sequence, body, hash), ascending. Finds an edited, removed, inserted or moved row.

    start: (sequence, hash) of an earlier verdict to go on from; None is the beginning. anchors: find a chain that was
    written anew as well; what was cut off its end is found by `reaching`.
    """
    known = {one.sequence: one for one in anchors}
    sequence, head = start or (0, genesis(organisation))
    for found, body, kept in rows:
        problem = _problem(organisation, sequence + 1, found, body)
        expected = link(head, body)
        if not problem and expected != kept:
            problem = "its hash does not follow from the row before: it or that row was changed"
        if not problem and found in known and known[found].hash != kept:
            problem = "it is another one than an anchor kept: the chain was written anew up to here"
        if problem:
            return Verdict(organisation, sequence, head.hex(), sequence + 1, problem)
        sequence, head = found, expected
    return Verdict(organisation, sequence, head.hex())


def reaching(verdict: Verdict, anchors: Iterable[Anchor]) -> Verdict:
    """The verdict on a whole chain, broken where it ends before its last anchor."""
    last = max((one.sequence for one in anchors), default=0)
    if not verdict.intact or last <= verdict.entries:
        return verdict
    problem = f"the end was cut off: an anchor kept row {last}"
    return replace(verdict, broken_at=verdict.entries + 1, problem=problem)


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
