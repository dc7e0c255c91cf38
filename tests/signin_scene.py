"""The console over the cast, and Dana, whose password is known."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import cast
from authenticator import Authenticator
from people import signed_in_here
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.access import reload
from pushwarden.core.audit import AuditEntry
from pushwarden.core.person import Passkey, Person
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.ports.audit import AuditQuery
from pushwarden.ports.catalog import Changed, Tables
from visitor import HOST, Browser, console_of

ORIGIN = f"http://{HOST}"
PASSWORD = "correct horse battery"


class Scene:
    """The console over the cast, and Dana, whose password is known."""

    def __init__(self, stage: cast.Stage) -> None:
        self.stage = stage
        self.console, self.people = console_of(stage)

    @property
    def browser(self) -> Browser:
        return Browser.of(self.console)

    def csrf(self, browser: Browser) -> str:
        """What forms of this browser's session carry."""
        return self.stage.services.roll.formerly([(b"cookie", f"pushwarden={browser.cookies['pushwarden']}".encode())])

    async def alter(self, person: str, **fields: object) -> None:
        def work(tables: Tables) -> Changed[None]:
            before = tables.people.get(person)
            assert before
            tables.people.update(replace(before, **fields, version=before.version + 1))  # type: ignore[arg-type]
            return Changed(None)

        await self.stage.catalog.change(AuditEntry(1, "t", "t.t", Scope("acme")), work)
        await reload(self.stage.services)

    async def dana(self, **fields: object) -> Person:
        kept = await self.people.passwords.hash(PASSWORD)
        who = await signed_in_here(self.stage, Role.ADMIN, Scope("acme"))
        await self.alter(who.person.id, email="dana@acme.example", name="Dana K.", password=kept, **fields)
        return await self.person(who.person.id)

    async def person(self, name: str) -> Person:
        found = await self.stage.catalog.read(lambda tables: tables.people.get(name))
        assert found
        return found

    async def audited(self, organisation: str = "acme") -> list[tuple[str, str]]:
        await self.people.written()
        rows = await self.stage.catalog.read(lambda tables: tables.audit.page(AuditQuery(organisation)))
        said = [json.loads(row.body) for row in rows]
        return [(one["action"], one["outcome"]) for one in said]


def played(play: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        await play(Scene(await cast.stage(MemoryCatalog())))

    asyncio.run(run())


async def enter(browser: Browser, password: str = PASSWORD, email: str = "dana@acme.example") -> Browser:
    await browser.get("/signin?next=%2Faudit")
    return await browser.post(
        "/signin", {"email": email, "password": password, "next": browser.hidden("next")}, csrf=""
    )


def options(browser: Browser) -> str:
    assert browser.reply
    found = re.search(r'data-options="([^"]*)"', browser.reply.body.decode())
    assert found
    return html.unescape(found[1])


async def with_passkey(scene: Scene) -> tuple[Person, Authenticator]:
    dana, device = await scene.dana(), Authenticator(ORIGIN)
    question = scene.people.passkeys.enrolment(ORIGIN, dana, [], scene.stage.clock.ms)
    name, key, signs = scene.people.passkeys.enrolled(
        ORIGIN, question.id, device.create(question.options), scene.stage.clock.ms
    )
    kept = Passkey(name, dana.id, "Laptop", key, signs)

    def work(tables: Tables) -> Changed[None]:
        tables.passkeys.put(kept)
        return Changed(None)

    await scene.stage.catalog.change(AuditEntry(1, "t", "t.t", Scope("acme")), work)
    return dana, device
