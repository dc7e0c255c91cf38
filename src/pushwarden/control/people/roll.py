"""Who is signed in, decided from memory alone: a stop is taken from a person while the database is locked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pushwarden.control.people.browsers import KNOWN_MS
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Person, Session, digest, principal_of
from pushwarden.core.principal import Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Tables
from pushwarden.ports.clock import Clock
from pushwarden.web.body import RawHeaders, header

IDLE_MS = 30 * 60_000
BY_ITSELF = b"x-by-itself"
"""A header of what an open page asks again and again: nobody is there for that."""
LONGEST_MS = 12 * 3_600_000
FRESH_MS = 15 * 60_000
"""How long a proof of being the one is enough for dangerous things."""
ORGANISATION = "organisation"
"""The cookie by which people of the installation choose whose pages they see."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the catalog says."""

    people: Sequence[Person]
    sessions: Sequence[Session]
    organisations: Sequence[Organisation]


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody who is signed in. csrf: what forms of this session carry."""

    person: Person
    session: Session
    principal: Principal
    organisation: str
    csrf: str


def alive(session: Session, seen_at: int, now_ms: int) -> bool:
    return now_ms - seen_at < IDLE_MS and now_ms - session.created_at < LONGEST_MS


def csrf_of(secret: str) -> str:
    """From the cookie's secret, so that it is of one session and stored nowhere."""
    return hashlib.sha256(b"csrf|" + secret.encode()).hexdigest()[:32]


class Roll:
    """Replaced whole whenever the catalog's version moves; a session's last use is noted here and written later."""

    def __init__(self, clock: Clock, *, secure: bool = False) -> None:
        """secure: the site is reached by https alone."""
        self.cookie = "__Host-pushwarden" if secure else "pushwarden"
        self.browser = f"{self.cookie}-browser"
        self._clock, self._secure = clock, secure
        self._people: dict[str, Person] = {}
        self._principals: dict[str, Principal] = {}
        self._sessions: dict[bytes, Session] = {}
        self._organisations: dict[str, str] = {}
        self._seen: dict[str, int] = {}
        self._unwritten: set[str] = set()

    def __repr__(self) -> str:
        return f"<{len(self._people)} people, {len(self._sessions)} sessions>"

    @staticmethod
    def look(tables: Tables) -> Enrolled:
        return Enrolled(tables.people.all(), tables.sessions.all(), tables.organisations.all())

    def adopt(self, enrolled: Enrolled) -> None:
        self._people = {one.id: one for one in enrolled.people if one.disabled_at is None}
        self._principals = {name: principal_of(one, enrolled.organisations) for name, one in self._people.items()}
        self._sessions = {one.digest: one for one in enrolled.sessions if one.person in self._people}
        self._organisations = {one.id: one.name for one in enrolled.organisations}
        ids = {one.id for one in self._sessions.values()}
        self._seen = {name: at for name, at in self._seen.items() if name in ids}

    def principal(self, person: str) -> Principal | None:
        """None for who is unknown or disabled."""
        return self._principals.get(person)

    def signed(self, headers: RawHeaders) -> Signed | None:
        """None when nobody is, or no longer."""
        secret = cookie(headers, self.cookie)
        session = self._sessions.get(digest(secret)) if secret else None
        now = self._clock.now_ms()
        if session is None or not alive(session, self.seen_at(session), now):
            return None
        if header(headers, BY_ITSELF) is None:
            self._seen[session.id] = now
            self._unwritten.add(session.id)
        person = self._people[session.person]
        principal = replace(self._principals[person.id], fresh=now < session.fresh_until)
        chosen = self._organisation(principal, cookie(headers, ORGANISATION))
        return Signed(person, replace(session, seen_at=now), principal, chosen, csrf_of(secret))

    def lasts(self, headers: RawHeaders) -> bool:
        """Whether the cookie's session is still good; unlike `signed` this is no use of it."""
        secret = cookie(headers, self.cookie)
        session = self._sessions.get(digest(secret)) if secret else None
        return session is not None and alive(session, self.seen_at(session), self._clock.now_ms())

    def name(self, person: str) -> str:
        """Empty for who is unknown or disabled."""
        return self._people[person].name if person in self._people else ""

    def seen_at(self, session: Session) -> int:
        return max(session.seen_at, self._seen.get(session.id, 0))

    def formerly(self, headers: RawHeaders) -> str:
        """What forms carry that were drawn for the cookie's session, even when that is over; empty without one."""
        secret = cookie(headers, self.cookie)
        return csrf_of(secret) if secret else ""

    def able(self, permission: Permission, where: Scope) -> list[str]:
        """The names of who may; the installation's own people only where nobody of the organisation may."""
        may = [one for name, one in self._principals.items() if one.may(permission, where)]
        near = [one.name for one in may if one.home] or [one.name for one in may]
        return sorted(near)

    def organisations(self, principal: Principal) -> dict[str, str]:
        """Whose pages this principal may see: id → name."""
        return {
            one: name for one, name in self._organisations.items() if principal.about(Permission.APP_READ, Scope(one))
        }

    def _organisation(self, principal: Principal, chosen: str) -> str:
        if principal.home:
            return principal.home
        mine = self.organisations(principal)
        return chosen if chosen in mine else next(iter(sorted(mine, key=lambda one: one != "default")), "default")

    def take_seen(self) -> tuple[dict[str, int], dict[str, int]]:
        """Session → and person → when last seen (Unix ms), since the last call: for one batched write a minute."""
        names, self._unwritten = self._unwritten, set()
        sessions = {name: at for name, at in self._seen.items() if name in names}
        people: dict[str, int] = {}
        for one in self._sessions.values():
            if one.id in sessions:
                people[one.person] = max(people.get(one.person, 0), sessions[one.id])
        return sessions, people

    def give(self, secret: str) -> tuple[bytes, bytes]:
        """The header that hands a browser its session; an empty secret takes it back."""
        return set_cookie(self.cookie, secret, LONGEST_MS // 1000 if secret else 0, secure=self._secure)

    def mark(self, text: str) -> tuple[bytes, bytes]:
        """The header by which a browser is known for one that somebody has signed in from."""
        return set_cookie(self.browser, text, KNOWN_MS // 1000, secure=self._secure)


def set_cookie(name: str, value: str, seconds: int, *, secure: bool) -> tuple[bytes, bytes]:
    """A header. Nothing on the page can read it, and no form of another site carries it."""
    text = f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
    return b"set-cookie", text.encode()


def cookie(headers: RawHeaders, name: str) -> str:
    """A cookie's value; empty when there is none."""
    return next((value for found, value in _cookies(headers) if found == name), "")


def _cookies(headers: RawHeaders) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                found, _, rest = pair.strip().partition("=")
                yield found, rest
