"""Tallies in memory."""

from __future__ import annotations

from pushwarden.core.scope import Scope
from pushwarden.core.tally import NOTHING, Amounts, Tally
from pushwarden.ports.tallies import Seen, Step

Row = tuple[Scope, Step, int, str]
"""Environment, step, when it began, provider."""


class MemoryTallies:
    def __init__(self, rows: dict[Row, Amounts], senders: dict[str, Seen]) -> None:
        self._rows, self._senders = rows, senders

    def add(self, where: Scope, provider: str, step: Step, at: int, amounts: Amounts) -> None:
        key = (where, step, at, provider)
        self._rows[key] = self._rows.get(key, NOTHING) + amounts

    def of(self, where: Scope, step: Step, since: int, until: int) -> list[Tally]:
        rows = [(key, row) for key, row in self._rows.items() if key[:2] == (where, step) and since <= key[2] < until]
        rows.sort(key=lambda one: (one[0][2], one[0][3]))
        return [Tally(where.app, where.environment or "", key[3], key[2], row) for key, row in rows]

    def across(self, organisation: str, step: Step, since: int) -> list[Tally]:
        return [
            Tally(where.app, where.environment or "", provider, at, row)
            for (where, kept, at, provider), row in self._rows.items()
            if where.organisation == organisation and kept == step and at >= since
        ]

    def seen(self, sender: str) -> Seen | None:
        return self._senders.get(sender)

    def see(self, seen: Seen) -> None:
        self._senders[seen.sender] = seen

    def forget(self, step: Step, before: int) -> int:
        gone = [key for key in self._rows if key[1] == step and key[2] < before]
        for key in gone:
            del self._rows[key]
        return len(gone)
