"""What people change of their own accounts: password, second step, passkeys, how the console looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pushwarden.control.people import codes, passkeys
from pushwarden.control.people.desk import Came, Desk
from pushwarden.control.people.passkeys import Question
from pushwarden.control.people.passwords import objection
from pushwarden.control.people.reception import sealed_secret
from pushwarden.control.people.roll import Signed, alive
from pushwarden.core.errors import Invalid, NotFound, ProofNeeded, VaultRefused
from pushwarden.core.line import is_line
from pushwarden.core.person import Density, Passkey, Person, Session, Theme
from pushwarden.ports.catalog import Tables

_OFFERED = "offered|"


@dataclass(frozen=True, slots=True)
class Offer:
    """An authenticator's secret before it is proven: as a picture, as text, and sealed to come back with the code."""

    picture: str
    text: str
    sealed: str


class Account:
    """Every change asks for a session that is fresh, but for how the console looks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def mine(self, signed: Signed) -> tuple[Person, list[Passkey]]:
        person = await self._desk.person(signed.person.id)
        return person, await self._desk.services.catalog.read(lambda tables: tables.passkeys.of(person.id))

    async def sessions(self, signed: Signed) -> list[Session]:
        """Those that still go on, this one first."""
        roll, now = self._desk.services.roll, self._desk.now()
        kept = await self._desk.services.catalog.read(lambda tables: tables.sessions.all())
        own = [replace(one, seen_at=roll.seen_at(one)) for one in kept if one.person == signed.person.id]
        return sorted((one for one in own if alive(one, one.seen_at, now)), key=lambda one: one.id != signed.session.id)

    async def set_password(self, signed: Signed, came: Came, password: str, again: str) -> None:
        """Invalid says what is wrong with it. Every other session of the person ends."""
        _fresh(signed)
        person = await self._desk.person(signed.person.id)
        if password != again:
            raise Invalid("The two passwords are not the same; type both once more.", field="password")
        wrong = objection(password, person.email, person.name)
        if wrong:
            raise Invalid(wrong, field="password")
        kept = await self._desk.passwords.hash(password)

        def alter(tables: Tables, before: Person) -> Person:
            for session in tables.sessions.all():
                if session.person == before.id and session.id != signed.session.id:
                    tables.sessions.delete(session.id)
            return replace(before, password=kept)

        await self._desk.change(self._desk.entry("person.password", person, came), person.id, alter)

    def offer(self, signed: Signed) -> Offer:
        _fresh(signed)
        secret = codes.new_secret()
        picture = codes.picture(codes.address(secret, signed.person.email))
        sealed = self._desk.chest.seal(secret.encode(), _OFFERED + signed.person.id).hex()
        return Offer(picture, " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)), sealed)

    def offered(self, signed: Signed, sealed: str) -> Offer:
        """The same offer once more, after a wrong code. Invalid when it is none."""
        secret = self._secret(signed, sealed)
        picture = codes.picture(codes.address(secret, signed.person.email))
        return Offer(picture, " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)), sealed)

    async def take_offer(self, signed: Signed, came: Came, sealed: str, code: str) -> list[str]:
        """Turns the second step on; the recovery codes, shown once. Invalid when the code is not of this secret."""
        _fresh(signed)
        secret = self._secret(signed, sealed)
        step = codes.step_of(secret, code, self._desk.now(), 0)
        if step is None:
            raise Invalid("This code is not right; wait for the next one and enter that.", field="code")
        texts = codes.recovery_codes()

        def alter(_: Tables, before: Person) -> Person:
            totp = sealed_secret(self._desk, before.id, secret)
            return replace(before, totp=totp, totp_step=step, recovery=tuple(codes.kept(text) for text in texts))

        await self._desk.change(
            self._desk.entry("person.two_step", signed.person, came), signed.person.id, alter, on=True
        )
        return texts

    async def no_code(self, signed: Signed, came: Came) -> None:
        _fresh(signed)

        def alter(_: Tables, before: Person) -> Person:
            return replace(before, totp=b"", recovery=())

        entry = self._desk.entry("person.two_step", signed.person, came)
        await self._desk.change(entry, signed.person.id, alter, on=False)

    async def new_codes(self, signed: Signed, came: Came) -> list[str]:
        """Ten new recovery codes; those of before end."""
        _fresh(signed)
        texts = codes.recovery_codes()

        def alter(_: Tables, before: Person) -> Person:
            return replace(before, recovery=tuple(codes.kept(text) for text in texts))

        entry = self._desk.entry("person.recovery", signed.person, came)
        await self._desk.change(entry, signed.person.id, alter)
        return texts

    async def enrolment(self, signed: Signed, came: Came) -> Question | None:
        """What a browser makes a passkey from; None where it cannot."""
        if not passkeys.usable(came.origin):
            return None
        person, known = await self.mine(signed)
        return self._desk.passkeys.enrolment(came.origin, person, known, self._desk.now())

    async def add_passkey(self, signed: Signed, came: Came, question: str, answer: str, name: str) -> None:
        _fresh(signed)
        if not is_line(name.strip()):
            raise Invalid("Give it a name of one line.", field="passkey")
        now = self._desk.now()
        found, key, signs = self._desk.passkeys.enrolled(came.origin, question, answer, now)
        made = Passkey(found, signed.person.id, name.strip()[:100] or "Passkey", key, signs, now)

        def alter(tables: Tables, _: Person) -> None:
            if tables.passkeys.get(found) is not None:
                raise Invalid("This passkey is known already.", field="passkey")
            tables.passkeys.put(made)

        entry = self._desk.entry("passkey.create", signed.person, came)
        await self._desk.change(entry, signed.person.id, alter, name=made.name)

    async def drop_passkey(self, signed: Signed, came: Came, passkey: str) -> None:
        _fresh(signed)

        def alter(tables: Tables, before: Person) -> None:
            kept = tables.passkeys.get(passkey)
            if kept is None or kept.person != before.id:
                raise NotFound
            if not before.password and len(tables.passkeys.of(before.id)) == 1:
                raise Invalid("This is your only way in; set a password first.")
            tables.passkeys.delete(passkey)

        await self._desk.change(self._desk.entry("passkey.delete", signed.person, came), signed.person.id, alter)

    async def prefer(self, signed: Signed, came: Came, name: str, theme: str, density: str, shortcuts: bool) -> None:
        """Invalid names the field at fault."""
        if not name.strip() or len(name) > 200 or not is_line(name.strip()):
            raise Invalid("Enter your name, as your colleagues know it.", field="name")
        if theme not in Theme.__members__.values() or density not in Density.__members__.values():
            raise Invalid("Choose one of the offered looks.", field="theme")

        def alter(_: Tables, before: Person) -> Person:
            return replace(before, name=name.strip(), theme=Theme(theme), density=Density(density), shortcuts=shortcuts)

        await self._desk.change(self._desk.entry("person.prefer", signed.person, came), signed.person.id, alter)

    def _secret(self, signed: Signed, sealed: str) -> str:
        try:
            return self._desk.chest.open(bytes.fromhex(sealed), _OFFERED + signed.person.id).decode()
        except (ValueError, VaultRefused):
            raise Invalid("This picture is not yours or not whole; begin again.", field="code") from None


def _fresh(signed: Signed) -> None:
    if not signed.principal.fresh:
        raise ProofNeeded
