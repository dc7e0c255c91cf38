"""The group commit: who shares one, and that nobody waits for ever when the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pushwarden.core.errors import Busy, IdempotencyMismatch
from pushwarden.core.lane import Class
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.dataplane.intake.accept import GROUP, GroupCommit
from pushwarden.ports.journal import Acceptance, Accepted

Commit = Callable[[Sequence[Acceptance]], list[Accepted | Exception]]


class Store:
    """An Accepts whose commits wait for the test."""

    def __init__(self, commit: Commit) -> None:
        self.commit, self.sizes = commit, list[int]()
        self.open = asyncio.Event()

    async def accept(self, items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        self.sizes.append(len(items))
        await self.open.wait()
        return self.commit(items)


def item(name: str) -> Acceptance:
    push = Push(name, "acme", "shop", Environment.SIMULATED, PushType.ALERT, Class.NORMAL, Message(), 1, 2)
    return Acceptance(push, ())


def taken(items: Sequence[Acceptance]) -> list[Accepted | Exception]:
    return [Accepted(one.push.id) for one in items]


def run(commit: Commit, count: int) -> tuple[list[Any], list[int]]:
    """What `count` callers got, the first alone and the others during its commit; and the commits' sizes."""

    async def story() -> tuple[list[Any], list[int]]:
        store = Store(commit)
        commits = GroupCommit(store)  # type: ignore[arg-type]
        first = asyncio.create_task(commits.accept(item("0")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(commits.accept(item(str(n)))) for n in range(1, count)]
        await asyncio.sleep(0)
        store.open.set()
        async with asyncio.timeout(5):
            return list(await asyncio.gather(first, *others, return_exceptions=True)), store.sizes

    return asyncio.run(story())


def test_what_arrives_during_a_commit_shares_the_next_one() -> None:
    answers, sizes = run(taken, GROUP + 11)
    assert [answer.push_id for answer in answers] == [str(n) for n in range(GROUP + 11)]
    assert sizes == [1, GROUP, 10]


def test_each_caller_gets_its_own_answer() -> None:
    def mixed(items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        return [IdempotencyMismatch() if int(one.push.id) % 2 else Accepted(one.push.id) for one in items]

    answers, _ = run(mixed, 5)
    assert [type(answer) for answer in answers] == [Accepted, IdempotencyMismatch] * 2 + [Accepted]


def test_a_store_that_is_busy_refuses_all_and_takes_the_next() -> None:
    calls = []

    def once_busy(items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        calls.append(1)
        if len(calls) == 1:
            raise Busy
        return taken(items)

    answers, _ = run(once_busy, 4)
    assert [type(answer) for answer in answers] == [Busy, Accepted, Accepted, Accepted]


def test_a_store_that_breaks_leaves_nobody_waiting() -> None:
    def broken(items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        raise ZeroDivisionError

    answers, _ = run(broken, 4)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 4


def test_a_caller_that_went_away_hinders_nobody() -> None:
    async def story() -> None:
        store = Store(taken)
        commits = GroupCommit(store)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(commits.accept(item(str(n)))) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        store.open.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Accepted, asyncio.CancelledError, Accepted]

    asyncio.run(story())


def test_more_waiting_than_the_disk_can_take_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushwarden.dataplane.intake.accept.WAITING_LIMIT", 3)
    answers, _ = run(taken, 8)
    assert [type(answer) for answer in answers].count(Busy) == 4
