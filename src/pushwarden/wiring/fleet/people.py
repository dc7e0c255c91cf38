"""The cast as people who can sign in: whose roles the story's changes were made with."""

from __future__ import annotations

from pushwarden.core.person import Person
from pushwarden.core.principal import Binding
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Tables
from pushwarden.wiring.fleet.teller import CAST, ORGANISATION, Teller, ago


async def tell(story: Teller) -> None:
    def work(tables: Tables) -> None:
        for who, (name, role) in CAST.items():
            person = Person(
                f"usr_{who}", ORGANISATION, f"{who}@acme.example", name, created_at=story.now - ago(days=342),
                last_seen_at=story.now - ago(hours=len(who)), bindings=(Binding(role, Scope(ORGANISATION)),),
            )  # fmt: skip
            tables.people.insert(person)

    await story.api.stores.catalog.note(work)
