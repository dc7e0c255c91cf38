"""What every journal tells of an app's pushes, piece by piece and in an order that never changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from journal_fixtures import CAROLS, NOW, OPENERS, SHOP, claim_due, list_shard, mark_of, push_of, refusal
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.journal import Acceptance

APP = Scope("acme", "shop")
DAY = 86_400_000


@pytest.fixture(params=sorted(OPENERS))
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    def told(story: Callable[[Any], Awaitable[None]]) -> None:
        async def whole() -> None:
            journal = OPENERS[request.param](tmp_path, lambda: NOW)
            try:
                await story(journal)
            finally:
                closing = journal.close()
                if closing is not None:
                    await closing

        asyncio.run(whole())

    return told


async def settled(look: Callable[[], Awaitable[tuple[list[Any], int]]], place: int) -> tuple[list[Any], int]:
    """On a server several looks may pass until a number is sure to have none below it that is still to come."""
    for _ in range(8):
        found = await look()
        if found[1] > place:
            break
    return found


async def accept(journal: Any, where: Scope = SHOP, *seqs: int, **fields: Any) -> Push:
    push = push_of(where, **fields)
    await journal.accept([Acceptance(push, (list_shard(push, *seqs),) if seqs else ())])
    return push


async def fail(journal: Any, count: int, at: int = NOW) -> None:
    """Ends the one open shard, all its recipients refused."""
    [(shard, _)] = await claim_due(journal, "bulk-0", ("normal",), 1, NOW)
    failures = tuple(refusal(shard, seq, at=at) for seq in range(count))
    counts = {Fate.REFUSED: count, Fate.ACCEPTED: shard.width - count}
    await journal.mark([mark_of(shard, shard.width, counts=counts, failures=failures, finished=True)])


def test_pushes_come_in_order_and_only_the_apps_own(tell: Callable[..., None]) -> None:
    async def story(journal: Any) -> None:
        first = await accept(journal)
        await accept(journal, CAROLS)
        second = await accept(journal, replace(SHOP, environment=Environment.SANDBOX), 1)
        rows, place = await settled(lambda: journal.accepted(APP, 0, 100), 2)
        assert rows == [(first.id, Environment.PRODUCTION), (second.id, Environment.SANDBOX)]
        one, between = await settled(lambda: journal.accepted(APP, 0, 1), 0)
        assert one == rows[:1] and between < place
        assert await journal.accepted(APP, place, 100) == ([], place)
        assert [one.push.id for one in await journal.finished(APP, [second.id, first.id])] == [first.id]
        assert await journal.finished(Scope("carols", "shop"), [first.id]) == []
        assert await journal.finished(APP, []) == []

    tell(story)


def test_failures_come_in_order_with_their_environment_and_the_whole_of_a_raw_token_only(
    tell: Callable[..., None],
) -> None:
    async def story(journal: Any) -> None:
        push = await accept(journal, SHOP, 0, 1, 2)
        await fail(journal, 3)
        rows, place = await settled(lambda: journal.failed(APP, 0, 100), 0)
        assert [(environment, one.push, one.seq) for environment, one in rows] == [
            (Environment.PRODUCTION, push.id, seq) for seq in range(3)
        ]
        assert {len(one.token) for _, one in rows} == {16}
        assert (await journal.failed(APP, 0, 2))[0] == rows[:2]
        assert (await journal.failed(Scope("carols", "shop"), 0, 100))[0] == []
        assert await journal.failed(APP, place, 100) == ([], place)

    tell(story)


def test_a_time_names_the_numbers_before_it(tell: Callable[..., None]) -> None:
    async def story(journal: Any) -> None:
        assert await journal.numbers_before(NOW) == (0, 0)
        await accept(journal, SHOP, 0, accepted_at=NOW - 10)
        await fail(journal, 1, at=NOW - 5)
        later = await accept(journal, accepted_at=NOW + 1)
        push, failure = await journal.numbers_before(NOW)
        rows, _ = await settled(lambda: journal.accepted(APP, push, 100), push)
        assert rows == [(later.id, Environment.PRODUCTION)]
        assert failure == 1

    tell(story)


def test_a_number_is_never_given_again_after_failures_were_forgotten(tell: Callable[..., None]) -> None:
    async def story(journal: Any) -> None:
        await accept(journal, SHOP, 0, 1)
        await fail(journal, 2)
        _, place = await settled(lambda: journal.failed(APP, 0, 100), 0)
        await journal.retain(NOW + 40 * DAY)
        await accept(journal, SHOP, 7)
        await fail(journal, 1, at=NOW + 40 * DAY)
        rows, _ = await settled(lambda: journal.failed(APP, place, 100), place)
        assert len(rows) == 1

    tell(story)
