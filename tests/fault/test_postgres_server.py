"""The database server dies and comes back, and several senders use it at once: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
from tests.devices_fixtures import T0, device

import postgres_server
from journal_fixtures import ALL, NOW, SHOP, claim_due, finish, lane_of, list_shard, mark_of, push_of, to_list, to_range
from pushwarden.adapters.postgres.devices import PostgresDevices
from pushwarden.adapters.postgres.journal import PostgresJournal
from pushwarden.adapters.postgres.migrate import migrate
from pushwarden.core.errors import Busy, IdempotencyMismatch
from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushState
from pushwarden.ports.journal import Acceptance, Accepted
from pushwarden.ports.records import PushQuery
from pushwarden.wiring.local_postgres import LocalPostgres

T = TypeVar("T")


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[LocalPostgres, str]]:
    server = postgres_server.own_server()
    dsn = postgres_server.database_of(server)
    migrate(dsn)
    yield server, dsn
    server.stop()


def restart(server: LocalPostgres) -> None:
    server.stop(signal.SIGKILL)
    server.start()


async def until_done(work: Callable[[], Awaitable[T]]) -> T:
    """As a sender does: Busy is tried again."""
    for _ in range(200):
        try:
            return await work()
        except Busy:
            await asyncio.sleep(0.05)
    raise AssertionError("the server never came back")


def test_a_server_killed_between_claim_and_mark_is_busy_and_then_goes_on(own: tuple[LocalPostgres, str]) -> None:
    server, dsn = own

    async def scene() -> None:
        journal = PostgresJournal(dsn, "test", lambda: NOW)
        push = push_of()
        assert await journal.accept([to_list(push, *range(20))]) == [Accepted(push.id)]
        [(shard, _)] = await journal.claim("bulk-0", {lane_of(push): 1}, NOW)
        server.stop(signal.SIGKILL)
        with pytest.raises(Busy):
            await journal.mark([mark_of(shard, 7)])
        with pytest.raises(Busy):
            await journal.progress(SHOP, push.id)
        server.start()
        assert await until_done(lambda: journal.mark([mark_of(shard, 7)])) == []
        restart(server)
        assert await until_done(lambda: journal.mark([finish(shard)])) == []
        found = await until_done(lambda: journal.progress(SHOP, push.id))
        assert found is not None
        assert (found.push.state, found.fates[Fate.ACCEPTED], found.planned) == (PushState.DONE, 20, 20)
        await journal.close()

    asyncio.run(scene())


def test_kills_in_the_middle_of_marks_lose_and_double_nothing(own: tuple[LocalPostgres, str]) -> None:
    server, dsn = own

    async def scene() -> None:
        journal = PostgresJournal(dsn, "test", lambda: NOW)
        push = push_of()
        shards = tuple(list_shard(push, *range(start, start + 5)) for start in range(0, 100, 5))
        await until_done(lambda: journal.accept([Acceptance(push, shards)]))
        over = asyncio.Event()

        async def kills() -> None:
            for _ in range(3):
                await asyncio.sleep(0.05)
                await asyncio.to_thread(server.stop, signal.SIGKILL)
                server.start()
            over.set()

        async def sends() -> None:
            held: dict[int, Any] = {}
            while not over.is_set() or held:
                for shard, _ in await until_done(lambda: claim_due(journal, "bulk-0", ALL, 2, NOW)):
                    held[shard.no] = shard
                for shard in list(held.values()):
                    await until_done(lambda shard=shard: journal.mark([mark_of(shard, 3)]))
                    # Not known whether it was recorded: then the shard is gone, and the mark comes back.
                    await until_done(lambda shard=shard: journal.mark([finish(shard)]))
                    del held[shard.no]
                await asyncio.sleep(0.01)

        await asyncio.gather(kills(), sends())
        await until_done(lambda: journal.enlist("bulk-0", NOW))  # a claim whose answer was lost is taken back
        while got := await until_done(lambda: claim_due(journal, "bulk-0", ALL, 9, NOW)):
            await until_done(lambda got=got: journal.mark([finish(shard) for shard, _ in got]))
        found = await until_done(lambda: journal.progress(SHOP, push.id))
        assert found is not None
        assert (found.push.state, found.fates[Fate.ACCEPTED], found.planned, found.pending) == (
            PushState.DONE, 100, 100, 0,
        )  # fmt: skip
        await journal.close()

    asyncio.run(scene())


def test_two_senders_that_claim_at_once_never_get_the_same_shard() -> None:
    dsn = postgres_server.fresh_database()

    async def claims(journal: PostgresJournal, seat: str) -> list[tuple[str, int, int]]:
        got = []
        while some := await claim_due(journal, seat, ALL, 3, NOW):
            got += [(shard.push, shard.no, shard.fence) for shard, _ in some]
            await asyncio.sleep(0)
        return got

    async def scene() -> None:
        journals = [PostgresJournal(dsn, "test", lambda: NOW) for _ in range(4)]
        await journals[0].accept([to_range(push_of(), *[10] * 30) for _ in range(5)])
        got = await asyncio.gather(*(claims(journal, f"bulk-{n}") for n, journal in enumerate(journals)))
        counted = Counter(shard[:2] for some in got for shard in some)
        assert len(counted) == 150
        assert set(counted.values()) == {1}
        for journal in journals:
            await journal.close()

    asyncio.run(scene())


def test_two_senders_that_finish_the_last_shards_at_once_end_the_push() -> None:
    dsn = postgres_server.fresh_database()

    async def scene() -> None:
        one, two = (PostgresJournal(dsn, "test", lambda: NOW) for _ in range(2))
        for _ in range(20):
            push = push_of()
            await one.accept([Acceptance(push, (list_shard(push, 1), list_shard(push, 2)))])
            [(first, _)] = await one.claim("bulk-0", {lane_of(push): 1}, NOW)
            [(second, _)] = await two.claim("bulk-1", {lane_of(push): 1}, NOW)
            await asyncio.gather(one.mark([finish(first)]), two.mark([finish(second)]))
            found = await one.progress(SHOP, push.id)
            assert found is not None
            assert (found.push.state, found.fates[Fate.ACCEPTED]) == (PushState.DONE, 2)
        await one.close()
        await two.close()

    asyncio.run(scene())


def test_of_two_apis_that_accept_one_key_at_once_one_wins_and_the_other_is_told() -> None:
    dsn = postgres_server.fresh_database()

    async def scene() -> None:
        apis = [PostgresJournal(dsn, "test", lambda: NOW) for _ in range(3)]
        for number in range(20):
            asked = [
                to_list(push_of(), 1, idempotency_key=f"k{number}", fingerprint=print_) for print_ in (b"1", b"1", b"2")
            ]
            answers = [
                one
                for some in await asyncio.gather(*(api.accept([each]) for api, each in zip(apis, asked, strict=True)))
                for one in some
            ]
            [won] = [at for at, one in enumerate(answers) if isinstance(one, Accepted) and not one.replayed]
            for at, one in enumerate(answers):
                if at != won and asked[at].fingerprint == asked[won].fingerprint:
                    assert one == Accepted(asked[won].push.id, replayed=True)
                elif at != won:
                    assert isinstance(one, IdempotencyMismatch)
        assert len((await apis[0].pushes(SHOP, PushQuery(limit=99))).pushes) == 20
        for api in apis:
            await api.close()

    asyncio.run(scene())


def test_numbers_stay_dense_when_several_processes_register_at_once() -> None:
    dsn = postgres_server.fresh_database()

    async def scene() -> None:
        stores = [PostgresDevices(dsn, "test") for _ in range(3)]
        await asyncio.gather(
            *(
                store.register(SHOP, [device(f"d{n}-{turn}-{at}") for at in range(5)], T0)
                for turn in range(5)
                for n, store in enumerate(stores)
            )
        )
        [audience] = await stores[0].audiences(SHOP)
        assert (audience.size, audience.next_seq) == (75, 75)
        assert list(await stores[0].members(audience.id, 0, 99)) == list(range(75))
        for store in stores:
            await store.close()

    asyncio.run(scene())
