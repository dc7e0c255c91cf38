"""Everything that can be done to an audit chain behind our back, at every place of it, and whether it is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.control.audit import verified_file
from pushwarden.core.audit import AuditEntry
from pushwarden.core.chain import Anchor, canonical, genesis, link, reaching, verify
from pushwarden.core.scope import Scope

Row = tuple[int, bytes, bytes]
FORGED = AuditEntry(5, "mallory", "app.delete", Scope("acme"))
FIELDS: dict[str, Any] = {
    "actor": "mallory", "action": "app.read", "at": 1, "target": "x", "outcome": "forged", "reason": "none",
    "request_id": "r9", "address": "192.0.2.9", "after": {"name": "y"}, "before": {"name": "z"}, "scope": "beta/////",
    "extra": {"actor_name": "Dana"}, "sequence": 99,
}  # fmt: skip


def chain(length: int, organisation: str = "acme") -> list[Row]:
    rows: list[Row] = []
    head = genesis(organisation)
    for sequence in range(1, length + 1):
        entry = AuditEntry(sequence * 10, f"key{sequence % 3}", "app.change", Scope(organisation), reason="é\n\u2028")
        body = canonical(entry, sequence)
        head = link(head, body)
        rows.append((sequence, body, head))
    return rows


def linked(rows: Sequence[Row], start: int, head: bytes) -> list[Row]:
    """Numbered and chained anew, as somebody would who knows how."""
    done = []
    for sequence, (_, body, _) in enumerate(rows, start):
        own = json.loads(body) | {"sequence": sequence}
        body = json.dumps(own, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        head = link(head, body)
        done.append((sequence, body, head))
    return done


def _edited(rows: list[Row], at: int, name: str) -> list[Row]:
    sequence, body, kept = rows[at]
    said = json.loads(body) | {name: FIELDS[name]}
    changed = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return [*rows[:at], (sequence, changed, kept), *rows[at + 1 :]]


def _head(rows: Sequence[Row], at: int) -> bytes:
    return rows[at - 1][2] if at else genesis("acme")


def _rewritten(rows: list[Row], at: int, instead: Sequence[Row]) -> list[Row]:
    """A fork: what begins at `at` is written anew, every hash of it in order."""
    return [*rows[:at], *linked(instead, at + 1, _head(rows, at))]


def _forged(sequence: int) -> Row:
    return sequence, canonical(FORGED, sequence), b"\x00" * 32


def _renumbered(rows: Sequence[Row]) -> list[Row]:
    return [(number, body, kept) for number, (_, body, kept) in enumerate(rows, 1)]


def _rehashed(rows: list[Row], at: int) -> list[Row]:
    edited = _edited(rows, at, "actor")
    sequence, body, _ = edited[at]
    return [*edited[:at], (sequence, body, link(_head(rows, at), body)), *edited[at + 1 :]]


def _swapped(rows: list[Row], one: int, other: int) -> list[Row]:
    done = list(rows)
    done[one], done[other] = (rows[one][0], *rows[other][1:]), (rows[other][0], *rows[one][1:])
    return done


def _flipped(rows: list[Row], at: int) -> list[Row]:
    sequence, body, kept = rows[at]
    return [*rows[:at], (sequence, body, bytes([kept[0] ^ 1]) + kept[1:]), *rows[at + 1 :]]


Change = Callable[[list[Row]], Iterator[list[Row]]]
"""A chain → it, changed in one way at each place."""
KINDS: dict[str, Change] = {
    "edit": lambda rows: (_edited(rows, at, name) for at in range(len(rows)) for name in FIELDS),
    "edit a hash": lambda rows: (_flipped(rows, at) for at in range(len(rows))),
    "edit with its own hash mended": lambda rows: (_rehashed(rows, at) for at in range(len(rows))),
    "delete": lambda rows: ([*rows[:at], *rows[at + 1 :]] for at in range(len(rows))),
    "delete and renumber": lambda rows: (_renumbered([*rows[:at], *rows[at + 1 :]]) for at in range(len(rows))),
    "insert": lambda rows: ([*rows[:at], _forged(at + 1), *rows[at:]] for at in range(len(rows) + 1)),
    "insert and renumber": lambda rows: (
        _renumbered([*rows[:at], _forged(at + 1), *rows[at:]]) for at in range(len(rows) + 1)
    ),
    "reorder": lambda rows: (
        _swapped(rows, one, other) for one in range(len(rows)) for other in range(one + 1, len(rows))
    ),
    "cut the tail": lambda rows: (rows[:at] for at in range(len(rows))),
    "fork": lambda rows: (_rewritten(rows, at, _edited(rows, at, "actor")[at:]) for at in range(len(rows))),
    "fork without a row": lambda rows: (_rewritten(rows, at, rows[at + 1 :]) for at in range(len(rows))),
    "fork with one more": lambda rows: (_rewritten(rows, at, [_forged(at + 1), *rows[at:]]) for at in range(len(rows))),
    "rows of another chain": lambda rows: ([*rows[:at], *chain(len(rows), "beta")[at:]] for at in range(len(rows))),
}
"""Those from `cut the tail` to `fork with one more` need an anchor: the chain alone cannot know of them."""


@dataclass(frozen=True, slots=True)
class Tally:
    tried: int
    found: int


def anchor_of(rows: Sequence[Row], organisation: str = "acme") -> Anchor:
    return Anchor(organisation, rows[-1][0], rows[-1][2])


def found_in_rows(rows: list[Row], anchors: Sequence[Anchor]) -> bool:
    return not reaching(verify("acme", rows, anchors=anchors), anchors).intact


def found_in_file(rows: list[Row], anchors: Sequence[Anchor]) -> bool:
    lines = [
        json.dumps({"sequence": number, "hash": kept.hex(), "body": body.decode()}, ensure_ascii=False)
        for number, body, kept in rows
    ]
    return not verified_file("acme", lines, anchors).intact


def tallies(length: int) -> dict[str, Tally]:
    """Each kind at every place of a chain with an anchor at its end: how often it was tried, and found both ways."""
    rows = chain(length)
    anchors = [anchor_of(rows)]
    told = {}
    for kind, change in KINDS.items():
        changed = list(change(rows))
        found = sum(found_in_rows(one, anchors) and found_in_file(one, anchors) for one in changed)
        told[kind] = Tally(len(changed), found)
    return told
