"""How credentials stand, as it is kept, and what was said of it: the catalog's side and the senders'."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.health import Event, Record
from pushwarden.core.mail import Mail


class HealthTable(Protocol):
    """Inside a transaction of the catalog."""

    def get(self, organisation: str, credential: str) -> Record | None: ...

    def all(self, organisation: str = "") -> list[Record]:
        """By credential; every organisation's when none is named."""
        ...

    def put(self, record: Record) -> None:
        """Inserts, or replaces the one of the same credential."""
        ...

    def forget(self, organisation: str, app: str, credential: str = "") -> None:
        """With its notices; all of the app's credentials when none is named."""
        ...


class NoticeTable(Protocol):
    """What was told of each credential, and when it was told last (Unix ms). Inside a transaction of the catalog."""

    def given(self, organisation: str = "") -> dict[tuple[str, str], dict[str, int]]:
        """(organisation, credential) → what was told → when; every organisation's when none is named."""
        ...

    def give(self, organisation: str, credential: str, what: str, at_ms: int) -> None:
        """Now, or once more."""
        ...


class MailTable(Protocol):
    """Mails on their way. Inside a transaction of the catalog."""

    def all(self) -> list[Mail]:
        """Oldest first, those that wait for a person included."""
        ...

    def put(self, mail: Mail) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def drop(self, mail: str) -> None: ...


class Healths(Protocol):
    """The senders' side: what answers showed. Busy and StoreFull are the caller's to bear."""

    async def get(self, credential: Credential) -> Record:
        """What is kept now."""
        ...

    async def heard(
        self, credential: Credential, event: Event, now_ms: int, *, reason: str = "", checks: tuple[Check, ...] = ()
    ) -> Record:
        """What is kept afterwards. A change of state has an audit row of its own; more of the same writes nothing."""
        ...

    async def proven(self, credential: Credential, now_ms: int) -> Record:
        """An answer came that only a good credential gets. Written down once a minute at most."""
        ...

    async def last_change(self, credential: Credential, before_ms: int) -> str:
        """Who changed the app or its credentials last, what and when, for people; empty when nobody did."""
        ...
