"""An app on trial: its pushes reach devices marked as test and nobody else, until it goes live."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import House, opened, phones, shop, snapshot
from pushwarden.core.app import App, CredentialState, Snapshot
from pushwarden.core.errors import Forbidden
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.intake.draft import Caller

Story = Callable[[House], Awaitable[None]]
HERE = Scope("acme", "shop", Environment.PRODUCTION)
PUSHES = "/v1/apps/shop/production/pushes"
EVERYBODY = [
    {"all": True},
    {"tags": "beta"},
    {"tokens": ["ab" * 32]},
    {"topic": "news"},
    {"user": "u1"},
    {"device": "d1"},
    {"users": ["u1", "u2"]},
    {"user": "nobody"},
]


def production(app: App) -> Snapshot:
    """The house's credential serves production as well."""
    (kept,) = snapshot(app).active
    assert kept.state is CredentialState.ACTIVE
    return Snapshot.of(2, [app], [kept, replace(kept, environment=Environment.PRODUCTION, id="c2")])


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Runs a story in a house on trial: d0 of u0 is a test device, d1 and d2 are not."""

    def run(story: Story) -> None:
        async def whole() -> None:
            async with opened("memory", tmp_path) as house:
                house.snapshot = production(shop(trial=True))
                first, *others = phones(3)
                await house.devices.register(HERE, [replace(first, test=True), *others], house.clock.ms)
                await house.register(phones(3))
                await story(house)

        asyncio.run(whole())

    return run


async def send(house: House, to: Any, path: str = PUSHES) -> tuple[int, Any]:
    async with house.client("alice") as client:
        answer = await client.post(path, json={"to": to, "title": "Hello"})
        return answer.status_code, answer.json()


@pytest.mark.parametrize("to", EVERYBODY, ids=str)
def test_an_app_on_trial_reaches_nobody_but_test_devices(tell: Callable[[Story], None], to: Any) -> None:
    async def story(house: House) -> None:
        status, said = await send(house, to)
        assert (status, said["code"]) == (409, "trial")
        assert "go live" in said["detail"]
        assert (await send(house, to, PUSHES + "/preview"))[1]["code"] == "trial"
        assert house.bell.rung == []

    tell(story)


@pytest.mark.parametrize("to", [{"user": "u0"}, {"device": "d0"}, {"users": ["u0", "u1"]}], ids=str)
def test_a_test_device_gets_its_push_and_its_neighbours_do_not(tell: Callable[[Story], None], to: Any) -> None:
    async def story(house: House) -> None:
        status, said = await send(house, to)
        assert (status, said["estimated"]) == (202, 1)

    tell(story)


def test_simulators_are_never_limited(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        status, said = await send(house, {"all": True}, "/v1/apps/shop/simulated/pushes")
        assert (status, said["estimated"]) == (202, 3)

    tell(story)


def test_going_live_counts_from_the_next_push_on(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        assert (await send(house, {"user": "u1"}))[0] == 409
        house.snapshot = production(shop(trial=False))
        assert (await send(house, {"user": "u1"}))[0] == 202
        assert (await send(house, {"all": True}))[1]["estimated"] == 3

    tell(story)


def test_who_may_only_test_reaches_test_devices_and_nobody_else(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        house.snapshot = production(shop())
        responder = Caller(HERE, "rita", tests=True)
        for to in EVERYBODY:
            with pytest.raises(Forbidden, match="test devices only"):
                await house.intake.push(json.dumps({"to": to, "title": "Hello"}).encode(), responder)
        assert b'"estimated":1' in await house.intake.push(b'{"to":{"user":"u0"},"title":"a"}', responder)
        both = await asyncio.gather(
            house.intake.push(b'{"to":{"user":"u1"},"title":"a"}', Caller(HERE, "rita")),
            house.intake.push(b'{"to":{"user":"u1"},"title":"a"}', responder),
            return_exceptions=True,
        )
        assert isinstance(both[0], bytes)
        assert isinstance(both[1], Forbidden)

    tell(story)
