"""The catalog's tables of people over SQL: persons with their roles, passkeys, sessions, invitations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.errors import AlreadyExists, stale
from pushwarden.core.person import Invitation, Passkey, Person, Session
from pushwarden.core.principal import Binding


class SqlPeople:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, person: str) -> Person | None:
        return self._one(self._run(sql.PERSON_GET, id=person))

    def by_email(self, email: str) -> Person | None:
        return self._one(self._run(sql.PERSON_BY_EMAIL, email=email))

    def all(self) -> list[Person]:
        given: dict[str, list[Binding]] = defaultdict(list)
        for row in self._run(sql.ROLE_ALL):
            given[row["person"]].append(rows.binding_of(row))
        return [rows.person_of(row, tuple(given[row["id"]])) for row in self._run(sql.PERSON_ALL)]

    def insert(self, person: Person) -> None:
        self._free(person)
        self._run(sql.PERSON_INSERT, **rows.person_row(person))
        self._give(person)

    def update(self, person: Person) -> None:
        self._free(person)
        row = rows.person_row(person)
        keys = {f"key_{name}": row[name] for name in ("organisation", "id")}
        if not self._run(sql.PERSON_UPDATE, **row, **keys, below=person.version - 1):
            kept = self.get(person.id)
            raise stale(kept.version if kept else None)
        self._run(sql.ROLE_CLEAR, person=person.id)
        self._give(person)

    def delete(self, person: str) -> None:
        for clear in (sql.ROLE_CLEAR, sql.PASSKEY_CLEAR, sql.SESSION_CLEAR, sql.INVITATION_CLEAR):
            self._run(clear, person=person)
        self._run(sql.PERSON_DELETE, id=person)

    def seen(self, last_seen: Mapping[str, int]) -> None:
        for name, at in last_seen.items():
            self._run(sql.PERSON_SEEN, one=name, at=at)

    def _one(self, found: list[dict[str, Any]]) -> Person | None:
        if not found:
            return None
        given = self._run(sql.ROLE_OF, person=found[0]["id"])
        return rows.person_of(found[0], tuple(rows.binding_of(row) for row in given))

    def _give(self, person: Person) -> None:
        for one in set(person.bindings):
            place = {"organisation": person.organisation, "person": person.id}
            self._run(sql.ROLE_INSERT, **place, scope=one.scope.key, role=one.role.value)

    def _free(self, person: Person) -> None:
        other = self.by_email(person.email)
        if other is not None and other.id != person.id:
            raise AlreadyExists(f"{person.email} belongs to another person already.", field="email")


class SqlPasskeys:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, passkey: str) -> Passkey | None:
        found = self._run(sql.PASSKEY_GET, id=passkey)
        return rows.passkey_of(found[0]) if found else None

    def of(self, person: str) -> list[Passkey]:
        return [rows.passkey_of(row) for row in self._run(sql.PASSKEY_OF, person=person)]

    def put(self, passkey: Passkey) -> None:
        self.delete(passkey.id)
        self._run(sql.PASSKEY_INSERT, **asdict(passkey))

    def delete(self, passkey: str) -> None:
        self._run(sql.PASSKEY_DELETE, id=passkey)


class SqlSessions:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, session: str) -> Session | None:
        found = self._run(sql.SESSION_GET, id=session)
        return rows.session_of(found[0]) if found else None

    def all(self) -> list[Session]:
        return [rows.session_of(row) for row in self._run(sql.SESSION_ALL)]

    def put(self, session: Session) -> None:
        self.delete(session.id)
        self._run(sql.SESSION_INSERT, **asdict(session))

    def delete(self, session: str) -> None:
        self._run(sql.SESSION_DELETE, id=session)

    def seen(self, last_seen: Mapping[str, int]) -> None:
        for name, at in last_seen.items():
            self._run(sql.SESSION_SEEN, one=name, at=at)


class SqlInvitations:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, invitation: str) -> Invitation | None:
        found = self._run(sql.INVITATION_GET, id=invitation)
        return rows.invitation_of(found[0]) if found else None

    def all(self) -> list[Invitation]:
        return [rows.invitation_of(row) for row in self._run(sql.INVITATION_ALL)]

    def insert(self, invitation: Invitation) -> None:
        self._run(sql.INVITATION_INSERT, **rows.invitation_row(invitation))

    def delete(self, invitation: str) -> None:
        self._run(sql.INVITATION_DELETE, id=invitation)
