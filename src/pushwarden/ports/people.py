"""People, their passkeys, sessions and invitations in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pushwarden.core.person import Invitation, Passkey, Person, Session


class PersonTable(Protocol):
    """A person comes and goes with the roles in `bindings`."""

    def get(self, person: str) -> Person | None: ...

    def by_email(self, email: str) -> Person | None:
        """The address as it is kept: in lower case."""
        ...

    def all(self) -> list[Person]:
        """Every organisation's, by name and id."""
        ...

    def insert(self, person: Person) -> None:
        """AlreadyExists when the address is taken."""
        ...

    def update(self, person: Person) -> None:
        """Replaces the row one version below; Conflict otherwise. AlreadyExists when the address is taken."""
        ...

    def delete(self, person: str) -> None:
        """With passkeys, sessions and links of that person."""
        ...

    def seen(self, last_seen: Mapping[str, int]) -> None:
        """Person → Unix ms; never backwards, no version, no audit."""
        ...


class PasskeyTable(Protocol):
    def get(self, passkey: str) -> Passkey | None: ...

    def of(self, person: str) -> list[Passkey]:
        """Oldest first."""
        ...

    def put(self, passkey: Passkey) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def delete(self, passkey: str) -> None: ...


class SessionTable(Protocol):
    def get(self, session: str) -> Session | None: ...

    def all(self) -> list[Session]:
        """The last used first."""
        ...

    def put(self, session: Session) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def delete(self, session: str) -> None: ...

    def seen(self, last_seen: Mapping[str, int]) -> None:
        """Session → Unix ms; never backwards, no audit."""
        ...


class InvitationTable(Protocol):
    def get(self, invitation: str) -> Invitation | None: ...

    def all(self) -> list[Invitation]:
        """Newest first."""
        ...

    def insert(self, invitation: Invitation) -> None: ...

    def delete(self, invitation: str) -> None: ...
