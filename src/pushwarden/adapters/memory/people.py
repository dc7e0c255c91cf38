"""People, passkeys, sessions and invitations in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pushwarden.core.errors import AlreadyExists, stale
from pushwarden.core.person import Invitation, Passkey, Person, Session
from pushwarden.core.principal import Binding


class MemoryPeople:
    """theirs: the tables whose rows end with the person they belong to."""

    def __init__(self, people: dict[str, Person], *theirs: dict[str, Any]) -> None:
        self._rows, self._theirs = people, theirs

    def get(self, person: str) -> Person | None:
        return self._rows.get(person)

    def by_email(self, email: str) -> Person | None:
        return next((row for row in self._rows.values() if row.email == email), None)

    def all(self) -> list[Person]:
        return sorted(self._rows.values(), key=lambda row: (row.name, row.id))

    def insert(self, person: Person) -> None:
        self._free(person)
        self._rows[person.id] = _ordered(person)

    def update(self, person: Person) -> None:
        kept = self._rows.get(person.id)
        if kept is None or kept.version != person.version - 1:
            raise stale(kept.version if kept else None)
        self._free(person)
        self._rows[person.id] = _ordered(person)

    def delete(self, person: str) -> None:
        self._rows.pop(person, None)
        for rows in self._theirs:
            for name in [name for name, row in rows.items() if row.person == person]:
                del rows[name]

    def seen(self, last_seen: Mapping[str, int]) -> None:
        for name, at in last_seen.items():
            kept = self._rows.get(name)
            if kept is not None and (kept.last_seen_at or 0) < at:
                self._rows[name] = replace(kept, last_seen_at=at)

    def _free(self, person: Person) -> None:
        other = self.by_email(person.email)
        if other is not None and other.id != person.id:
            raise AlreadyExists(f"{person.email} belongs to another person already.", field="email")


def _ordered(person: Person) -> Person:
    def place(one: Binding) -> tuple[str, str]:
        return one.scope.key, one.role

    return replace(person, bindings=tuple(sorted(set(person.bindings), key=place)))


class MemoryPasskeys:
    def __init__(self, rows: dict[str, Passkey]) -> None:
        self._rows = rows

    def get(self, passkey: str) -> Passkey | None:
        return self._rows.get(passkey)

    def of(self, person: str) -> list[Passkey]:
        return sorted(
            (row for row in self._rows.values() if row.person == person), key=lambda row: (row.created_at, row.id)
        )

    def put(self, passkey: Passkey) -> None:
        self._rows[passkey.id] = passkey

    def delete(self, passkey: str) -> None:
        self._rows.pop(passkey, None)


class MemorySessions:
    def __init__(self, rows: dict[str, Session]) -> None:
        self._rows = rows

    def get(self, session: str) -> Session | None:
        return self._rows.get(session)

    def all(self) -> list[Session]:
        return sorted(self._rows.values(), key=lambda row: (-row.seen_at, row.id))

    def put(self, session: Session) -> None:
        self._rows[session.id] = session

    def delete(self, session: str) -> None:
        self._rows.pop(session, None)

    def seen(self, last_seen: Mapping[str, int]) -> None:
        for name, at in last_seen.items():
            kept = self._rows.get(name)
            if kept is not None and kept.seen_at < at:
                self._rows[name] = replace(kept, seen_at=at)


class MemoryInvitations:
    def __init__(self, rows: dict[str, Invitation]) -> None:
        self._rows = rows

    def get(self, invitation: str) -> Invitation | None:
        return self._rows.get(invitation)

    def all(self) -> list[Invitation]:
        return sorted(self._rows.values(), key=lambda row: (-row.created_at, row.id))

    def insert(self, invitation: Invitation) -> None:
        self._rows[invitation.id] = invitation

    def delete(self, invitation: str) -> None:
        self._rows.pop(invitation, None)
