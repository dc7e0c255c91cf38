"""What every catalog keeps to, in memory and in a file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog_fixtures import KINDS, opened
from pushwarden.core.apikey import ApiKey, digest
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Callback, Course, Delivery, Event, made
from pushwarden.core.chain import verify
from pushwarden.core.configuration import Version
from pushwarden.core.errors import AlreadyExists, Conflict, NotFound
from pushwarden.core.hold import Hold, Release
from pushwarden.core.organisation import Organisation
from pushwarden.core.principal import KeyKind
from pushwarden.core.ramp import Outcome, Ramp
from pushwarden.core.receipt import Confirmation, Receipt, SenderReceipt
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.audit import AuditQuery, Facet
from pushwarden.ports.callbacks import DELIVERIES_KEPT
from pushwarden.ports.catalog import Catalog, Changed, StopRecord, Tables

SHOP = App("acme", "shop", "Shop", bundle_id="com.acme.shop", callbacks=("https://acme.example/hook",), created_at=5)


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        yield found


def entry(action: str = "app.create", organisation: str = "acme", at: int = 10) -> AuditEntry:
    return AuditEntry(at, "alice", action, Scope(organisation), request_id="r1")


def do(catalog: Catalog, work, action: str = "app.create"):
    """A change that says nothing of itself."""

    def changed(tables: Tables) -> Changed:
        return Changed(work(tables))

    return asyncio.run(_change(catalog, entry(action), changed))


async def _change(catalog: Catalog, said: AuditEntry, work):
    return await catalog.change(said, work)


def see(catalog: Catalog, work):
    return asyncio.run(_read(catalog, work))


async def _read(catalog: Catalog, work):
    return await catalog.read(work)


def rows(catalog: Catalog, organisation: str = "acme", **filters):
    return see(catalog, lambda tables: tables.audit.page(AuditQuery(organisation, **filters)))


def test_a_change_and_its_audit_row_are_one(catalog: Catalog) -> None:
    asyncio.run(
        _change(
            catalog,
            entry(),
            lambda tables: Changed(tables.apps.insert(SHOP), target="shop", after={"name": "Shop"}),
        )
    )
    (row,) = rows(catalog)
    said = json.loads(row.body)
    assert (said["action"], said["target"], said["after"], said["outcome"]) == (
        "app.create",
        "shop",
        {"name": "Shop"},
        "done",
    )
    assert see(catalog, lambda tables: tables.apps.get("acme", "shop")) == SHOP


def test_a_change_that_fails_leaves_neither_row_nor_audit(catalog: Catalog) -> None:
    before = asyncio.run(catalog.version())

    def half(tables: Tables) -> Changed[None]:
        tables.apps.insert(SHOP)
        raise Conflict

    with pytest.raises(Conflict):
        asyncio.run(_change(catalog, entry(), half))
    assert see(catalog, lambda tables: tables.apps.all()) == []
    assert rows(catalog) == []
    assert asyncio.run(catalog.version()) == before


def test_the_version_grows_with_every_change_and_not_with_a_refused_attempt(catalog: Catalog) -> None:
    before = asyncio.run(catalog.version())
    do(catalog, lambda tables: tables.apps.insert(SHOP))
    asyncio.run(catalog.record(replace(entry(), outcome="forbidden")))
    assert asyncio.run(catalog.version()) == before + 1
    assert [json.loads(row.body)["outcome"] for row in rows(catalog)] == ["forbidden", "done"]


def test_an_edit_of_another_version_is_a_conflict_that_names_the_current_one(catalog: Catalog) -> None:
    do(catalog, lambda tables: tables.apps.insert(SHOP))
    do(catalog, lambda tables: tables.apps.update(replace(SHOP, name="Shop 2", version=2)))
    with pytest.raises(Conflict) as caught:
        do(catalog, lambda tables: tables.apps.update(replace(SHOP, name="Shop 3", version=2)))
    assert caught.value.extra == {"version": 2}
    with pytest.raises(NotFound):
        do(catalog, lambda tables: tables.apps.update(replace(SHOP, id="none", version=2)))


def test_apps_of_the_same_id_live_in_two_organisations(catalog: Catalog) -> None:
    twin = replace(SHOP, organisation="beta", name="Twin")
    do(catalog, lambda tables: (tables.apps.insert(SHOP), tables.apps.insert(twin)))
    with pytest.raises(AlreadyExists):
        do(catalog, lambda tables: tables.apps.insert(SHOP))
    assert see(catalog, lambda tables: tables.apps.all("beta")) == [twin]
    assert see(catalog, lambda tables: tables.apps.all()) == [SHOP, twin]
    do(catalog, lambda tables: tables.apps.delete("beta", "shop"))
    assert see(catalog, lambda tables: tables.apps.all()) == [SHOP]


def credential(name: str, state: CredentialState = CredentialState.STANDBY, organisation: str = "acme") -> Credential:
    return Credential(
        organisation,
        "shop",
        Environment.PRODUCTION,
        name,
        "apns",
        CredentialKind.APNS_TOKEN,
        state,
        "SHA256:aa",
        {"key_id": "ABC", "topics": ["com.acme.shop"], "not_after": 12},
        b"\x00sealed",
        1,
        7,
    )


def test_credentials_come_back_as_they_went_in(catalog: Catalog) -> None:
    first, second = credential("c1"), credential("c2", CredentialState.ACTIVE)
    do(catalog, lambda tables: [tables.apps.insert(SHOP), tables.credentials.insert(first)])
    do(catalog, lambda tables: tables.credentials.insert(second))
    do(catalog, lambda tables: tables.credentials.insert(credential("c3", organisation="beta")))
    found = see(catalog, lambda tables: tables.credentials.of("acme", "shop", Environment.PRODUCTION))
    assert found == [first, second]
    assert see(catalog, lambda tables: tables.credentials.in_state(CredentialState.ACTIVE)) == [second]
    both = CredentialState.ACTIVE, CredentialState.STANDBY
    assert {one.id for one in see(catalog, lambda tables: tables.credentials.in_state(*both))} == {"c1", "c2", "c3"}
    assert see(catalog, lambda tables: tables.credentials.get("acme", "shop", "c3")) is None
    do(catalog, lambda tables: tables.credentials.update(replace(second, state=CredentialState.PREVIOUS)))
    assert see(catalog, lambda tables: tables.credentials.in_state(CredentialState.ACTIVE)) == []
    do(catalog, lambda tables: tables.apps.delete("acme", "shop"))
    assert see(catalog, lambda tables: tables.credentials.of("acme", "shop", Environment.PRODUCTION)) == []
    assert see(catalog, lambda tables: tables.credentials.get("beta", "shop", "c3")) is not None


def test_keys_are_found_only_in_their_organisation_and_remember_their_last_use(catalog: Catalog) -> None:
    key = ApiKey("k1", "robot", KeyKind.SEND, Scope("acme", "shop", Environment.SANDBOX), digest("s"), 1, 99)
    do(catalog, lambda tables: tables.keys.insert(key))
    assert see(catalog, lambda tables: tables.keys.get("acme", "k1")) == key
    assert see(catalog, lambda tables: tables.keys.get("beta", "k1")) is None
    before = asyncio.run(catalog.version())
    asyncio.run(catalog.note_used({"k1": 50, "gone": 3}))
    asyncio.run(catalog.note_used({"k1": 40}))
    assert see(catalog, lambda tables: tables.keys.all()) == [replace(key, last_used_at=50)]
    assert asyncio.run(catalog.version()) == before
    with pytest.raises(Conflict):
        do(catalog, lambda tables: tables.keys.update(replace(key, version=5)))


def test_organisations_are_listed_by_id(catalog: Catalog) -> None:
    do(catalog, lambda tables: [tables.organisations.insert(Organisation(name, name.title())) for name in ("b", "a")])
    do(catalog, lambda tables: tables.organisations.update(Organisation("a", "Renamed", 2)))
    assert [row.name for row in see(catalog, lambda tables: tables.organisations.all())] == ["Renamed", "B"]
    with pytest.raises(AlreadyExists):
        do(catalog, lambda tables: tables.organisations.insert(Organisation("a", "again")))


def test_each_organisation_has_a_chain_of_its_own_and_filters_find_its_rows(catalog: Catalog) -> None:
    for at in range(4):
        asyncio.run(catalog.record(replace(entry("push.cancel", at=at), actor=f"a{at % 2}")))
    asyncio.run(catalog.record(replace(entry("app.create", at=9), scope=Scope("acme", "shop"), target="shop")))
    asyncio.run(catalog.record(entry("app.create", organisation="beta")))
    asyncio.run(catalog.record(entry("organisation.create", organisation="")))
    assert see(catalog, lambda tables: tables.audit.chains()) == ["", "acme", "beta"]
    assert [row.sequence for row in rows(catalog)] == [5, 4, 3, 2, 1]
    assert [row.sequence for row in rows(catalog, actors=("a1",))] == [4, 2]
    assert [row.sequence for row in rows(catalog, action="app.")] == [5]
    assert [row.sequence for row in rows(catalog, app="shop", target="shop")] == [5]
    assert [row.sequence for row in rows(catalog, since=1, until=3)] == [3, 2]
    assert [row.sequence for row in rows(catalog, before=4, limit=2)] == [3, 2]
    assert rows(catalog, outcome="forbidden") == []
    assert [row.sequence for row in rows(catalog, least=2, before=4)] == [3, 2]
    for chain in ("", "acme", "beta"):
        kept = see(catalog, lambda tables, chain=chain: tables.audit.after(chain, 0, 100))
        assert verify(chain, ((row.sequence, row.body, row.hash) for row in kept)).intact


def test_the_audit_is_found_by_what_its_entries_say_and_not_by_their_field_names(catalog: Catalog) -> None:
    sandbox = Scope("acme", "shop", Environment.SANDBOX)
    for said in (
        replace(entry("app.change"), scope=sandbox, after={"name": 'Größe "XL"'}, extra={"actor_name": "Dana K."}),
        replace(entry("credential.activate"), outcome="forbidden", actor="bob", reason="Because of XL"),
        replace(entry("credential.delete"), outcome="in_use", actor="bob"),
    ):
        asyncio.run(catalog.record(said))
    assert [row.sequence for row in rows(catalog, words=("xl",))] == [2, 1]
    assert [row.sequence for row in rows(catalog, words=('grösse "xl"'.casefold(),))] == [1]
    assert [row.sequence for row in rows(catalog, words=("dana", "xl"))] == [1]
    assert rows(catalog, words=("actor_name",)) == rows(catalog, words=("sequence",)) == []
    assert [row.sequence for row in rows(catalog, environment="sandbox")] == [1]
    assert [row.sequence for row in rows(catalog, outcome="refused")] == [3, 2]
    assert [row.sequence for row in rows(catalog, outcome="in_use", action="credential")] == [3]
    assert [row.sequence for row in rows(catalog, actors=("alice", "bob"), action="credential.", limit=1)] == [3]


def test_what_stands_in_the_audit_is_counted_as_it_is_written(catalog: Catalog) -> None:
    day = 86_400_000
    for at, actor, name, outcome in (
        (1, "k1", "Dana", "done"), (day, "k1", "Dana K.", "forbidden"), (day + 1, "k2", "", "done")
    ):  # fmt: skip
        said = replace(entry("app.change", at=at), actor=actor, outcome=outcome, extra={"actor_name": name})
        asyncio.run(catalog.record(replace(said, scope=Scope("acme", "shop"))))

    def facets(kind: str) -> list[Facet]:
        return see(catalog, lambda tables: tables.audit.facets("acme", kind))

    assert facets("actor") == [Facet("k1", "Dana K.", 2, 1, 1, 2), Facet("k2", "", 1, 0, 3, 3)]
    assert facets("day") == [Facet("1970-01-01", "", 1, 0, 1, 1), Facet("1970-01-02", "", 2, 1, 2, 3)]
    assert facets("action") == [Facet("app.change", "", 3, 1, 1, 3)]
    assert facets("app") == [Facet("shop", "", 3, 1, 1, 3)]
    assert [(one.value, one.entries) for one in facets("outcome")] == [("done", 2), ("forbidden", 1)]
    assert see(catalog, lambda tables: tables.audit.facets("beta", "day")) == []


def test_a_name_that_was_said_once_is_kept_by_entries_without_one(catalog: Catalog) -> None:
    named = replace(entry(), actor="k1", extra={"actor_name": "Dana K."})
    for said in (named, replace(named, extra={})):
        asyncio.run(catalog.record(said))
    assert see(catalog, lambda tables: tables.audit.facets("acme", "actor")) == [Facet("k1", "Dana K.", 2, 0, 1, 2)]


def test_a_search_within_places_finds_what_was_done_there_and_nothing_beside(catalog: Catalog) -> None:
    live, sandbox = (Scope("acme", "shop", one) for one in (Environment.PRODUCTION, Environment.SANDBOX))
    other, whole = Scope("acme", "other"), Scope("acme", "shop")
    for place in (whole, live, sandbox, other, Scope("acme")):
        asyncio.run(catalog.record(replace(entry(), scope=place)))

    def found(*within: Scope, **filters: str) -> list[int]:
        return [row.sequence for row in rows(catalog, within=within, **filters)]

    assert found(live) == [2]
    assert found(whole) == found(whole, live) == [3, 2, 1]
    assert found(live, other) == [4, 2]
    assert found(live, other, app="other") == [4]
    assert found(whole, environment="sandbox") == [3]
    assert found(other, app="shop") == found(live, environment="sandbox") == []


def test_the_snapshot_comes_back_whole(catalog: Catalog) -> None:
    assert see(catalog, lambda tables: (tables.snapshots.get(), tables.snapshots.version())) == (None, 0)
    active = credential("c1", CredentialState.ACTIVE)
    for version in (1, 2):
        kept = Snapshot.of(version, [SHOP], [active, credential("c2"), replace(active, id="c3", slot="voip")])
        do(catalog, lambda tables, kept=kept: tables.snapshots.put(kept))
    assert see(catalog, lambda tables: (tables.snapshots.get(), tables.snapshots.version())) == (kept, 2)


def test_stops_are_open_until_their_very_scope_is_resumed(catalog: Catalog) -> None:
    shop, everything = Scope("acme", "shop"), Scope()
    receipt = Receipt("s1", shop, 3, 10, 4.5, (SenderReceipt("bulk-0", Confirmation.DRAINED, 4.0),), "oops", "alice")
    do(catalog, lambda tables: tables.stops.put(StopRecord("s1", shop, "alice", "oops", 10)))
    do(catalog, lambda tables: tables.stops.put(StopRecord("s1", shop, "alice", "oops", 10, receipt)))
    do(catalog, lambda tables: tables.stops.put(StopRecord("s2", everything, "root", "all", 20)))
    do(catalog, lambda tables: tables.stops.put(StopRecord("s3", Scope("beta"), "carol", "", 30)))
    assert [stop.id for stop in see(catalog, lambda tables: tables.stops.open("acme"))] == ["s2", "s1"]
    assert [stop.id for stop in see(catalog, lambda tables: tables.stops.open())] == ["s3", "s2", "s1"]
    assert see(catalog, lambda tables: tables.stops.get("s1")).receipt == receipt
    lifted = replace(see(catalog, lambda tables: tables.stops.get("s1")), resumed_at=50, resumed_by="alice")
    do(catalog, lambda tables: tables.stops.put(lifted))
    assert [stop.id for stop in see(catalog, lambda tables: tables.stops.open("acme"))] == ["s2"]
    assert [stop.resumed_at for stop in see(catalog, lambda tables: tables.stops.recent("acme", 5))] == [None, 50]


def test_holds_are_listed_by_organisation_until_released(catalog: Catalog) -> None:
    hold = Hold("h1", "acme/shop/production/apns/bulk", "mass_invalidation", 5, "bulk-0", {"dead": 900}, {"410": "x"})
    do(catalog, lambda tables: tables.holds.put(hold))
    assert see(catalog, lambda tables: tables.holds.all("acme", open_only=True)) == [hold]
    assert see(catalog, lambda tables: tables.holds.all("acme", brief=True)) == [replace(hold, evidence={})]
    assert see(catalog, lambda tables: tables.holds.all("beta")) == []
    ended = replace(hold, released_at=9, released_by="alice", release=Release.APPLY)
    do(catalog, lambda tables: tables.holds.put(ended))
    assert see(catalog, lambda tables: tables.holds.all("acme", open_only=True)) == []
    assert see(catalog, lambda tables: tables.holds.get("h1")) == ended


def test_browsing_sees_what_reading_sees(catalog: Catalog) -> None:
    do(catalog, lambda tables: tables.apps.insert(SHOP))

    async def both() -> tuple[list[App], list[App]]:
        return await catalog.read(lambda tables: tables.apps.all()), await catalog.browse(
            lambda tables: tables.apps.all()
        )

    assert asyncio.run(both()) == ([SHOP], [SHOP])


def test_changes_made_at_once_make_one_chain(catalog: Catalog) -> None:
    async def all_at_once() -> None:
        work = (catalog.record(entry("push.cancel", at=at)) for at in range(12))
        await asyncio.gather(*work)

    asyncio.run(all_at_once())
    kept = see(catalog, lambda tables: tables.audit.after("acme", 0, 100))
    assert [row.sequence for row in kept] == list(range(1, 13))
    assert verify("acme", ((row.sequence, row.body, row.hash) for row in kept)).intact


def test_a_callback_and_how_far_it_was_told_go_with_their_app(catalog: Catalog) -> None:
    told = Callback("acme", "shop", "cb_1", "https://acme.example/hook", tuple(Event), created_at=7, sealed=b"s")
    message = made("push.finished", "shop", [{"push": "p"}], 50)
    late = made("push.finished", "shop", [], 60, trial=True)

    def note(work):
        async def go():
            return await catalog.note(work)

        return asyncio.run(go())

    do(catalog, lambda tables: tables.apps.insert(SHOP))
    do(catalog, lambda tables: tables.callbacks.insert(told))
    version = asyncio.run(_version(catalog))
    note(lambda tables: tables.courses.put(told, late))
    note(lambda tables: tables.courses.put(told, message))
    note(lambda tables: tables.courses.put(told, replace(message, attempts=2, gave_up=True)))
    note(lambda tables: tables.courses.place(told, {"push": 3, "audit": 1}))
    note(lambda tables: tables.courses.place(told, {"push": 9}))
    note(lambda tables: tables.courses.wait(told, ["p2", "p1"]))
    note(lambda tables: tables.courses.seen(told, ["p2"]))
    course = see(catalog, lambda tables: tables.courses.get(told))
    expected = (replace(message, attempts=2, gave_up=True), late)
    assert course == Course({"push": 9, "audit": 1}, ("p1",), expected)
    assert asyncio.run(_version(catalog)) == version
    assert note(lambda tables: tables.courses.drop(told, message.id))
    assert not note(lambda tables: tables.courses.drop(told, message.id))
    for number in range(DELIVERIES_KEPT + 5):
        note(lambda tables, number=number: tables.courses.note(told, Delivery("m", "t", number, 200, 1)))
    kept = see(catalog, lambda tables: tables.courses.deliveries(told))
    assert [one.at for one in kept] == list(range(DELIVERIES_KEPT + 4, 4, -1))
    with pytest.raises(Conflict):
        do(catalog, lambda tables: tables.callbacks.update(replace(told, version=3)))
    do(catalog, lambda tables: tables.callbacks.update(replace(told, enabled=False, version=2)))
    assert see(catalog, lambda tables: tables.callbacks.get("acme", "shop", "cb_1")).enabled is False
    assert see(catalog, lambda tables: tables.callbacks.get("beta", "shop", "cb_1")) is None
    do(catalog, lambda tables: tables.apps.delete("acme", "shop"))
    assert see(catalog, lambda tables: (tables.callbacks.all(), tables.courses.get(told))) == ([], Course())


async def _version(catalog: Catalog) -> int:
    return await catalog.version()


def request(name: str, at: int = 7, **more: str) -> CertificateRequest:
    return CertificateRequest(
        "acme", "shop", Environment.PRODUCTION, name, "Shop Push", "-----BEGIN…", "ab" * 32, b"\x00sealed",
        created_by="k1", created_at=at, **more,
    )  # fmt: skip


def test_certificate_requests_of_an_app_stay_its_own_and_go_with_it(catalog: Catalog) -> None:
    first, second = request("r1"), request("r2", 8, renews="c1")
    theirs = replace(first, organisation="beta")
    do(catalog, lambda tables: [tables.apps.insert(SHOP), *map(tables.requests.insert, (first, second, theirs))])
    assert see(catalog, lambda tables: tables.requests.of("acme", "shop")) == [second, first]
    assert see(catalog, lambda tables: tables.requests.get("beta", "shop", "r1")) == theirs
    assert see(catalog, lambda tables: tables.requests.get("acme", "other", "r1")) is None
    assert see(catalog, lambda tables: tables.requests.get("beta", "shop", "r2")) is None
    assert len(see(catalog, lambda tables: tables.requests.all())) == 3
    do(catalog, lambda tables: tables.requests.delete(second))
    assert see(catalog, lambda tables: tables.requests.of("acme", "shop")) == [first]
    do(catalog, lambda tables: tables.apps.delete("acme", "shop"))
    assert see(catalog, lambda tables: tables.requests.all()) == [theirs]


def test_an_answer_to_a_request_that_was_answered_meanwhile_is_a_conflict(catalog: Catalog) -> None:
    first = request("r1")
    do(catalog, lambda tables: tables.requests.insert(first))
    answered = replace(first, answered_by="c1", version=2)
    do(catalog, lambda tables: tables.requests.update(answered))
    assert see(catalog, lambda tables: tables.requests.get("acme", "shop", "r1")) == answered
    with pytest.raises(Conflict):
        do(catalog, lambda tables: tables.requests.update(answered))
    with pytest.raises(NotFound):
        do(catalog, lambda tables: tables.requests.update(replace(answered, id="none")))


def test_a_credential_remembers_the_request_its_key_is_of(catalog: Catalog) -> None:
    made = replace(credential("c1"), request="r1", certificate="-----BEGIN CERTIFICATE-----…")
    do(catalog, lambda tables: tables.credentials.insert(made))
    assert see(catalog, lambda tables: tables.credentials.get("acme", "shop", "c1")) == made
    assert made.sealed_under == request("r1").label != made.label
    assert credential("c1").sealed_under == credential("c1").label


def test_versions_are_read_newest_first_and_go_with_their_app(catalog: Catalog) -> None:
    whole = {"app": {"name": "Shop", "enabled": True, "contacts": ["a@b.example"]}, "credentials": {}}
    made = [Version("acme", "shop", n, n * 10, "k1", "Dana", "app.change", n - 1, whole) for n in (1, 2, 3)]

    def put(tables: Tables) -> None:
        tables.apps.insert(SHOP)
        for one in [*made, replace(made[0], app="other")]:
            tables.versions.insert(one)

    do(catalog, put)
    assert see(catalog, lambda tables: tables.versions.page("acme", "shop", 0, 9)) == made[::-1]
    assert see(catalog, lambda tables: tables.versions.page("acme", "shop", 3, 1)) == [made[1]]
    assert see(catalog, lambda tables: tables.versions.last("acme", "shop")) == made[2]
    assert see(catalog, lambda tables: tables.versions.get("acme", "shop", 4)) is None
    do(catalog, lambda tables: tables.apps.delete("acme", "shop"))
    assert see(catalog, lambda tables: tables.versions.last("acme", "shop")) is None
    assert see(catalog, lambda tables: tables.versions.last("acme", "other")) is not None


def test_ramps_are_kept_by_id_and_the_open_ones_are_found_by_their_organisation(catalog: Catalog) -> None:
    shop = Ramp("ramp-1", Scope("acme", "shop"), 1, 600_000, 500, 10, "alice", 11, since=9)
    wide = replace(shop, id="ramp-2", scope=Scope(), started_at=20)
    theirs = replace(shop, id="ramp-3", scope=Scope("rival"), started_at=30)
    for ramp in (shop, wide, theirs):
        do(catalog, lambda tables, ramp=ramp: tables.ramps.put(ramp))
    assert see(catalog, lambda tables: tables.ramps.get("ramp-1")) == shop
    assert see(catalog, lambda tables: tables.ramps.get("ramp-9")) is None
    assert see(catalog, lambda tables: tables.ramps.open("acme")) == [wide, shop]
    assert see(catalog, lambda tables: tables.ramps.open()) == [theirs, wide, shop]
    ended = shop.at_step(2, 40).ended(Outcome.DONE, "guard", 50)
    do(catalog, lambda tables: tables.ramps.put(ended))
    assert see(catalog, lambda tables: tables.ramps.open("acme")) == [wide]
    assert see(catalog, lambda tables: tables.ramps.get("ramp-1")) == ended
