"""What every catalog keeps of people, in memory, in a file and on a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog_fixtures import KINDS, opened
from pushwarden.core.app import App
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import AlreadyExists, Conflict, NotFound
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Density, Invitation, Passkey, Person, Session, Theme
from pushwarden.core.principal import Binding, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables

DANA = Person(
    "dana", "acme", "dana@acme.example", "Dana K.", "$argon2id$…", b"sealed", 57, (b"a" * 32, b"b" * 32),
    Theme.DARK, Density.COMPACT, True, created_at=5, created_by="boot",
    bindings=(Binding(Role.VIEWER, Scope("acme")), Binding(Role.OPERATOR, Scope("acme", "shop", Environment.SANDBOX))),
)  # fmt: skip
OMAR = Person("omar", "", "omar@acme.example", "Omar R.", bindings=(Binding(Role.ADMIN, Scope()),))
KEY = Passkey("k1", "dana", "Laptop", b"cose", 3, 7)
SESSION = Session("s1", "dana", b"d" * 32, 10, 10, 20, "127.0.0.1", "Firefox")
LINK = Invitation("i1", "acme", b"e" * 32, 90, "ann@acme.example", "Ann", "", DANA.bindings, 3, "dana")


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


def do(catalog: Catalog, work: Callable[[Tables], Any]) -> Any:
    async def run() -> Any:
        return await catalog.change(AuditEntry(1, "t", "t.t", Scope("acme")), lambda tables: Changed(work(tables)))

    return asyncio.run(run())


def see(catalog: Catalog, work: Callable[[Tables], Any]) -> Any:
    async def run() -> Any:
        return await catalog.read(work)

    return asyncio.run(run())


def enrol(tables: Tables) -> None:
    for person in (OMAR, DANA):
        tables.people.insert(person)
    tables.passkeys.put(KEY)
    tables.sessions.put(SESSION)
    tables.invitations.insert(LINK)
    tables.invitations.insert(replace(LINK, id="i2", person="dana", created_at=4))


def test_a_person_comes_back_as_kept_with_every_role(catalog: Catalog) -> None:
    do(catalog, enrol)
    assert see(catalog, lambda tables: tables.people.get("dana")) == DANA
    assert see(catalog, lambda tables: tables.people.by_email("omar@acme.example")) == OMAR
    assert see(catalog, lambda tables: tables.people.all()) == [DANA, OMAR]
    assert see(catalog, lambda tables: tables.people.by_email("nobody@acme.example")) is None


def test_an_address_belongs_to_one_person(catalog: Catalog) -> None:
    do(catalog, enrol)
    with pytest.raises(AlreadyExists, match="another person"):
        do(catalog, lambda tables: tables.people.insert(replace(OMAR, id="x", email=DANA.email)))
    with pytest.raises(AlreadyExists):
        do(catalog, lambda tables: tables.people.update(replace(OMAR, email=DANA.email, version=2)))


def test_a_change_of_an_old_version_is_refused_and_a_new_one_replaces_the_roles(catalog: Catalog) -> None:
    do(catalog, enrol)
    less = replace(DANA, bindings=(Binding(Role.AUDITOR, Scope("acme")),), version=2, disabled_at=9)
    do(catalog, lambda tables: tables.people.update(less))
    assert see(catalog, lambda tables: tables.people.get("dana")) == less
    with pytest.raises(Conflict):
        do(catalog, lambda tables: tables.people.update(less))
    with pytest.raises(NotFound):
        do(catalog, lambda tables: tables.people.update(replace(less, id="y", email="y", version=2)))


def test_with_a_person_go_passkeys_sessions_and_links(catalog: Catalog) -> None:
    do(catalog, enrol)
    do(catalog, lambda tables: tables.people.delete("dana"))
    assert see(catalog, lambda tables: tables.people.all()) == [OMAR]
    assert see(catalog, lambda tables: tables.passkeys.of("dana")) == []
    assert see(catalog, lambda tables: tables.sessions.all()) == []
    assert see(catalog, lambda tables: [one.id for one in tables.invitations.all()]) == ["i1"]


def test_with_an_app_go_the_roles_in_it_and_no_others(catalog: Catalog) -> None:
    def shops(tables: Tables) -> None:
        enrol(tables)
        for app in ("shop", "shopping"):
            tables.apps.insert(App("acme", app, app))
        more = (
            *DANA.bindings,
            Binding(Role.VIEWER, Scope("acme", "shopping")),
            Binding(Role.VIEWER, Scope("acme", "shop")),
        )
        tables.people.update(replace(DANA, bindings=more, version=2))

    do(catalog, shops)
    do(catalog, lambda tables: tables.apps.delete("acme", "shop"))
    left = see(catalog, lambda tables: tables.people.get("dana")).bindings
    assert {one.scope.key for one in left} == {"acme/////", "acme/shopping////"}


def test_last_use_only_grows(catalog: Catalog) -> None:
    do(catalog, enrol)
    for at in (30, 25):
        do(catalog, lambda tables, at=at: (tables.people.seen({"dana": at}), tables.sessions.seen({"s1": at})))
    assert see(catalog, lambda tables: tables.people.get("dana")).last_seen_at == 30
    assert see(catalog, lambda tables: tables.sessions.get("s1")).seen_at == 30


def test_sessions_passkeys_and_links_come_back_as_kept(catalog: Catalog) -> None:
    do(catalog, enrol)
    assert see(catalog, lambda tables: tables.passkeys.get("k1")) == KEY
    do(catalog, lambda tables: tables.passkeys.put(replace(KEY, signs=4, used_at=8)))
    assert see(catalog, lambda tables: tables.passkeys.of("dana")) == [replace(KEY, signs=4, used_at=8)]
    do(catalog, lambda tables: tables.passkeys.delete("k1"))
    assert see(catalog, lambda tables: tables.passkeys.get("k1")) is None
    assert see(catalog, lambda tables: tables.sessions.get("s1")) == SESSION
    do(catalog, lambda tables: tables.sessions.put(replace(SESSION, fresh_until=99)))
    assert see(catalog, lambda tables: tables.sessions.all()) == [replace(SESSION, fresh_until=99)]
    do(catalog, lambda tables: tables.sessions.delete("s1"))
    assert see(catalog, lambda tables: tables.sessions.all()) == []
    assert see(catalog, lambda tables: [one.id for one in tables.invitations.all()]) == ["i2", "i1"]
    assert see(catalog, lambda tables: tables.invitations.get("i1")) == LINK
    do(catalog, lambda tables: tables.invitations.delete("i1"))
    assert see(catalog, lambda tables: tables.invitations.get("i1")) is None


def test_an_organisation_may_keep_its_credentials_to_admins(catalog: Catalog) -> None:
    do(catalog, lambda tables: tables.organisations.insert(Organisation("acme", "Acme", admin_credentials=True)))
    assert see(catalog, lambda tables: tables.organisations.get("acme")).admin_credentials is True
