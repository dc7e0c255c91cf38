"""Which credential a push is sent with: its slot's own, else the main one if that covers it, else it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import House, opened, phones, shop
from journal_fixtures import claim_due
from pushwarden.core.app import Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.lane import Class
from pushwarden.core.scope import Environment

Story = Callable[[House], Awaitable[None]]
TOPIC = "org.example.shop"
RING = {"to": {"user": "u0"}, "type": "voip", "data": {"call": "1"}}
HELLO = {"to": {"user": "u0"}, "title": "Hello"}


def certificate(name: str, slots: list[str], slot: str = "", **changes: Any) -> Credential:
    topics = [f"{TOPIC}.{slot}" if slot else TOPIC for slot in slots]
    made = Credential(
        "acme", "shop", Environment.SIMULATED, name, "apns", CredentialKind.APNS_CERTIFICATE, CredentialState.ACTIVE,
        name, {"topics": topics, "slots": slots}, slot=slot,
    )  # fmt: skip
    return replace(made, **changes)


ALERTS = certificate("alerts", [""])
CALLS = certificate("calls", ["voip"], "voip")
BOTH = certificate("both", ["", "voip", "complication"])


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    """Runs a story in a house with a phone that takes alerts and calls, whose app has these credentials."""

    def run(story: Story, *credentials: Credential) -> None:
        async def whole() -> None:
            async with opened("memory", tmp_path) as house:
                house.snapshot = Snapshot.of(2, [shop()], credentials)
                alerts, calls = phones(1)[0], replace(phones(1)[0], token_kind="voip", token="cc" * 32)
                await house.register([alerts, calls, *phones(3, test=True)[1:]])
                await story(house)

        asyncio.run(whole())

    return run


async def lanes(house: House) -> list[str]:
    claimed = await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)
    return sorted(shard.lane for shard, _ in claimed)


@pytest.mark.parametrize("credentials", [(ALERTS, CALLS), (BOTH,), (BOTH, CALLS)])
def test_calls_and_alerts_go_by_lanes_of_their_own(tell: Callable[..., None], credentials: Any) -> None:
    async def story(house: House) -> None:
        assert [(await house.post(body)).status_code for body in (HELLO, RING)] == [202, 202]
        assert await lanes(house) == ["acme/shop/simulated/apns/normal", "acme/shop/simulated/apns/voip/urgent"]

    tell(story, *credentials)


def test_a_push_no_credential_covers_is_refused_with_its_topic_and_what_there_is(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        for body in (RING, RING | {"to": {"tokens": ["cc" * 32]}}):
            answer = await house.post(body)
            said = answer.json()
            assert (answer.status_code, said["code"]) == (409, "no_credential")
            assert f"{TOPIC}.voip: alerts is for {TOPIC}." in said["detail"]
        assert (await house.post(HELLO)).status_code == 202
        assert (await house.post(RING, path="/pushes/preview")).json()["code"] == "no_credential"

    tell(story, ALERTS)


def test_a_certificate_for_calls_alone_sends_no_alert(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        said = (await house.post(HELLO)).json()
        assert (said["code"], "calls is for" in said["detail"]) == ("no_credential", True)
        assert (await house.post(RING)).status_code == 202

    tell(story, CALLS)


def test_what_is_disabled_gives_way_to_the_main_one_or_lets_its_pushes_wait(tell: Callable[..., None]) -> None:
    off = replace(CALLS, enabled=False)

    async def covered(house: House) -> None:
        assert "warnings" not in (await house.post(RING)).json()

    async def waiting(house: House) -> None:
        said = (await house.post(RING)).json()
        assert "calls of apns is disabled" in said["warnings"][0]
        assert await lanes(house) == ["acme/shop/simulated/apns/voip/urgent"]

    tell(covered, BOTH, off)
    tell(waiting, ALERTS, off)


NEXT = replace(BOTH, id="next", state=CredentialState.STANDBY)


def test_a_credential_on_standby_is_tried_on_test_devices_alone(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        body = {"to": {"users": ["u0", "u1", "u2"]}, "title": "Trial", "credential": "next"}
        said = (await house.post(body)).json()
        assert (said["estimated"], said["state"]) == (2, "open")
        assert await lanes(house) == ["acme/shop/simulated/apns/=next/normal"]
        shown = (await house.post(body, path="/pushes/preview")).json()
        assert shown["audiences"] == [{"provider": "apns", "token_kind": "alert", "recipients": 2}]

    tell(story, ALERTS, NEXT)


@pytest.mark.parametrize(
    ("to", "type_", "credential", "field"),
    [
        ({"user": "u0"}, "alert", "next", "to"),
        ({"all": True}, "alert", "next", "to"),
        ({"tokens": ["cc" * 32]}, "alert", "next", "to"),
        ({"user": "u1"}, "alert", "alerts", "credential"),
        ({"user": "u1"}, "alert", "none", "credential"),
        ({"user": "u1"}, "alert", "=next", "credential"),
        ({"user": "u1"}, "location", "next", "credential"),
    ],
)
def test_a_trial_of_anything_else_is_refused(
    tell: Callable[..., None], to: Any, type_: str, credential: str, field: str
) -> None:
    async def story(house: House) -> None:
        fields = {"title": "Trial"} if type_ == "alert" else {"data": {"n": 1}}
        answer = await house.post({"to": to, "type": type_, "credential": credential, **fields})
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    tell(story, ALERTS, NEXT)
