"""Links that work once: the first sign-in, an invitation, a way back in from the server itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from pushwarden.control.access import reload
from pushwarden.control.people.desk import Came, Desk
from pushwarden.control.people.passwords import objection
from pushwarden.control.people.reception import Reception
from pushwarden.control.services import new_id
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Invalid, LinkEnded, NotFound
from pushwarden.core.line import is_line
from pushwarden.core.mail import is_address
from pushwarden.core.person import Invitation, Person, digest
from pushwarden.core.principal import Binding, Role
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables

PATH = "/welcome?link="
FIRST_MS = 24 * 3_600_000
BACK_MS = 15 * 60_000
FIRST = "bootstrap"
"""Who made the link of the first start."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a person enters at the end of a link."""

    name: str
    email: str
    password: str


def minted(invitation: Invitation) -> tuple[Invitation, str]:
    """The invitation with the digest of a new secret, and what its link ends with."""
    secret = secrets.token_urlsafe(32)
    return replace(invitation, digest=digest(secret)), f"{invitation.id}.{secret}"


def drop_ended(tables: Tables, now_ms: int) -> None:
    """Links whose time is over."""
    for one in tables.invitations.all():
        if one.expires_at <= now_ms:
            tables.invitations.delete(one.id)


def has_admin(tables: Tables) -> bool:
    """Whether anybody can sign in who may everything."""
    everything = Binding(Role.ADMIN, Scope())
    return any(everything in one.bindings and one.disabled_at is None for one in tables.people.all())


async def first(catalog: Catalog, now_ms: int) -> str:
    """The end of a link that makes the installation's first person; empty when there is an administrator.

    The one of an earlier start ends.
    """
    made, text = minted(
        Invitation(new_id(), "", b"", now_ms + FIRST_MS, bindings=(Binding(Role.ADMIN, Scope()),), created_at=now_ms,
                   created_by=FIRST)
    )  # fmt: skip

    def work(tables: Tables) -> Changed[None]:
        for old in tables.invitations.all():
            if old.created_by == FIRST:
                tables.invitations.delete(old.id)
        tables.invitations.insert(made)
        return Changed(None, target=made.id, after={"role": Role.ADMIN.value, "expires_at": made.expires_at})

    if await catalog.read(has_admin):
        return ""
    await catalog.change(AuditEntry(now_ms, FIRST, "invitation.create", Scope()), work)
    return text


def back_in_link(person: Person, now_ms: int, actor: str) -> tuple[Invitation, str]:
    """A link for somebody who has an account, and what it ends with."""
    return minted(
        Invitation(new_id(), person.organisation, b"", now_ms + BACK_MS, person.email, person.name, person.id,
                   created_at=now_ms, created_by=actor)
    )  # fmt: skip


async def back_in(catalog: Catalog, now_ms: int, email: str, actor: str) -> str:
    """The end of a link that signs this person in without a password. NotFound when nobody has the address."""

    def work(tables: Tables) -> Changed[str]:
        person = tables.people.by_email(email.strip().lower())
        if person is None or person.disabled_at is not None:
            raise NotFound(f"Nobody with the address {email} can sign in here.")
        made, text = back_in_link(person, now_ms, actor)
        drop_ended(tables, now_ms)
        tables.invitations.insert(made)
        return Changed(text, target=person.id, after={"expires_at": made.expires_at})

    return await catalog.change(AuditEntry(now_ms, actor, "person.signin_link", Scope()), work)


class Links:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._reception = desk, Reception(desk)

    async def find(self, text: str) -> Invitation:
        """LinkEnded when it is none, or no longer one. Looking uses nothing up."""
        return await self._desk.services.catalog.read(lambda tables: self._one(tables, text))

    async def accept(self, text: str, wanted: Newcomer, came: Came) -> str:
        """Makes the person and signs it in; the cookie's secret. Invalid names the field at fault."""
        link = await self.find(text)
        if link.person:
            raise LinkEnded("This link is for somebody who has an account.")
        person = replace(
            _person(link, wanted, self._desk.now()), password=await self._desk.passwords.hash(wanted.password)
        )

        def work(tables: Tables) -> Changed[None]:
            self._use(tables, text)
            tables.people.insert(person)
            return Changed(None, target=person.id, after=said_of(person))

        await self._desk.services.catalog.change(self._desk.entry("person.create", person, came), work)
        await reload(self._desk.services)
        return await self._reception.admit(person, came, "invitation")

    async def enter(self, text: str, came: Came) -> str:
        """Signs in the person a link is for; the cookie's secret."""
        link = await self.find(text)
        person = await self._desk.person(link.person)

        def work(tables: Tables) -> Changed[None]:
            self._use(tables, text)
            return Changed(None)

        await self._desk.services.catalog.change(self._desk.entry("invitation.use", person, came), work)
        return await self._reception.admit(person, came, "link")

    def _one(self, tables: Tables, text: str) -> Invitation:
        name, _, secret = text.partition(".")
        found = tables.invitations.get(name)
        same = secrets.compare_digest(digest(secret), found.digest if found else bytes(32))
        if found is None or not same or found.expires_at <= self._desk.now():
            raise LinkEnded("This link was used before, or its time is over; ask for a new one.")
        return found

    def _use(self, tables: Tables, text: str) -> None:
        tables.invitations.delete(self._one(tables, text).id)


def _person(link: Invitation, wanted: Newcomer, now_ms: int) -> Person:
    """Invalid names the field at fault."""
    name, email = wanted.name.strip(), (link.email or wanted.email).strip().lower()
    if not name or len(name) > 200 or not is_line(name):
        raise Invalid("Enter your name, as your colleagues know it.", field="name")
    if not is_address(email):
        raise Invalid("Enter an e-mail address, like dana@example.com.", field="email")
    wrong = objection(wanted.password, email, name)
    if wrong:
        raise Invalid(wrong, field="password")
    return Person(
        new_id(), link.organisation, email, name, created_at=now_ms, created_by=link.created_by, bindings=link.bindings
    )


def said_of(person: Person) -> dict[str, object]:
    """What the audit says of a person."""
    return {
        "email": person.email,
        "name": person.name,
        "organisation": person.organisation,
        "roles": [f"{one.role} {one.scope.key}" for one in person.bindings],
        "disabled": person.disabled_at is not None,
    }
