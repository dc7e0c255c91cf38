"""What every device store does: devices.db and its double in memory."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pushwarden.core.device import Device, DeviceState
from pushwarden.core.device_rules import Entry, entry_of
from pushwarden.core.errors import Conflict, Invalid
from pushwarden.core.importing import NdjsonLister, write_lines
from pushwarden.core.tags import matches, parse_tags
from pushwarden.ports.devices import DeadToken
from tests.devices_fixtures import (
    CAROLS,
    HOUR,
    SHOP,
    T0,
    Store,
    device,
    entry,
    everything,
    hexed,
    imported,
    run,
    store,
    the_audience,
    uuid_of,
)

__all__ = ["store"]


def dead(seq: int, name: str, gone_ms: int | None) -> DeadToken:
    return DeadToken(seq, hexed(name).encode(), gone_ms, "Unregistered")


def test_a_device_comes_back_as_it_was_registered(store: Store) -> None:
    upper = uuid_of(2).upper()
    full = [
        device(name, token, user="Ü", app_version="5.3", build="512", tags=("ios", "a:b"), test=True)
        for name, token in [(uuid_of(1), "ab" * 32), (upper, "cd" * 50), ("Gerät 7", "e" * 161), ("0" * 36, "ab")]
    ]

    async def scene() -> None:
        done = await store.register(SHOP, full, T0)
        assert [d.change for d in done] == ["created"] * 4
        for seq, (given, registration) in enumerate(zip(full, done, strict=True)):
            expected = replace(given, seq=seq, registered_at=T0, version=1)
            assert registration.device == expected
            assert await store.get(SHOP, given.installation_id) == [expected]
        assert await store.get(SHOP, upper.lower()) == []
        audience = await the_audience(store)
        columns = ("user", "app_version", "build", "installation_id", "registered_at", "test")
        rows = await store.page(audience, 0, 9, columns)
        assert rows.tokens == [d.token.encode() for d in full]
        assert rows.values["installation_id"] == [d.installation_id for d in full]
        assert [rows.values[name][0] for name in ("user", "registered_at", "test")] == ["Ü", str(T0), "1"]

    run(scene())


def test_a_changed_token_keeps_the_number_and_a_stale_version_is_a_conflict(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b")], T0)
        (same,) = await store.register(SHOP, [device("b")], T0 + 1)
        assert (same.change, same.device.seq, same.device.version) == ("unchanged", 1, 1)
        assert same.device.registered_at == T0 + 1
        (new,) = await store.register(SHOP, [device("b", "ff", version=1)], T0 + 2)
        assert (new.change, new.device.seq, new.device.version) == ("updated", 1, 2)
        for version in (1, 3):
            with pytest.raises(Conflict):
                await store.register(SHOP, [device("b", "ee", version=version)], T0 + 3)
        with pytest.raises(Conflict):
            await store.register(SHOP, [device("c", version=1)], T0 + 3)
        assert (await store.get(SHOP, "b"))[0].token == "ff"

    run(scene())


def test_a_token_another_installation_holds_moves_and_its_number_is_never_given_again(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b", "bb")], T0)
        (moved,) = await store.register(SHOP, [device("c", "bb")], T0 + 1)
        assert (moved.change, moved.moved, moved.device.seq) == ("created", 1, 2)
        assert await store.get(SHOP, "b") == []
        assert await store.remove(SHOP, "c") == 1
        (again,) = await store.register(SHOP, [device("b", "bb")], T0 + 2)
        assert again.device.seq == 3
        (audience,) = await store.audiences(SHOP)
        assert (audience.size, audience.next_seq) == (2, 4)

    run(scene())


def test_an_environment_is_emptied_and_its_numbers_are_not_given_again(store: Store) -> None:
    async def scene() -> None:
        many = [device(f"i{n}", f"{n:04x}") for n in range(3)]
        await store.register(SHOP, [*many, device("i0", "aa", token_kind="voip")], T0)
        await store.register(CAROLS, [device("i0")], T0)
        assert await store.empty(SHOP) == 4
        assert await store.counts(SHOP) == {"live": 0, "gone": 0, "test": 0}
        assert (await store.counts(CAROLS))["live"] == 1
        assert {audience.size for audience in await store.audiences(SHOP)} == {0}
        (again,) = await store.register(SHOP, [device("i0", "0000")], T0)
        assert again.device.seq == 3
        assert await store.empty(SHOP) == 1

    run(scene())


def test_an_installation_has_a_row_for_each_kind_of_token(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a", "aa"), device("a", "aa", token_kind="voip"), device("b")], T0)
        assert [d.token_kind for d in await store.get(SHOP, "a")] == ["alert", "voip"]
        found = await store.find(SHOP, installations=["a", "nobody"])
        assert sorted(len(seqs) for seqs in found.values()) == [1, 1]
        assert list((await store.find(SHOP, installations=["a"], token_kind="voip")).values()) == [[0]]
        assert await store.remove(SHOP, "a") == 2
        assert await store.find(SHOP, installations=["a"]) == {}

    run(scene())


def test_users_are_found_in_order_and_the_dead_are_not(store: Store) -> None:
    async def scene() -> None:
        users = ["ann", "bob", "", "ann"]
        await store.register(SHOP, [device(f"d{n}", user=user) for n, user in enumerate(users)], T0)
        audience = await the_audience(store)
        assert await store.find(SHOP, users=["ann", "x", ""]) == {audience: [0, 3]}
        assert await store.find(SHOP, users=[f"u{n}" for n in range(5000)] + ["bob"]) == {audience: [1]}
        await store.bury(audience, [dead(0, "d0", T0)], T0 + 9)
        assert await store.find(SHOP, users=["ann"]) == {audience: [3]}

    run(scene())


def test_many_users_are_found_each_with_their_own_devices(store: Store) -> None:
    async def scene() -> None:
        users = ["ann", "bob", "", "ann", 'q"ü']
        await store.register(SHOP, [device(f"d{n}", user=user) for n, user in enumerate(users)], T0)
        await store.register(SHOP, [device("d1", "bb", token_kind="voip", user="bob")], T0)
        alert, voip = sorted(one.id for one in await store.audiences(SHOP))
        asked = ["ann", "bob", "x", "", "ann", 'q"ü']
        assert await store.find_each(SHOP, asked, "alert") == {
            "ann": {alert: [0, 3]}, "bob": {alert: [1]}, 'q"ü': {alert: [4]},
        }  # fmt: skip
        assert (await store.find_each(SHOP, asked))["bob"] == {alert: [1], voip: [0]}
        await store.bury(alert, [dead(0, "d0", T0)], T0 + 9)
        many = [f"u{n}" for n in range(5000)] + ["ann"]
        assert await store.find_each(SHOP, many, "alert") == {"ann": {alert: [3]}}
        assert await store.find_each(CAROLS, asked) == {} == await store.find_each(SHOP, [])

    run(scene())


def test_carol_sees_nothing_of_another_organisation(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a", user="ann")], T0)
        assert await store.get(CAROLS, "a") == [] == await store.audiences(CAROLS)
        assert await store.find(CAROLS, users=["ann"], installations=["a"]) == {}
        assert await store.remove(CAROLS, "a") == 0
        assert await everything(store, CAROLS) == []
        assert await store.counts(CAROLS) == {"live": 0, "gone": 0, "test": 0}
        await store.register(CAROLS, [device("a")], T0)
        await imported(store, CAROLS, [entry("z", hexed("a"))])
        assert len(await store.get(SHOP, "a")) == 1
        assert await store.counts(SHOP) == {"live": 1, "gone": 0, "test": 0}

    run(scene())


@pytest.mark.parametrize(
    ("gone_ms", "token", "buried"),
    [(T0 - 1, "a", False), (T0, "a", True), (T0 + 5, "a", True), (T0 + 5, "another", False)],
)
def test_only_the_token_that_was_meant_and_not_registered_later_is_buried(
    store: Store, gone_ms: int, token: str, buried: bool
) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b", test=True)], T0)
        audience = await the_audience(store)
        assert await store.bury(audience, [dead(0, token, gone_ms)], T0 + 9) == ([0] if buried else [])
        (row,) = await store.get(SHOP, "a")
        assert row.state is (DeviceState.GONE if buried else DeviceState.LIVE)
        assert (row.gone_at, row.gone_reason) == ((T0 + 9, "Unregistered") if buried else (None, ""))
        assert list(await store.members(audience, 0, 10)) == ([1] if buried else [0, 1])
        assert (await store.audiences(SHOP))[0].size == 2 - buried
        assert await store.counts(SHOP) == {"live": 2 - buried, "gone": int(buried), "test": 1}
        assert await store.bury(audience, [dead(0, token, gone_ms)], T0 + 99) == []

    run(scene())


def test_a_word_without_a_time_counts_only_when_it_comes_again_an_hour_later(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b")], T0)
        audience = await the_audience(store)
        both = [dead(0, "a", None), dead(1, "b", None)]
        assert await store.bury(audience, both, T0 + 1) == []
        assert await store.bury(audience, both, T0 + HOUR) == []
        await store.register(SHOP, [device("b")], T0 + HOUR)
        assert await store.bury(audience, both, T0 + 1 + HOUR) == [0]
        assert await store.bury(audience, both, T0 + 1 + 2 * HOUR) == [1]

    run(scene())


def test_registering_again_clears_a_tombstone_and_tombstones_can_be_undone(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device(name) for name in "abc"], T0)
        audience = await the_audience(store)
        await store.bury(audience, [dead(seq, name, T0) for seq, name in enumerate("abc")], T0 + 10)
        (revived,) = await store.register(SHOP, [device("a")], T0 + 20)
        assert (revived.change, revived.device.state, revived.device.gone_at) == ("revived", DeviceState.LIVE, None)
        assert await store.exhume(audience, since_ms=T0 + 11, now_ms=T0 + 20) == 0
        assert await store.exhume(audience, since_ms=T0, now_ms=T0 + 20, reason="BadDeviceToken") == 0
        assert await store.exhume(audience, since_ms=T0, now_ms=T0 + 20, reason="Unregistered") == 2
        assert await store.members(audience, 0, 3) in (range(3), [0, 1, 2])
        assert (await store.audiences(SHOP))[0].size == 3

    run(scene())


def test_a_tombstone_goes_after_30_days_and_its_number_is_never_given_again(store: Store) -> None:
    days = 24 * HOUR

    async def scene() -> None:
        await store.register(SHOP, [device(name) for name in "abc"], T0)
        audience = await the_audience(store)
        await store.bury(audience, [dead(0, "a", T0)], T0 + 1)
        await store.bury(audience, [dead(1, "b", T0)], T0 + 2)
        assert await store.retain(T0 + 1 + 30 * days) == 0
        assert await store.retain(T0 + 2 + 30 * days) == 1
        assert [d.installation_id for d in await everything(store, SHOP)] == ["b", "c"]
        (again,) = await store.register(SHOP, [device("a")], T0 + 31 * days)
        assert (again.change, again.device.seq) == ("created", 3)
        assert await store.exhume(audience, since_ms=0, now_ms=T0 + 20) == 1
        assert (await store.audiences(SHOP))[0].size == 3

    run(scene())


def test_an_audience_nobody_knows_is_empty(store: Store) -> None:
    async def scene() -> None:
        assert list(await store.members(7, 0, 10)) == []
        assert len(await store.page(7, 0, 10)) == len(await store.pick(7, [1])) == 0
        assert await store.bury(7, [dead(0, "a", T0)], T0) == []
        assert await store.exhume(7, since_ms=0, now_ms=T0 + 20) == 0

    run(scene())


@pytest.mark.parametrize("holes", [(), (0, 1), (3, 7, 8), (19,), tuple(range(20))])
def test_pages_and_members_are_the_live_rows_in_order(store: Store, holes: tuple[int, ...]) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device(f"d{n}", build=str(n)) for n in range(20)], T0)
        audience = await the_audience(store)
        for hole in holes:
            await store.remove(SHOP, f"d{hole}")
        for lo, hi in [(0, 20), (0, 99), (3, 9), (5, 5), (30, 40)]:
            live = [n for n in range(lo, min(hi, 20)) if n not in holes]
            assert list(await store.members(audience, lo, hi)) == live
            rows = await store.page(audience, lo, hi)
            assert (list(rows.seqs), rows.tokens) == (live, [hexed(f"d{n}").encode() for n in live])
            assert (await store.page(audience, lo, hi, ("build",))).values == {"build": [str(n) for n in live]}
        picked = await store.pick(audience, [9, 3, 400, 3], ("build",))
        assert list(picked.seqs) == [n for n in (3, 9) if n not in holes]

    run(scene())


def test_a_tag_expression_chooses_the_same_devices_in_every_store(store: Store) -> None:
    draw = random.Random(7)
    tags = ["a", "b", "ab", "b.c"]
    devices = [device(f"d{n}", tags=tuple(t for t in tags if draw.random() < 0.5)) for n in range(60)]

    async def scene() -> None:
        await store.register(SHOP, devices, T0)
        audience = await the_audience(store)
        for text in ("a", "!a", "a && !b", "a || (b.c && !ab)", "!(a || b)", "c", "!!ab && (a||b)"):
            expected = [n for n, d in enumerate(devices) if matches(parse_tags(text), d.tags) and 5 <= n < 50]
            assert list(await store.members(audience, 5, 50, text)) == expected
        with pytest.raises(Invalid):
            await store.members(audience, 0, 9, "a &&")

    run(scene())


def test_what_is_exported_imports_back_unchanged(store: Store) -> None:
    async def scene() -> None:
        many = [device(uuid_of(n), user=f"u{n}", tags=("x",) * (n % 2), test=n % 5 == 0) for n in range(1200)]
        await store.register(SHOP, [*many, device("v", "aa", token_kind="voip")], T0)
        audience = (await store.audiences(SHOP))[0].id
        await store.bury(audience, [DeadToken(7, many[7].token.encode(), T0, "Unregistered")], T0 + 9)
        before = await everything(store, SHOP)
        data = write_lines([entry_of(d) for d in before])
        total = await imported(store, SHOP, NdjsonLister().feed(data).entries)
        assert (total.unchanged, total.created, total.updated) == (1201, 0, 0)
        assert await everything(store, SHOP) == before
        assert (await imported(store, CAROLS, NdjsonLister().feed(data).entries)).created == 1201
        assert sorted(bare(d) for d in await everything(store, CAROLS)) == sorted(bare(d) for d in before)
        assert await store.counts(CAROLS) == await store.counts(SHOP)
        assert [a.size for a in await store.audiences(CAROLS)] == [a.size for a in await store.audiences(SHOP)]

    run(scene())


def test_an_old_list_revives_no_tombstone_but_a_later_registration_does(store: Store) -> None:
    async def scene() -> None:
        await imported(store, SHOP, [entry("a"), entry("b"), entry("c")])
        audience = await the_audience(store)
        assert len(await store.bury(audience, [dead(n, name, T0) for n, name in enumerate("abc")], T0 + 5)) == 3
        total = await imported(
            store, SHOP, [entry("a"), entry("b", registered_at=T0 + 6), entry("c", "cc"), entry("d", gone_at=T0)]
        )
        assert (total.created, total.updated, total.unchanged) == (1, 2, 1)
        states = {d.installation_id: d.state.value for d in await everything(store, SHOP)}
        assert states == {"a": "gone", "b": "live", "c": "live", "d": "gone"}
        assert (await store.audiences(SHOP))[0].size == 2

    run(scene())


def test_a_list_with_doubles_ends_as_its_lines_one_by_one_would(store: Store) -> None:
    draw = random.Random(11)
    ids = [uuid_of(n) for n in range(40)] + ["odd one", "other"]
    tokens = [hexed(f"t{n}") for n in range(45)] + ["abc", "ab"]

    def line() -> Entry:
        gone = draw.choice([None, None, T0 + draw.randrange(9)])
        return entry(
            draw.choice(ids), draw.choice(tokens), user=draw.choice(["", "u"]), build=draw.choice("12"),
            registered_at=draw.choice([0, T0 + draw.randrange(9)]), gone_at=gone, gone_reason="x" if gone else "",
        )  # fmt: skip

    async def scene() -> None:
        for _ in range(12):
            lines = [line() for _ in range(60)]
            copies = [Entry(*(getattr(e, name) for name in Entry.__struct_fields__)) for e in lines]
            whole = await imported(store, SHOP, lines)
            assert whole.created + whole.updated + whole.unchanged == 60
            for one in copies:
                await imported(store, CAROLS, [one])
            assert sorted(bare(d) for d in await everything(store, SHOP)) == sorted(
                bare(d) for d in await everything(store, CAROLS)
            )
            mine, carols = (await store.audiences(SHOP))[0], (await store.audiences(CAROLS))[0]
            assert mine.size == carols.size == (await store.counts(SHOP))["live"]

    run(scene())


def bare(d: Device) -> tuple[object, ...]:
    """Without what depends on the order of lines in a file: number and version."""
    times = d.registered_at, d.gone_at or 0, d.gone_reason, d.state.value
    return d.installation_id, d.token_kind, d.token, d.user, d.build, d.tags, d.test, *times


def test_what_is_proven_never_goes_back_and_never_beyond_what_is_registered(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b"), device("c")], T0)
        audience = await the_audience(store)
        seen = []
        for seq in (0, 2, 1, 99):
            await store.prove(audience, seq)
            seen.append((await store.audiences(SHOP))[0].proven_seq)
        assert seen == [0, 2, 2, 3]
        await imported(store, SHOP, [entry("d")])
        (known,) = await store.audiences(SHOP)
        assert (known.proven_seq, known.next_seq) == (3, 4)
        await store.prove(audience + 7, 5)

    run(scene())


def test_a_doubt_outlives_an_import_that_leaves_the_token_alone(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b")], T0)
        audience = await the_audience(store)
        both = [dead(0, "a", None), dead(1, "b", None)]
        assert await store.bury(audience, both, T0 + 1) == []
        await imported(store, SHOP, [entry("a", user="ann"), entry("b", "bb")])
        assert await store.bury(audience, both, T0 + 1 + HOUR) == [0]

    run(scene())
