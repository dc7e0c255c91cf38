"""People who are signed in, for tests: a person with one role, and the cookie of a session. See `signed_in`."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from dataclasses import dataclass

import cast
from product_fixtures import until
from pushwarden.control.access import reload
from pushwarden.control.people.roll import FRESH_MS, csrf_of
from pushwarden.core.audit import AuditEntry
from pushwarden.core.person import Person, Session, digest
from pushwarden.core.principal import Binding, Role
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.settings import Settings
from pushwarden.wiring.stage import Stage
from pushwarden.wiring.stores import stores_of

_numbers = itertools.count(1)


@dataclass(frozen=True)
class SignedIn:
    """cookie: the value of the header `cookie`. csrf: what forms must carry."""

    person: Person
    secret: str

    @property
    def cookie(self) -> str:
        return f"pushwarden={self.secret}"

    @property
    def csrf(self) -> str:
        return csrf_of(self.secret)


async def enrolled(
    catalog: Catalog, role: Role, where: Scope, now_ms: int, *, name: str = "", fresh: bool = True
) -> SignedIn:
    """A new person with this role there and nothing else, signed in."""
    number = next(_numbers)
    called = name or f"{role.capitalize()} {number}"
    unique = secrets.token_hex(4)
    person = Person(
        f"p{unique}{number}", where.organisation, f"{role}-{unique}@{where.organisation or 'house'}.example", called,
        created_at=now_ms, bindings=(Binding(role, where),),
    )  # fmt: skip
    secret = secrets.token_urlsafe(32)
    fresh_until = now_ms + FRESH_MS if fresh else 0
    session = Session(f"s{unique}{number}", person.id, digest(secret), now_ms, now_ms, fresh_until, "127.0.0.1", "test")

    def work(tables: Tables) -> Changed[None]:
        tables.people.insert(person)
        tables.sessions.put(session)
        return Changed(None)

    await catalog.change(AuditEntry(now_ms, "test", "stage.person", where), work)
    return SignedIn(person, secret)


async def signed_in_here(scene: cast.Stage, role: Role, where: Scope, *, fresh: bool = True) -> SignedIn:
    """On the cast's stage, in this process."""
    found = await enrolled(scene.catalog, role, where, scene.clock.ms, fresh=fresh)
    await reload(scene.services)
    return found


def signed_in(
    stage: Stage, role: Role = Role.ADMIN, where: Scope | None = None, *, name: str = "", fresh: bool = True
) -> SignedIn:
    """On a running Pushwarden. where: the organisation `default` when none is named."""

    async def work() -> SignedIn:
        stores = stores_of(Settings(data=stage.data), "test")
        try:
            now_ms = time.time_ns() // 1_000_000
            return await enrolled(stores.catalog, role, where or Scope("default"), now_ms, name=name, fresh=fresh)
        finally:
            await stores.close()

    found = asyncio.run(work())
    until(lambda: stage.client.get(f"{stage.url}/apps", headers={"cookie": found.cookie}).status_code == 200, "session")
    return found
