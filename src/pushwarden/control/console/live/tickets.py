"""How many streams are open: of one person, and of all."""

from __future__ import annotations

MOST_OF_ONE, MOST = 8, 256
"""Streams of one person, and of all. The newest is kept: the oldest of those who have most ends."""


class Tickets:
    """One for each open stream; a stream goes on while it holds its own."""

    def __init__(self) -> None:
        self._open: dict[str, list[object]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def of(self, person: str) -> int:
        return len(self._open.get(person, ()))

    def enter(self, person: str) -> object:
        mine, ticket = self._open.setdefault(person, []), object()
        mine.append(ticket)
        del mine[:-MOST_OF_ONE]
        if len(self) > MOST:
            del max(self._open.values(), key=len)[0]
        return ticket

    def holds(self, person: str, ticket: object) -> bool:
        return ticket in self._open.get(person, ())

    def leave(self, person: str, ticket: object) -> None:
        mine = self._open.get(person, [])
        if ticket in mine:
            mine.remove(ticket)
        if not mine:
            self._open.pop(person, None)
