"""Signing in and out, and proving once more: password and code, passkey, or a link from the server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import msgspec

from pushwarden.control.access import reload
from pushwarden.control.people import codes, passkeys
from pushwarden.control.people.browsers import recognised
from pushwarden.control.people.desk import Came, Desk
from pushwarden.control.people.passkeys import Question
from pushwarden.control.people.roll import FRESH_MS, LONGEST_MS, Signed
from pushwarden.control.people.throttle import CODE, Counted, of_one, of_stranger
from pushwarden.control.services import new_id
from pushwarden.core.errors import SignInRefused, TooManyTries, VaultRefused
from pushwarden.core.person import Passkey, Person, Session, digest
from pushwarden.ports.catalog import Changed, Tables

PENDING_MS = 300_000
"""How long a right password waits for its code."""
_TOTP = "totp|"
_USED = "This code is not right, or it was used already. Wait for the next one."


class Pending(msgspec.Struct):
    """A password that was right, on its way to the code."""

    person: str
    until: int


@dataclass(frozen=True, slots=True)
class Step:
    """Either signed in, with the cookie's secret, or a code is still wanted for what is pending."""

    secret: str = ""
    pending: str = ""


class Reception:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def password(self, email: str, password: str, came: Came) -> Step:
        """SignInRefused or TooManyTries; which of the two was wrong is not said."""
        account = email.strip().lower()
        counted = self._counted(account, came)
        self._try(counted)
        person = await self._account(account)
        kept = person.password if person else ""
        if not await self.desk.passwords.same(kept, password) or person is None:
            self._note(person, came)
            raise SignInRefused("The address and the password do not belong together.")
        self.desk.throttle.passed(counted)
        if not person.totp:
            return Step(secret=await self.admit(person, came, "password"))
        return Step(pending=self._pending(person))

    async def code(self, pending: str, code: str, came: Came) -> Step:
        """The second step: a code of the app, or a recovery code, which is then used up."""
        person = await self._waiting(pending)
        counted = self._counted(person.email, came, code=True)
        self._try(counted)
        proven = self._coded(person, code)
        if proven is None:
            self._note(person, came)
            raise SignInRefused(_USED)
        self.desk.throttle.passed(counted)
        return Step(secret=await self.admit(proven, came, "password and code", coded=True))

    def challenge(self, came: Came) -> Question | None:
        """What a browser signs with a passkey; None where it can have none."""
        if not passkeys.usable(came.origin):
            return None
        return self.desk.passkeys.challenge(came.origin, self.desk.now())

    async def passkey(self, question: str, answer: str, came: Came) -> Step:
        """No wait: what cannot be guessed needs none, and nobody's wrong tries keep its owner out."""
        kept = await self._named(answer)
        proven = self.desk.passkeys.proven(came.origin, question, answer, kept, self.desk.now())
        person = await self.desk.person(proven.person)
        return Step(secret=await self.admit(person, came, "passkey", proven))

    async def admit(
        self, person: Person, came: Came, by: str, passkey: Passkey | None = None, *, coded: bool = False
    ) -> str:
        """A new session in place of the one this browser had; the secret its cookie holds. What is over goes.

        coded: a code was used up. SignInRefused when another sign-in used the same one meanwhile.
        """
        now, secret = self.desk.now(), secrets.token_urlsafe(32)
        session = Session(new_id(), person.id, digest(secret), now, now, now + FRESH_MS, came.address, came.agent)

        def alter(tables: Tables, before: Person) -> Person:
            for old in tables.sessions.all():
                if now - old.created_at >= LONGEST_MS:
                    tables.sessions.delete(old.id)
            tables.sessions.delete(came.session)
            tables.sessions.put(session)
            if passkey is not None:
                tables.passkeys.put(passkey)
            return replace(_used_up(before, person, coded), last_seen_at=now)

        await self.desk.change(self.desk.entry("person.sign_in", person, came), person.id, alter, by=by)
        return secret

    async def confirm(self, signed: Signed, came: Came, *, password: str = "", code: str = "") -> None:
        """Proves once more: by the password, and the code where there is one. The session is fresh again."""
        person = await self.desk.person(signed.person.id)
        counted = of_one(signed.session.id)
        self._try(counted)
        right = await self.desk.passwords.same(person.password, password)
        proven = self._coded(person, code) if person.totp else person
        if not right or proven is None:
            self._note(person, came)
            raise SignInRefused("That was not right; nothing was done. Try once more.")
        self.desk.throttle.passed(counted)
        await self._refresh(signed, proven, came, None, coded=bool(person.totp))

    async def confirm_by_passkey(self, signed: Signed, came: Came, question: str, answer: str) -> None:
        kept = await self._named(answer)
        own = kept if kept and kept.person == signed.person.id else None
        proven = self.desk.passkeys.proven(came.origin, question, answer, own, self.desk.now())
        await self._refresh(signed, await self.desk.person(signed.person.id), came, proven)

    async def own_challenge(self, signed: Signed, came: Came) -> Question | None:
        """For a proof by one of this person's passkeys; None when there is none that works here."""
        known = await self.desk.services.catalog.read(lambda tables: tables.passkeys.of(signed.person.id))
        if not known or not passkeys.usable(came.origin):
            return None
        return self.desk.passkeys.challenge(came.origin, self.desk.now(), known)

    async def sign_out(self, signed: Signed, came: Came) -> None:
        def work(tables: Tables) -> Changed[None]:
            tables.sessions.delete(signed.session.id)
            return Changed(None)

        entry = self.desk.entry("person.sign_out", signed.person, came)
        await self.desk.services.catalog.change(entry, work)
        await reload(self.desk.services)

    async def _refresh(
        self, signed: Signed, proven: Person, came: Came, passkey: Passkey | None, *, coded: bool = False
    ) -> None:
        until = self.desk.now() + FRESH_MS

        def alter(tables: Tables, before: Person) -> Person:
            session = tables.sessions.get(signed.session.id)
            if session is not None:
                tables.sessions.put(replace(session, fresh_until=until))
            if passkey is not None:
                tables.passkeys.put(passkey)
            return _used_up(before, proven, coded)

        await self.desk.change(self.desk.entry("person.confirm", proven, came), proven.id, alter)

    def _coded(self, person: Person, code: str) -> Person | None:
        """The person with the code used up; None when it is not right."""
        left = codes.without(person.recovery, code)
        if left is not None:
            return replace(person, recovery=left)
        secret = self.desk.chest.open(person.totp, _TOTP + person.id).decode()
        step = codes.step_of(secret, code, self.desk.now(), person.totp_step)
        return None if step is None else replace(person, totp_step=step)

    def _pending(self, person: Person) -> str:
        said = msgspec.json.encode(Pending(person.id, self.desk.now() + PENDING_MS))
        return self.desk.chest.seal(said, "pending").hex()

    async def _waiting(self, pending: str) -> Person:
        try:
            said = msgspec.json.decode(self.desk.chest.open(bytes.fromhex(pending), "pending"), type=Pending)
        except (ValueError, VaultRefused, msgspec.DecodeError):
            raise SignInRefused("Sign in from the beginning, please.") from None
        if said.until < self.desk.now():
            raise SignInRefused("This took too long; enter your password again.")
        return await self.desk.person(said.person)

    async def _account(self, email: str) -> Person | None:
        found = await self.desk.services.catalog.read(lambda tables: tables.people.by_email(email))
        return found if found and found.disabled_at is None else None

    async def _named(self, answer: str) -> Passkey | None:
        name = passkeys.named(answer)
        return await self.desk.services.catalog.read(lambda tables: tables.passkeys.get(name))

    def _counted(self, account: str, came: Came, *, code: bool = False) -> Counted:
        """A browser this account was signed in from has tries of its own."""
        known = recognised(self.desk.chest, came.browser, account, self.desk.now())
        if not known:
            return of_stranger(account, came.address, code=code)
        return of_one(f"{known} code", CODE) if code else of_one(known)

    def _try(self, counted: Counted) -> None:
        """Counted before it is judged; TooManyTries while it has to wait."""
        now = self.desk.now()
        wait = self.desk.throttle.wait_ms(now, counted)
        if wait:
            seconds = -(-wait // 1000)
            raise TooManyTries(f"There were too many tries; wait {seconds} s and try again.", retry_after=seconds)
        self.desk.throttle.tried(now, counted)

    def _note(self, person: Person | None, came: Came) -> None:
        """A wrong try stands in the audit where there is such a person."""
        if person is not None:
            self.desk.note_later(self.desk.entry("person.sign_in", person, came, SignInRefused.code))


def sealed_secret(desk: Desk, person: str, secret: str) -> bytes:
    """An authenticator's secret as it is stored."""
    return desk.chest.seal(secret.encode(), _TOTP + person)


def _used_up(before: Person, proven: Person, coded: bool) -> Person:
    """As the person stands now, with the code used up; of two at the same moment the second is refused."""
    left = tuple(code for code in before.recovery if code in proven.recovery)
    if coded and before.totp_step >= proven.totp_step and left == before.recovery:
        raise SignInRefused(_USED)
    return replace(before, totp_step=max(before.totp_step, proven.totp_step), recovery=left)
