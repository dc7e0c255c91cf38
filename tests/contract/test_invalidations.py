"""What every device store tells backends that keep tokens themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pushwarden.core.invalidation import TokenState
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.devices import DeadToken
from pushwarden.ports.invalidations import INVALIDATION_LIFE_MS
from tests.devices_fixtures import (
    CAROLS,
    HOUR,
    SHOP,
    T0,
    Store,
    device,
    entry,
    hexed,
    imported,
    run,
    store,
    the_audience,
    uuid_of,
)  # fmt: skip

__all__ = ["store"]
GONE, REVIVED = TokenState.GONE, TokenState.REVIVED


def word(seq: int, name: str, gone_ms: int | None = T0, push: str = "p1") -> DeadToken:
    return DeadToken(seq, hexed(name).encode(), gone_ms, "Unregistered", push)


def raw(name: str, gone_ms: int | None = T0) -> DeadToken:
    return DeadToken(0, hexed(name).encode(), gone_ms, "Unregistered", "p2", "voip")


async def told(store: Store, after: int = 0, where: Scope = SHOP) -> list[tuple[TokenState, str]]:
    return [(one.state, one.token) for one in await store.invalidations(where, after=after, limit=100)]


def test_a_buried_device_is_entered_once_with_everything_a_backend_needs(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device(uuid_of(1), "ab" * 32, user="u1"), device("other")], T0 - 5)
        audience = await the_audience(store)
        dead = DeadToken(0, b"ab" * 32, T0, "Unregistered", "push1")
        assert await store.bury(audience, [dead, dead, word(1, "elsewhere")], T0 + 1) == [0]
        [one] = await store.invalidations(SHOP, after=0, limit=9)
        assert (one.state, one.environment, one.provider, one.token_kind) == (GONE, SHOP.environment, "apns", "alert")
        assert (one.token, one.installation, one.user) == ("ab" * 32, uuid_of(1), "u1")
        assert (one.reason, one.gone_ms, one.at, one.push) == ("Unregistered", T0, T0 + 1, "push1")
        assert "abab" not in repr(one)
        assert await store.invalidations(SHOP, after=one.number, limit=9) == []
        assert await store.names(audience, [0, 1, 7]) == {0: (uuid_of(1), "u1"), 1: ("other", "")}

    run(scene())


def test_a_word_that_buries_nothing_enters_nothing(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b")], T0)
        audience = await the_audience(store)
        assert await store.bury(audience, [word(0, "a", T0 - 1), word(1, "b", None)], T0 + 1) == []
        assert await told(store) == []
        assert await store.bury(audience, [word(1, "b", None)], T0 + 1 + HOUR) == [1]
        assert await told(store) == [(GONE, hexed("b"))]

    run(scene())


def test_what_lives_again_with_the_same_token_is_told(store: Store) -> None:
    async def scene() -> None:
        names = ["dug up", "registered", "imported", "renewed", "moved"]
        await store.register(SHOP, [device(name) for name in names], T0 - 1)
        audience = await the_audience(store)
        await store.bury(audience, [word(seq, name) for seq, name in enumerate(names)], T0 + 1)
        last = (await store.invalidations(SHOP, after=0, limit=9))[-1].number
        await store.register(SHOP, [device("registered")], T0 + 2)
        await imported(store, SHOP, [entry("imported", registered_at=T0 + 3)])
        await store.register(SHOP, [device("renewed", "ff" * 32), device("new phone", hexed("moved"))], T0 + 4)
        assert await store.exhume(audience, since_ms=T0, now_ms=T0 + 5) == 1
        expected = [(REVIVED, hexed(name)) for name in ("registered", "imported", "moved", "dug up")]
        assert await told(store, last) == expected
        await store.register(SHOP, [device("registered")], T0 + 6)
        assert await told(store, last) == expected

    run(scene())


def test_an_import_that_moves_a_dead_token_to_another_installation_says_that_it_lives(store: Store) -> None:
    async def scene() -> None:
        names = ["reinstalled", "swapped", "still dead", "alive"]
        await store.register(SHOP, [device(name) for name in [*names, "known"]], T0 - 1)
        audience = await the_audience(store)
        await store.bury(audience, [word(seq, name) for seq, name in enumerate(names[:3])], T0 + 1)
        last = (await store.invalidations(SHOP, after=0, limit=9))[-1].number
        dead = entry("c", hexed("still dead"), registered_at=T0 - 9, gone_at=T0, gone_reason="Unregistered")
        lines = [entry("a", hexed("reinstalled"), user="u9"), entry("known", hexed("swapped")), dead]
        assert (await imported(store, SHOP, [*lines, entry("d", hexed("alive"))])).moved == 4
        entries = await store.invalidations(SHOP, after=last, limit=9)
        said = {(one.state, one.token, one.installation, one.user) for one in entries}
        assert said == {(REVIVED, hexed("reinstalled"), "a", "u9"), (REVIVED, hexed("swapped"), "known", "")}
        assert len(entries) == 2
        await imported(store, SHOP, [*lines, entry("e", hexed("alive"))])
        assert len(await store.invalidations(SHOP, after=last, limit=9)) == 2

    run(scene())


def test_raw_tokens_leave_no_device_and_each_death_is_entered_once(store: Store) -> None:
    async def scene() -> None:
        assert await store.invalidate(SHOP, "apns", [raw("a"), raw("b"), raw("a")], T0 + 1) == 2
        assert await store.invalidate(SHOP, "apns", [raw("a")], T0 + 9) == 0
        assert await store.invalidate(SHOP, "apns", [raw("a", T0 + 10)], T0 + 11) == 1, "it lived and died again"
        assert await told(store) == [(GONE, hexed("a")), (GONE, hexed("b")), (GONE, hexed("a"))]
        [first, *_] = await store.invalidations(SHOP, after=0, limit=1)
        assert (first.installation, first.user, first.token_kind, first.push) == ("", "", "voip", "p2")
        assert await store.audiences(SHOP) == []
        assert await store.counts(SHOP) == {"live": 0, "gone": 0, "test": 0}

    run(scene())


def test_a_raw_token_called_bad_without_a_date_needs_a_second_word_an_hour_later(store: Store) -> None:
    async def scene() -> None:
        for at in (T0, T0 + HOUR - 1):
            assert await store.invalidate(SHOP, "apns", [raw("a", None)], at) == 0
        assert await told(store) == []
        assert await store.invalidate(SHOP, "apns", [raw("a", None)], T0 + HOUR) == 1
        assert await store.invalidate(SHOP, "apns", [raw("a", None)], T0 + HOUR + 1) == 0
        assert await told(store) == [(GONE, hexed("a"))]

    run(scene())


def test_entries_are_paged_by_number_and_found_by_time(store: Store) -> None:
    async def scene() -> None:
        for at in range(5):
            await store.invalidate(SHOP, "apns", [raw(f"t{at}")], T0 + at)
        page = await store.invalidations(SHOP, after=0, limit=3)
        assert [one.token for one in page] == [hexed(f"t{at}") for at in range(3)]
        assert await told(store, page[-1].number) == [(GONE, hexed("t3")), (GONE, hexed("t4"))]
        assert await told(store, await store.number_before(T0 + 2)) == [(GONE, hexed(f"t{at}")) for at in (2, 3, 4)]
        assert await told(store, await store.number_before(T0 - 99)) == await told(store)
        assert await told(store, await store.number_before(T0 + 99)) == []

    run(scene())


def test_an_app_hears_of_its_own_tokens_and_an_environment_of_its_own(store: Store) -> None:
    async def scene() -> None:
        sandbox = replace(SHOP, environment=Environment.SANDBOX)
        for where, name in ((SHOP, "a"), (CAROLS, "b"), (sandbox, "c")):
            await store.invalidate(where, "apns", [raw(name)], T0)
        assert await told(store) == [(GONE, hexed("a"))]
        assert await told(store, where=CAROLS) == [(GONE, hexed("b"))]
        assert await told(store, where=Scope("acme", "shop")) == [(GONE, hexed("a")), (GONE, hexed("c"))]

    run(scene())


def test_entries_go_after_thirty_days_and_their_numbers_never_come_again(store: Store) -> None:
    async def scene() -> None:
        await store.invalidate(SHOP, "apns", [raw("a"), raw("b")], T0)
        last = (await store.invalidations(SHOP, after=0, limit=9))[-1].number
        assert await store.forget(T0 + INVALIDATION_LIFE_MS) == 0
        assert await store.forget(T0 + INVALIDATION_LIFE_MS + 1) == 2
        assert await told(store) == []
        await store.invalidate(SHOP, "apns", [raw("c")], T0 + INVALIDATION_LIFE_MS + 2)
        assert await told(store, last) == [(GONE, hexed("c"))]

    run(scene())


@pytest.mark.parametrize("gone_ms", [T0, None])
def test_a_token_of_a_device_and_the_same_one_raw_do_not_mix(store: Store, gone_ms: int | None) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a")], T0 - 1)
        assert await store.bury(await the_audience(store), [word(0, "a")], T0) == [0]
        entered = await store.invalidate(SHOP, "apns", [raw("a", gone_ms)], T0 + 1)
        assert entered == (gone_ms is not None)

    run(scene())
