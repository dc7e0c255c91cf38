"""Audit entries: who did what to what, refused attempts included. Written in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pushwarden.core.scope import Scope

DONE = "done"
"""The outcome of what was not refused."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`action` is `thing.verb`, for example `app.create`; `target` a Scope plus an id. `at` is Unix milliseconds.

    before and after never hold a secret. `outcome` is `done` or the stable code of the refusal.
    """

    at: int
    actor: str
    action: str
    scope: Scope
    target: str = ""
    outcome: str = "done"
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request_id: str = ""
    address: str = ""
    reason: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def facets_of(entry: AuditEntry) -> Iterator[tuple[Literal["day", "actor", "action", "app", "outcome"], str, str]]:
    """(kind, value, what people call it) of what is counted of an entry."""
    yield "day", datetime.fromtimestamp(entry.at / 1000, UTC).date().isoformat(), ""
    yield "actor", entry.actor, str(entry.extra.get("actor_name", ""))
    yield "action", entry.action, ""
    yield "outcome", entry.outcome, ""
    if entry.scope.app:
        yield "app", entry.scope.app, ""


def says(body: bytes, words: Sequence[str]) -> bool:
    """Whether all of these (case-folded) stand in an entry's values; its field names do not count."""
    if not words:
        return True
    whole = body.decode().casefold()
    if not all(_escaped(word) in whole for word in words):
        return False
    said = "\n".join(_values(json.loads(body))).casefold()
    return all(word in said for word in words)


def _escaped(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)[1:-1]


def _values(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for one in value.values():
                yield from _values(one)
        case list():
            for one in value:
                yield from _values(one)
        case None | bool():
            return
        case _:
            yield str(value)
