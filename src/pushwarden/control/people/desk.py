"""What everything about people works with, handed in by wiring."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pushwarden.control.access import reload
from pushwarden.control.people.passkeys import Passkeys
from pushwarden.control.people.passwords import Passwords
from pushwarden.control.people.roll import cookie
from pushwarden.control.people.throttle import Throttle
from pushwarden.control.services import Services
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Busy, NotFound, StoreFull
from pushwarden.core.person import Person
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.ports.chest import Chest
from pushwarden.web.body import RawHeaders, header

DONE = "done"


@dataclass(frozen=True, slots=True)
class Came:
    """Where a request came from. origin: scheme and host as the browser shows them. session: what it had till now.

    browser: its mark, when somebody has signed in from it.
    """

    origin: str
    address: str
    agent: str
    request_id: str
    session: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """public_url: how the console is reached; empty: as the request says."""

    services: Services
    chest: Chest
    public_url: str = ""
    passwords: Passwords = field(default_factory=Passwords)
    throttle: Throttle = field(default_factory=Throttle)
    passkeys: Passkeys = field(init=False)
    _writing: set[asyncio.Task[None]] = field(default_factory=set, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "passkeys", Passkeys(self.chest))

    def now(self) -> int:
        return self.services.clock.now_ms()

    def came(self, headers: RawHeaders, address: str, request_id: str) -> Came:
        host = (header(headers, b"host") or b"localhost").decode("latin-1")
        agent = (header(headers, b"user-agent") or b"").decode("latin-1")[:200]
        roll = self.services.roll
        signed, browser = roll.signed(headers), cookie(headers, roll.browser)
        session = signed.session.id if signed else ""
        return Came(self.public_url or f"http://{host}", address, agent, request_id, session, browser)

    async def person(self, person: str) -> Person:
        """NotFound when there is none, or it is disabled."""
        found = await self.services.catalog.read(lambda tables: tables.people.get(person))
        if found is None or found.disabled_at is not None:
            raise NotFound
        return found

    async def change(
        self, entry: AuditEntry, person: str, alter: Callable[[Tables, Person], Person | None], **said: Any
    ) -> Person:
        """Changes a person by himself, with its audit row; the roll follows at once. said: the row's `after`.

        alter gives the person as it shall be, its version left as it is; None when the person's own row stays.
        """

        def work(tables: Tables) -> Changed[Person]:
            before = tables.people.get(person)
            if before is None or before.disabled_at is not None:
                raise NotFound
            after = alter(tables, before)
            if after is not None:
                after = replace(after, version=before.version + 1)
                tables.people.update(after)
            return Changed(after or before, target=person, after=said or None)

        done = await self.services.catalog.change(entry, work)
        await reload(self.services)
        return done

    def note_later(self, entry: AuditEntry) -> None:
        """Nobody waits for it: how long it takes would say that there is something to note."""
        task = asyncio.create_task(self._note(entry))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def written(self) -> None:
        """When everything is noted."""
        await asyncio.gather(*self._writing)

    async def _note(self, entry: AuditEntry) -> None:
        with contextlib.suppress(Busy, StoreFull):
            await self.services.catalog.record(entry)

    def entry(self, action: str, person: Person, came: Came, outcome: str = DONE) -> AuditEntry:
        return AuditEntry(
            self.now(), person.id, action, Scope(person.organisation), target=person.id, outcome=outcome,
            request_id=came.request_id, address=came.address, extra={"actor_name": person.name},
        )  # fmt: skip
