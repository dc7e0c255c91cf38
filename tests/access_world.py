"""Three apps in two organisations, and everybody who could ask for something there."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.adapters.vault.keys import make_keys
from pushwarden.control.access import load, minted
from pushwarden.control.people.roll import Signed
from pushwarden.control.publish import publish
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.hold import Hold
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Person, Session, digest
from pushwarden.core.principal import Binding, KeyKind, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.settings import Settings
from pushwarden.web.frame import Frame
from pushwarden.wiring.api import Api

PRODUCTION, SANDBOX = Environment.PRODUCTION, Environment.SANDBOX


PLACES = {
    "installation": Scope(),
    "organisation": Scope("acme"),
    "app": Scope("acme", "shop"),
    "environment": Scope("acme", "shop", PRODUCTION),
    "other environment": Scope("acme", "shop", SANDBOX),
    "other app": Scope("acme", "other"),
    "other organisation": Scope("beta"),
}
"""Where an actor's role or key holds."""


TARGETS = {
    "own": Scope("acme", "shop", PRODUCTION),
    "other environment": Scope("acme", "shop", SANDBOX),
    "other app": Scope("acme", "other", PRODUCTION),
    "other organisation": Scope("beta", "till", PRODUCTION),
}
"""What is asked for."""


KEY_STATES = ("good", "revoked", "expired", "forged")


PERSON_STATES = ("good", "disabled", "ended", "idle", "without roles")


HOUR_MS = 3_600_000


REFUSED = (401, 403, 404)


@dataclass(frozen=True)
class Actor:
    """who: a role, or `key:` and a kind. headers: what it proves itself with."""

    who: str
    place: str
    state: str
    headers: dict[str, str] = field(repr=False)

    @property
    def scope(self) -> Scope:
        return PLACES[self.place]

    def __str__(self) -> str:
        return f"{self.state} {self.who} of {self.place}"


@dataclass
class World:
    api: Api
    actors: list[Actor]
    frame: Frame
    keys_of: dict[Scope, str]
    reached: list[str] = field(default_factory=list)

    def signed(self, actor: Actor) -> Signed | None:
        return self.api.roll.signed([(b"cookie", actor.headers["cookie"].encode())])


def covers(scope: Scope, place: Scope) -> bool:
    """Said once more, apart from the code that is judged."""
    return (
        scope.organisation in ("", place.organisation)
        and scope.app in ("", place.app)
        and scope.environment in (None, place.environment)
    )


def marker(place: Scope) -> str:
    """A word that stands in the ids and names of everything of this place, and nowhere else."""
    return f"zq{place.organisation}{place.app}{place.environment or ''}zq"


def app_of(place: Scope) -> Scope:
    return replace(place, environment=None)


def told(tally: Counter[str], wrong: list[str]) -> dict[str, Any]:
    asked = tally.total()
    share = round(100 * (asked - len(wrong)) / asked, 4)
    return {"asked": asked, **tally, "as_specified_percent": share, "wrong": wrong[:50]}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    """The api process' parts with three apps in two organisations, and every actor."""
    settings = Settings(data=folder)
    make_keys(settings.keys, {})
    settings.run.mkdir(mode=0o700)
    migrate({"control": settings.control_db, "devices": settings.devices_db, "journal": settings.journal_db})
    api = Api(settings)
    actors, keys_of = await enrol(api)
    await load(api.catalog, api.keys, api.roll)
    await api.ring.open()
    await api.adopt()
    try:
        yield World(api, actors, api.doors()._frame, keys_of)
    finally:
        await api.close()


