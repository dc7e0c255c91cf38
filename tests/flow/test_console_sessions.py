"""Sessions: who is signed in, for how long, and how soon a change of the people holds everywhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

import cast
from catalog_fixtures import opened
from people import SignedIn, signed_in_here
from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.control.access import follow, reload
from pushwarden.control.api import stops as stop_routes
from pushwarden.control.console.inside import Api
from pushwarden.control.outlook import Outlook
from pushwarden.control.people.roll import BY_ITSELF, FRESH_MS, IDLE_MS, LONGEST_MS, Enrolled, Roll, Signed, cookie
from pushwarden.core.app import App, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Person, Session, digest
from pushwarden.core.principal import Binding, Permission, Role
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed
from pushwarden.ports.journal import Waiting
from pushwarden.web.access import KeyRing
from pushwarden.web.frame import Frame
from stops_fixtures import folder, house, locked

ACME = Scope("acme")
STOPS = Binding(Role.RESPONDER, ACME)


async def opening(role: Role = Role.ADMIN, where: Scope = ACME) -> tuple[cast.Stage, SignedIn]:
    scene = await cast.stage(MemoryCatalog())
    return scene, await signed_in_here(scene, role, where)


def seen(roll: Roll, who: SignedIn, more: str = "") -> Signed | None:
    return roll.signed([(b"cookie", f"theme=dark; {who.cookie}{more}".encode())])


async def changed(scene: cast.Stage, work) -> None:
    await scene.catalog.change(AuditEntry(1, "t", "t.t", ACME), lambda tables: Changed(work(tables)))
    await reload(scene.services)


def test_a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours_of_it() -> None:
    async def run() -> None:
        scene, who = await opening()
        roll, began = scene.services.roll, scene.clock.ms
        while scene.clock.ms < began + LONGEST_MS:
            assert seen(roll, who)
            scene.clock.ms += IDLE_MS - 1
        assert seen(roll, who) is None
        scene, who = await opening()
        scene.clock.ms += IDLE_MS
        assert seen(scene.services.roll, who) is None

    asyncio.run(run())


def test_what_an_open_page_asks_by_itself_keeps_nobody_signed_in() -> None:
    async def run() -> None:
        scene, who = await opening()
        roll, began = scene.services.roll, scene.clock.ms
        polls = [(b"cookie", who.cookie.encode()), (BY_ITSELF, b"1")]
        while scene.clock.ms < began + IDLE_MS:
            assert roll.signed(polls)
            scene.clock.ms += 5000
        assert roll.signed(polls) is None

    asyncio.run(run())


def test_a_session_is_fresh_for_a_quarter_of_an_hour() -> None:
    async def run() -> None:
        scene, who = await opening()
        for passed, fresh in ((0, True), (FRESH_MS - 1, True), (1, False)):
            scene.clock.ms += passed
            found = seen(scene.services.roll, who)
            assert found and found.principal.fresh is fresh

    asyncio.run(run())


@pytest.mark.parametrize("value", ["", "x", "pwk_1", "a" * 4096])
def test_another_cookie_signs_nobody_in(value: str) -> None:
    async def run() -> None:
        scene, who = await opening()
        assert seen(scene.services.roll, replace(who, secret=value)) is None

    asyncio.run(run())


def test_whoever_is_disabled_is_out_at_once() -> None:
    async def run() -> None:
        scene, who = await opening()
        gone = replace(who.person, disabled_at=5, version=2)
        await changed(scene, lambda tables: tables.people.update(gone))
        assert seen(scene.services.roll, who) is None

    asyncio.run(run())


def test_a_role_that_is_taken_away_is_gone_in_another_process_too(tmp_path: Path) -> None:
    async def run() -> None:
        with opened("sqlite", tmp_path) as catalog:
            scene = await cast.stage(catalog)
            who = await signed_in_here(scene, Role.ADMIN, ACME)
            elsewhere, ring, roll = SqliteCatalog(tmp_path / "control.db"), KeyRing(scene.clock), Roll(scene.clock)
            following = asyncio.create_task(follow(elsewhere, ring, roll))

            def may() -> bool:
                found = seen(roll, who)
                return bool(found and found.principal.may(Permission.KEY_WRITE, ACME))

            await _until(may)
            less = replace(who.person, bindings=(Binding(Role.VIEWER, ACME),), version=2)
            await changed(scene, lambda tables: tables.people.update(less))
            await _until(lambda: not may())
            assert seen(roll, who)
            following.cancel()
            elsewhere.close()

    asyncio.run(run())


async def _until(true) -> None:
    while not true():
        await asyncio.sleep(0.01)


def test_operators_have_no_credentials_where_the_organisation_keeps_them_to_admins() -> None:
    async def run() -> None:
        scene, who = await opening(Role.OPERATOR, Scope())
        kept = Organisation("acme", "Acme", version=2, admin_credentials=True)
        await changed(scene, lambda tables: tables.organisations.update(kept))
        found = seen(scene.services.roll, who)
        assert found
        may = found.principal.may
        assert not may(Permission.CREDENTIAL_WRITE, Scope("acme", "shop"))
        assert may(Permission.CREDENTIAL_WRITE, Scope("beta", "shop"))
        assert may(Permission.PUSH_SEND, Scope("acme", "shop"))

    asyncio.run(run())


def test_people_of_the_installation_choose_whose_pages_they_see_and_others_cannot() -> None:
    async def run() -> None:
        scene, root = await opening(Role.ADMIN, Scope())
        roll = scene.services.roll
        dana = await signed_in_here(scene, Role.ADMIN, ACME)
        for who, chosen, shown in ((root, "", "default"), (root, "beta", "beta"), (root, "none", "default"),
                                   (dana, "beta", "acme")):  # fmt: skip
            found = seen(roll, who, f"; organisation={chosen}")
            assert found and found.organisation == shown

    asyncio.run(run())


def test_a_sessions_use_is_written_in_batches_and_survives_a_reload() -> None:
    async def run() -> None:
        scene, who = await opening()
        roll = scene.services.roll
        scene.clock.ms += 60_000
        assert seen(roll, who)
        await reload(scene.services)
        scene.clock.ms += IDLE_MS - 1
        assert seen(roll, who)
        sessions, people = roll.take_seen()
        assert set(sessions.values()) == {scene.clock.ms} == {people[who.person.id]}
        assert roll.take_seen() == ({}, {})

    asyncio.run(run())


def test_the_cookie_is_bound_to_https_where_the_site_is() -> None:
    clock = cast.HeldClock()
    name, value = Roll(clock, secure=True).give("s")
    assert name == b"set-cookie"
    assert value == b"__Host-pushwarden=s; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"
    assert b"Secure" not in Roll(clock).give("s")[1]
    assert b"Max-Age=0" in Roll(clock).give("")[1]
    assert cookie([(b"cookie", b"a=1"), (b"cookie", b"b=2; c=3")], "c") == "3"


def test_a_person_stops_while_the_database_is_locked() -> None:
    async def play(path: Path) -> None:
        clock = SystemClock()
        now, person = clock.now_ms(), Person("dana", "acme", "d@acme.example", "Dana", bindings=(STOPS,))
        session = Session("s1", "dana", digest("secret"), now, now)
        roll, ring = Roll(clock), KeyRing(clock)
        roll.adopt(Enrolled([person], [session], [Organisation("acme", "Acme")]))
        ring.replace([], ["acme"])
        async with house(path, "sender-bulk-0") as ours:
            known = stop_routes.Known(_shop, Outlook(), _waiting, _no_tests)
            frame = Frame(stop_routes.routes(ours.stops, known), ring, clock, _unheard)
            with locked(path / "control.db"), locked(path / "journal.db"):
                signed = roll.signed([(b"cookie", b"pushwarden=secret")])
                assert signed
                api = Api(frame, signed.principal, signed.organisation, "r", "127.0.0.1")
                receipt = await api.post("/v1/stop", {"app": "shop"})
                assert receipt.drained is True
                assert ours.stopped() == {Scope("acme", "shop")}

    with folder() as made:
        asyncio.run(play(made))


def _shop() -> Snapshot:
    return Snapshot.of(1, [App("acme", "shop", "Shop")], ())


async def _waiting(_: Scope) -> Waiting:
    raise AssertionError("a stop counts nothing")


async def _no_tests(_: Scope) -> int:
    return 0


async def _unheard(entry: AuditEntry) -> None:
    raise AssertionError(entry)


def test_a_button_one_may_not_press_says_whom_to_ask() -> None:
    async def run() -> None:
        scene, _ = await opening(Role.VIEWER)
        roll = scene.services.roll
        shop = Scope("acme", "shop")
        assert roll.able(Permission.STOP, shop) == []
        root = await signed_in_here(scene, Role.ADMIN, Scope())
        assert roll.able(Permission.STOP, shop) == [root.person.name]
        near = await signed_in_here(scene, Role.RESPONDER, shop)
        await signed_in_here(scene, Role.ADMIN, Scope("beta"))
        assert roll.able(Permission.STOP, shop) == [near.person.name]

    asyncio.run(run())
