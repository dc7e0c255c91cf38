"""GET …/invalidations: every dead token once, in order, by a cursor or a time, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from intake_fixtures import BASE, CAST, KINDS, WHERE, House, opened, phones
from pushwarden.ports.devices import DeadToken
from pushwarden.ports.invalidations import INVALIDATION_LIFE_MS

PATH = "/invalidations"


@pytest.fixture(params=KINDS)
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    def told(story: Callable[[House], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            async with opened(request.param, tmp_path) as house:
                await story(house)

        asyncio.run(whole())

    return told


async def ask(house: House, name: str = "robot", **query: Any) -> httpx2.Response:
    async with house.client(name) as client:
        return await client.get(BASE + PATH, params=query)


async def die(house: House, *names: str) -> None:
    dead = [DeadToken(0, name.encode(), house.clock.ms, "Unregistered", "p" * 20, "alert") for name in names]
    assert await house.devices.invalidate(WHERE, "apns", dead, house.clock.ms) == len(names)


def tokens(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["token"] for entry in answer.json()["invalidations"]]


def test_a_reader_that_follows_next_sees_every_entry_once(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        empty = await ask(house)
        assert (tokens(empty), empty.json()["more"]) == ([], False)
        await die(house, *(f"{n:02x}" for n in range(7)))
        seen, since, more = [], empty.json()["next"], True
        while more:
            answer = await ask(house, since=since, limit=3)
            seen += tokens(answer)
            since, more = answer.json()["next"], answer.json()["more"]
        assert seen == [f"{n:02x}" for n in range(7)]
        assert tokens(await ask(house, since=since)) == []
        await die(house, "07")
        assert tokens(await ask(house, since=since)) == ["07"]

    tell(story)


def test_an_entry_says_what_a_backend_needs_and_a_device_that_came_back_is_told(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await house.register(phones(1))
        [audience] = await house.devices.audiences(WHERE)
        now = house.clock.ms
        word = DeadToken(0, phones(1)[0].token.encode(), now, "Unregistered", "a" * 20)
        assert await house.devices.bury(audience.id, [word], now) == [0]
        [gone] = (await ask(house)).json()["invalidations"]
        assert {name: gone[name] for name in ("state", "installation_id", "user", "reason", "push", "token_kind")} == {
            "state": "gone", "installation_id": "d0", "user": "u0", "reason": "Unregistered", "push": "a" * 20,
            "token_kind": "alert",
        }  # fmt: skip
        assert gone["token"] == phones(1)[0].token
        assert gone["gone_at"] == gone["at"] is not None
        assert (await house.post({"within_hours": 1}, path="/devices/revive")).json() == {"revived": 1}
        assert [entry["state"] for entry in (await ask(house)).json()["invalidations"]] == ["gone", "revived"]

    tell(story)


def test_a_time_names_a_beginning_too(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await die(house, "00")
        house.clock.ms += 60_000
        then = datetime.fromtimestamp(house.clock.ms / 1000, UTC)
        await die(house, "01")
        assert tokens(await ask(house, since=then.isoformat())) == ["01"]
        assert tokens(await ask(house, since=then.isoformat().replace("+00:00", "Z"))) == ["01"]

    tell(story)


def test_a_cursor_older_than_what_is_kept_is_refused_so_that_nothing_is_missed(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        since = (await ask(house)).json()["next"]
        house.clock.ms += INVALIDATION_LIFE_MS + 1
        answer = await ask(house, since=since)
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
        assert tokens(await ask(house)) == []

    tell(story)


@pytest.mark.parametrize(
    "since", ["2026", "2026-01-31", "2026-01-31T12:00:00", "9", "AQ", "nonsense", "ü" * 23, "A" * 23]
)
def test_what_is_neither_cursor_nor_time_is_refused_with_an_example(tell: Callable[..., None], since: str) -> None:
    async def story(house: House) -> None:
        answer = await ask(house, since=since)
        assert (answer.status_code, answer.json()["field"]) == (422, "since")
        assert "2026-01-31T12:00:00Z" in answer.json()["detail"]

    tell(story)


@pytest.mark.parametrize("name", ["", *CAST])
def test_only_keys_that_may_export_devices_see_whole_tokens(tell: Callable[..., None], name: str) -> None:
    async def story(house: House) -> None:
        answer = await ask(house, name)
        if name in ("alice", "robot"):
            assert tokens(answer) == []
        elif name == "carol":
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        else:
            assert answer.status_code == (403 if name else 401)

    tell(story)
