"""Android at the door: its devices, topics and conditions, and what of a push is no business of FCM's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import KINDS, WHERE, House, android, opened
from journal_fixtures import claim_due
from pushwarden.core.app import Snapshot
from pushwarden.core.device import Device
from pushwarden.core.lane import Class
from pushwarden.core.shard import ShardKind

Story = Callable[[House], Awaitable[None]]
TOKEN = "cYh0:APA91bE-x_" + "Az09" * 32


@pytest.fixture(params=KINDS)
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Runs a story in a house whose app sends through both Apple and Google."""

    def run(story: Story) -> None:
        async def whole() -> None:
            async with opened(request.param, tmp_path, 3) as house:
                android(house)
                await story(house)

        asyncio.run(whole())

    return run


async def queued(house: House) -> list[Any]:
    return [shard for shard, _ in await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)]


@pytest.mark.parametrize(
    ("to", "member"),
    [
        ({"topic": "news"}, b"/topics/news"),
        ({"condition": "'a' in topics || 'b' in topics"}, b"/condition/'a' in topics || 'b' in topics"),
        ({"tokens": [TOKEN], "provider": "fcm"}, TOKEN.encode()),
    ],
)
def test_what_only_google_knows_is_one_recipient_of_its_lane(
    tell: Callable[..., None], to: dict[str, Any], member: bytes
) -> None:
    async def story(house: House) -> None:
        answer = await house.post({"to": to, "title": "News"})
        assert answer.status_code == 202 and answer.json()["estimated"] == 1
        (shard,) = await queued(house)
        assert (shard.kind, shard.members, shard.width) == (ShardKind.TOKENS, member, 1)
        assert shard.lane == "acme/shop/simulated/fcm/normal"

    tell(story)


def test_a_topic_needs_a_credential_of_google(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        apple = [one for one in house.snapshot.active if one.provider == "apns"]
        house.snapshot = Snapshot.of(3, house.snapshot.apps.values(), apple)
        answer = await house.post({"to": {"topic": "news"}, "title": "News"})
        assert (answer.status_code, answer.json()["field"]) == (422, "to")
        assert "fcm" in answer.json()["detail"]

    tell(story)


def test_an_android_phone_registers_and_a_push_to_its_user_reaches_both_of_his(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        device = {"provider": "fcm", "token": TOKEN, "user": "u1"}
        async with house.client() as client:
            put = await client.put("/v1/apps/shop/simulated/devices/pixel", json=device)
            assert put.status_code in (200, 201), put.text
            bad = await client.put("/v1/apps/shop/simulated/devices/pixel", json=device | {"token": "a b"})
            assert (bad.status_code, bad.json()["field"]) == (422, "token")
        assert (await house.post({"to": {"user": "u1"}, "title": "Hello"})).json()["estimated"] == 2
        assert {shard.lane.split("/")[3] for shard in await queued(house)} == {"apns", "fcm"}

    tell(story)


def test_a_preview_shows_the_whole_message_and_no_token(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await house.register([Device("pixel", "fcm", TOKEN, user="ann")])
        answer = await house.post({"to": {"user": "ann"}, "title": "Hi {{user}}"}, path="/pushes/preview")
        (request,) = answer.json()["requests"]
        assert request["url"] == "https://fcm.simulator.invalid/v1/projects/acme-shop-1/messages:send"
        assert '"title":"Hi ann"' in request["body"] and TOKEN not in answer.text

    tell(story)


def test_what_google_does_not_know_is_not_refused_for_apples_phones(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await house.register([Device("mac", "apns", "ab" * 32, token_kind="widgets", user="ann")])
        answer = await house.post({"to": {"user": "ann"}, "type": "widgets"})
        assert (answer.status_code, answer.json()["estimated"]) == (202, 1)

    tell(story)


def test_an_app_of_android_alone_needs_no_bundle_id(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        android(house, apns=False)
        await house.register([Device("pixel", "fcm", TOKEN, user="ann")])
        assert (await house.post({"to": {"user": "ann"}, "title": "Hi"})).json()["estimated"] == 1
        counts = await house.devices.counts(WHERE)
        assert counts["live"] == 4

    tell(story)


@pytest.mark.parametrize(
    ("fcm", "field"), [({"android": {"ttl": 5}}, "fcm.android.ttl"), ({"data": {"n": 1}}, "fcm.data.n")]
)
def test_a_wrong_field_is_refused_by_its_name(tell: Callable[..., None], fcm: dict[str, Any], field: str) -> None:
    async def story(house: House) -> None:
        answer = await house.post({"to": {"topic": "news"}, "title": "News", "fcm": fcm})
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    tell(story)


def test_a_user_and_a_topic_together_are_refused(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        for other in ({"topic": "news"}, {"condition": "'a' in topics"}):
            answer = await house.post({"to": {"user": "u1"} | other, "title": "News"})
            assert (answer.status_code, answer.json()["field"]) == (422, "to")

    tell(story)


@pytest.mark.parametrize("to", [{"topic": "news"}, {"condition": "'a' in topics"}])
def test_a_topic_push_over_two_kilobytes_is_taken_with_a_warning(tell: Callable[..., None], to: dict[str, Any]) -> None:
    async def story(house: House) -> None:
        answer = await house.post({"to": to, "title": "News", "body": "x" * 1500})
        assert answer.status_code == 202 and "warnings" not in answer.json()
        answer = await house.post({"to": to, "title": "News", "body": "x" * 2048})
        assert answer.status_code == 202 and answer.json()["estimated"] == 1
        (warning,) = answer.json()["warnings"]
        assert "2048 to a topic" in warning
        answer = await house.post({"to": {"tokens": [TOKEN], "provider": "fcm"}, "title": "News", "body": "x" * 2048})
        assert answer.status_code == 202 and "warnings" not in answer.json()

    tell(story)
