"""What every device store does for people who look: every condition, pages without a gap, marks, clearing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pushwarden.adapters import device_search
from pushwarden.core.device import Device, DeviceState
from pushwarden.core.device_search import DeviceQuery, Found, Place, meets, token_prefix
from pushwarden.core.errors import Invalid
from pushwarden.core.tags import parse_tags
from pushwarden.ports.devices import DeadToken
from tests.devices_fixtures import (
    CAROLS,
    SHOP,
    T0,
    Store,
    device,
    entry,
    everything,
    imported,
    names,
    run,
    store,
    uuid_of,
)

__all__ = ["store"]

QUERIES = [
    DeviceQuery(),
    DeviceQuery(user="u3"),
    DeviceQuery(user="u3", app_version="5.3"),
    DeviceQuery(test=True),
    DeviceQuery(test=True, state=DeviceState.LIVE),
    DeviceQuery(test=False),
    DeviceQuery(state=DeviceState.GONE),
    DeviceQuery(state=DeviceState.LIVE),
    DeviceQuery(reason="Unregistered"),
    DeviceQuery(reason="BadDeviceToken", build="512"),
    DeviceQuery(app_version="5.3"),
    DeviceQuery(build="511"),
    DeviceQuery(tags=parse_tags("ios && !beta")),
    DeviceQuery(provider="fcm"),
    DeviceQuery(token_kind="voip"),
    DeviceQuery(provider="apns", token_kind="alert", tags=parse_tags("beta")),
    DeviceQuery(installation_id="nobody"),
]


def crowd(count: int = 120) -> list[Device]:
    chance = random.Random(7)
    kinds = [("apns", "alert"), ("apns", "voip"), ("fcm", "alert")]
    found = []
    for n in range(count):
        provider, kind = chance.choice(kinds)
        token = f"{chance.getrandbits(256):064x}" if provider == "apns" else f"c{chance.getrandbits(90):x}:APA91b"
        tags = tuple(tag for tag in ("ios", "beta") if chance.random() < 0.5)
        name = uuid_of(n) if n % 3 else f"phone {n}"
        version, build, test = chance.choice(["5.2", "5.3"]), chance.choice(["511", "512"]), chance.random() < 0.1
        found.append(Device(name, provider, token, kind, f"u{n % 9}", version, build, tags, test))
    return found


async def filled(store: Store) -> list[Device]:
    """The crowd registered, a third of it buried."""
    await store.register(SHOP, crowd(), T0)
    await store.register(CAROLS, crowd(), T0)
    for audience in await store.audiences(SHOP):
        rows = [one for one in await everything(store, SHOP) if one.provider == audience.provider]
        rows = [one for one in rows if one.token_kind == audience.token_kind and one.seq % 3 == 0]
        for at, one in enumerate(rows):
            word = DeadToken(one.seq, one.token.encode(), T0, ("Unregistered", "BadDeviceToken")[at % 2])
            assert await store.bury(audience.id, [word], T0 + at) == [one.seq]
    return await everything(store, SHOP)


async def pages(store: Store, query: DeviceQuery, limit: int) -> list[Device]:
    """All of them, page by page."""
    found, after = list[Device](), None
    for _ in range(500):
        page = await store.search(SHOP, query, after=after, limit=limit)
        assert len(page.devices) <= limit
        found += page.devices
        after = page.after
        if after is None:
            return found
        assert Place.parse(str(after)) == after
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_pages_give_every_device_that_meets_the_query_once(store: Store, query: DeviceQuery) -> None:
    async def scene() -> None:
        rows = await filled(store)
        wanted = {(one.provider, one.token_kind, one.seq) for one in rows if meets(query, one)}
        for limit in (1, 7, 500):
            found = await pages(store, query, limit)
            assert all(meets(query, one) for one in found)
            assert len(found) == len(wanted)
            assert {(one.provider, one.token_kind, one.seq) for one in found} == wanted

    run(scene())


def test_the_newest_device_and_the_newest_tombstone_of_an_audience_come_first(store: Store) -> None:
    async def scene() -> None:
        await filled(store)
        alert = DeviceQuery(provider="apns", token_kind="alert")
        seqs = [one.seq for one in await pages(store, alert, 10)]
        assert seqs == sorted(seqs, reverse=True)
        gone = await pages(store, replace(alert, state=DeviceState.GONE), 10)
        assert [one.gone_at for one in gone] == sorted((one.gone_at or 0 for one in gone), reverse=True)

    run(scene())


@pytest.mark.parametrize("length", [4, 5, 11, 12, 13, 400])
def test_a_device_is_found_by_how_its_token_begins_and_by_the_whole_of_it(store: Store, length: int) -> None:
    async def scene() -> None:
        rows = await filled(store)
        others = [device("odd", "0badcafe" + "7" * 31), device("high", "f" * 64), device("short", "ffffff")]
        await store.register(SHOP, others, T0)
        everybody = await everything(store, SHOP)
        for one in (*rows[::7], *others):
            begins = token_prefix(one.token[:length])
            found = await pages(store, DeviceQuery(begins=begins), 50)
            same = [other for other in everybody if other.token.startswith(begins)]
            assert sorted(names(found)) == sorted(names(same))
            whole = await store.search(SHOP, DeviceQuery(token=one.token))
            assert names(whole.devices) == [one.installation_id]
        pasted = token_prefix("<0BADCAFE 77777777>")
        assert names((await store.search(SHOP, DeviceQuery(begins=pasted))).devices) == ["odd"]
        assert (await store.search(CAROLS, DeviceQuery(begins=pasted))).devices == []
        assert (await store.search(CAROLS, DeviceQuery(token=others[0].token))).devices == []

    run(scene())


def test_a_search_no_index_knows_looks_at_so_many_rows_and_says_where_it_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_search, "WALK", 10)

    async def scene() -> None:
        fleet = [device(f"d{n}", f"{n:064x}", tags=("rare",) if n == 3 else ()) for n in range(25)]
        await store.register(SHOP, fleet, T0)
        query, found, looked = DeviceQuery(tags=parse_tags("rare")), Found([]), 0
        for _ in range(9):
            found = await store.search(SHOP, query, after=found.after)
            looked += found.searched
            if found.devices or found.after is None:
                break
        assert names(found.devices) == ["d3"]
        assert names(await pages(store, query, 5)) == ["d3"]
        if not store.__class__.__name__.startswith("Memory"):
            assert looked >= 20

    run(scene())


def test_a_prefix_or_a_place_that_is_none_is_refused_in_words() -> None:
    for text in ("abc", "<ab c>", ""):
        with pytest.raises(Invalid, match="at least the first 4 characters"):
            token_prefix(text)
    for text in ("1.2", "1.2.x", "1.-2.3", "1.2." + "9" * 30):
        with pytest.raises(Invalid, match="`next` of the page before"):
            Place.parse(text)


def test_a_device_that_a_person_marked_stays_a_test_device_whatever_its_app_registers(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("a", token_kind="voip"), device("b")], T0)
        marked = await store.mark(SHOP, "a", test=True)
        assert [(one.test, one.marked, one.version) for one in marked] == [(True, True, 2)] * 2
        assert await store.mark(SHOP, "a", test=True) == marked
        (again,) = await store.register(SHOP, [device("a")], T0 + 1)
        assert (again.change, again.device.test) == ("unchanged", True)
        (again,) = await store.register(SHOP, [device("a", "ff")], T0 + 2)
        assert (again.change, again.device.test, again.device.marked) == ("updated", True, True)
        assert (await imported(store, SHOP, [entry("a", "ff")])).unchanged == 1
        assert (await imported(store, SHOP, [entry("a", "fe", build="7")])).updated == 1
        assert next((one.build, one.test) for one in await store.get(SHOP, "a")) == ("7", True)
        assert names((await store.search(SHOP, DeviceQuery(test=True))).devices) == ["a", "a"]
        rows = await store.pick((await store.audiences(SHOP))[0].id, [0, 1], ("test",))
        assert rows.values["test"] == ["1", "0"]
        assert {one.test for one in await store.mark(SHOP, "a", test=False)} == {False}
        assert [one.test for one in await store.get(SHOP, "a")] == [False, False]
        assert await store.mark(SHOP, "nobody", test=True) == []
        assert await store.get(CAROLS, "a") == []

    run(scene())


def test_what_is_gone_can_be_cleared_by_reason_and_nothing_that_lives_goes(store: Store) -> None:
    async def scene() -> None:
        rows = await filled(store)
        gone = [one for one in rows if one.state is DeviceState.GONE]
        dead = [one for one in gone if one.gone_reason == "Unregistered"]
        before = T0 + 1_000_000
        assert await store.clear_gone(SHOP, before_ms=before, dry_run=True) == len(gone)
        assert await store.clear_gone(SHOP, before_ms=T0, dry_run=True) == 0
        assert await store.clear_gone(SHOP, before_ms=before, reason="Unregistered") == len(dead)
        left = await everything(store, SHOP)
        assert len(left) == len(rows) - len(dead)
        assert {one.gone_reason for one in left} == {"", "BadDeviceToken"}
        assert await store.clear_gone(SHOP, before_ms=before) == len(gone) - len(dead)
        assert {one.state for one in await everything(store, SHOP)} == {DeviceState.LIVE}
        assert len(await everything(store, CAROLS)) == 120

    run(scene())


def test_an_organisations_sizes_name_every_environment_and_no_one_elses(store: Store) -> None:
    async def work() -> None:
        await store.register(SHOP, [device("one"), device("two"), device("two", token_kind="voip")], T0)
        await store.register(CAROLS, [device("three")], T0)
        assert await store.sizes(SHOP.organisation) == {(SHOP.app, str(SHOP.environment), "apns"): 2}
        assert await store.sizes("nobody") == {}

    run(work())
