"""The cast as people who can sign in: whose roles the story's changes were made with."""

from __future__ import annotations

import secrets
from dataclasses import replace

from pushwarden.control.people.passwords import Passwords
from pushwarden.control.people.roll import FRESH_MS
from pushwarden.core.audit import AuditEntry
from pushwarden.core.person import Passkey, Person, Session, digest
from pushwarden.core.principal import Binding
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.settings import Settings
from pushwarden.wiring.fleet.teller import CAST, ORGANISATION, Teller, ago
from pushwarden.wiring.stores import stores_of

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


async def signed_in(settings: Settings, who: str, now_ms: int) -> str:
    """What the cookie of a new session of one of the cast holds, of an installation that may be running."""
    secret, stores = secrets.token_urlsafe(32), stores_of(settings, "fleet")
    session = Session(
        secrets.token_hex(8), f"usr_{who}", digest(secret), now_ms, now_ms, now_ms + FRESH_MS, "127.0.0.1", BROWSER
    )
    entry = AuditEntry(now_ms, f"usr_{who}", "session.open", Scope(ORGANISATION), session.id)

    def work(tables: Tables) -> Changed[None]:
        tables.sessions.put(session)
        return Changed(None)

    try:
        await stores.catalog.change(entry, work)
    finally:
        await stores.close()
    return secret


async def tell(story: Teller) -> None:
    """Each has a password that nobody knows: they come in by a sign-in link. Who made the first app made all of it."""
    password = await Passwords().hash(secrets.token_urlsafe(32))

    def work(tables: Tables) -> None:
        company = tables.organisations.get(ORGANISATION)
        assert company is not None
        tables.organisations.update(replace(company, name="Acme", version=company.version + 1))
        for who, (name, role) in CAST.items():
            where = Scope() if who == "dana" else Scope(ORGANISATION)
            person = Person(
                f"usr_{who}", ORGANISATION, f"{who}@acme.example", name, password, created_at=story.now - ago(days=342),
                last_seen_at=story.now - ago(hours=len(who)), bindings=(Binding(role, where),),
                totp=b"told" if who == "omar" else b"",
            )  # fmt: skip
            tables.people.insert(person)
        tables.passkeys.put(Passkey("dG9sZA", "usr_priya", "Phone", b"", created_at=story.now - ago(days=90)))

    await story.api.stores.catalog.note(work)