async def enrol(api: Api) -> tuple[list[Actor], dict[Scope, str]]:
    """Everybody, and a key's id for each target."""
    now, actors, keys_of = api.clock.now_ms(), list[Actor](), dict[Scope, str]()
    entry = AuditEntry(now, "test", "stage.set", Scope())

    def work(tables: Tables) -> Changed[None]:
        for organisation in ("default", "acme", "beta"):
            tables.organisations.insert(Organisation(organisation, organisation.title()))
        for place in TARGETS.values():
            keys_of[place] = furnish(tables, place, now)
        publish(tables, entry)
        actors.clear()
        actors.extend(keys(tables, now))
        actors.extend(people(tables, now))
        return Changed(None)

    await api.catalog.change(entry, work)
    return actors, keys_of


def person_at(place: Scope) -> str:
    """The id of a person of the place's organisation, to be asked for there."""
    return f"{place.organisation}-{place.app}-{place.environment}"


def member(name: str, organisation: str) -> Person:
    """Somebody without roles; everybody of the organisation may know the name."""
    return Person(name, organisation, f"{name}@x.example", marker(Scope(organisation)))


def furnish(tables: Tables, place: Scope, now: int) -> str:
    """An app, and a thing of every kind with the place's marker in its id or name; the id of its key."""
    assert place.environment is not None
    word = marker(place)
    if not any(one.id == place.app for one in tables.apps.all(place.organisation)):
        bundle = f"com.{place.organisation}.{place.app}"
        tables.apps.insert(App(place.organisation, place.app, marker(app_of(place)), bundle_id=bundle))
    tables.credentials.insert(
        Credential(
            place.organisation, place.app, place.environment, word, "apns", CredentialKind.APNS_TOKEN,
            CredentialState.ACTIVE, word, {"key_id": "KEY1234567", "team_id": "TEAM123456"}, created_at=now,
        )
    )  # fmt: skip
    lane = f"{place.organisation}/{place.app}/{place.environment}/apns/bulk"
    tables.holds.put(Hold(word, lane, f"held: {word}", now))
    row, _ = minted(word, KeyKind.READ, place, now_ms=now, expires_at=now + HOUR_MS)
    tables.keys.insert(row)
    for name in {person_at(place), f"{place.organisation}-somebody"} - {one.id for one in tables.people.all()}:
        tables.people.insert(member(name, place.organisation))
    return row.id


def keys(tables: Tables, now: int) -> Iterator[Actor]:
    for kind in KeyKind:
        for place, scope in PLACES.items():
            for state in KEY_STATES if place in ("installation", "environment") else KEY_STATES[:1]:
                row, text = minted(f"{kind} {place}", kind, scope, now_ms=now, expires_at=now + HOUR_MS)
                if state == "revoked":
                    row = replace(row, revoked_at=now)
                if state == "expired":
                    row = replace(row, created_at=now - HOUR_MS, expires_at=now)
                if state == "forged":
                    row, _ = minted(f"{kind} {place}", kind, scope, now_ms=now, expires_at=now + HOUR_MS)
                tables.keys.insert(row)
                yield Actor(f"key:{kind}", place, state, {"authorization": f"Bearer {text}"})


def people(tables: Tables, now: int) -> Iterator[Actor]:
    for role in Role:
        for place, scope in PLACES.items():
            for state in PERSON_STATES if place in ("installation", "environment") else PERSON_STATES[:1]:
                yield person(tables, role, place, scope, state, now)


def person(tables: Tables, role: Role, place: str, scope: Scope, state: str, now: int) -> Actor:
    name = secrets.token_hex(6)
    bindings = () if state == "without roles" else (Binding(role, scope),)
    disabled = now if state == "disabled" else None
    tables.people.insert(
        Person(name, scope.organisation, f"{name}@x.example", "P", bindings=bindings, disabled_at=disabled)
    )
    secret = secrets.token_urlsafe(32)
    seen = now - 24 * HOUR_MS if state == "idle" else now
    if state != "ended":
        tables.sessions.put(Session(f"s{name}", name, digest(secret), seen, seen, now + HOUR_MS, "", "test"))
    return Actor(str(role), place, state, {"cookie": f"pushwarden={secret}"})
