"""Imports of a list that is not ours: a sample is sent, the lane is held with its reason, the healthy ones go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import campaigns
from product_fixtures import SLOW, fleet, frames, send, until
from pushwarden.bench.house import House, counts
from pushwarden.dataplane.lanes.trial import SAMPLE
from pushwarden.wiring.stage import Stage, temporary

pytestmark = SLOW

DEVICES, HEALTHY = 20_000, 1000
SENDERS = {"PUSHWARDEN_BULK_SENDERS": "2"}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with temporary("pwsus-") as folder, Stage(folder, SENDERS, "full") as made:
        yield made


WORDS = {"topic": "bundle id", "environment": "sandbox and production", "project": "Firebase project"}


@pytest.mark.parametrize("kind", campaigns.WRONG)
def test_a_wrong_campaign_sends_a_sample_touches_no_device_and_says_why(kind: str) -> None:
    provider, words = campaigns.PROVIDER[kind], WORDS[kind]
    with temporary("pwsus-") as folder, Stage(folder, SENDERS, "counting", providers=(provider,)) as stage:
        _judge(House(stage, stage.make_app(f"wrong-{kind}")), kind, words)


def _judge(house: House, kind: str, words: str) -> None:
    provider = house.provider
    house.script()
    campaigns.proven(house, HEALTHY)
    found = campaigns.run(house, kind, HEALTHY, DEVICES)
    assert found.kept, found.state
    assert found.devices == DEVICES + HEALTHY
    assert 0 < found.strangers_sent <= SAMPLE
    assert found.hold["lane"].endswith(f"/{provider}/suspect")
    assert f"refused as {campaigns.WRONG[kind]['reason']}: " in found.hold["reason"]
    assert words in found.hold["reason"] and "No device was touched" in found.hold["reason"]
    again = house.push(campaigns.EVERYONE)
    until(lambda: counts(house.state(again))["accepted"] == HEALTHY, "the push to the healthy ones")


def test_a_mended_list_goes_out_whole_when_the_lane_is_released(stage: Stage) -> None:
    house = House(stage, stage.make_app("mended"))
    house.script()
    found = campaigns.run(house, "topic", 0, 3000)
    house.script()
    stage.call("POST", f"/v1/holds/{found.hold['id']}/release", json={"verdict": "discard", "reason": "mended"})
    state = house.done(found.push, campaigns.PATIENCE)
    assert counts(state)["accepted"] == 3000, state


def test_an_old_list_goes_on_in_the_ordinary_lane_when_a_person_says_the_provider_is_right(stage: Stage) -> None:
    house = House(stage, stage.make_app("old"))
    gone = {"do": "refuse", "status": 410, "reason": "Unregistered", "share": 0.15, "timestamp_ms": 60_000}
    fleet(stage, house.base, 2000)
    house.script(gone)
    push = house.push(campaigns.EVERYONE)
    hold, _ = campaigns.until_held(house, push, 1)
    assert hold["lane"].endswith("/suspect") and "Unregistered" in hold["reason"]
    house.script()
    stage.call("POST", f"/v1/holds/{hold['id']}/release", json={"verdict": "apply", "reason": "an old list"})
    state = house.done(push, campaigns.PATIENCE)
    ended = counts(state)
    assert ended["accepted"] + ended["refused"] == 2000
    until(lambda: campaigns.exported(house)[1] == ended["refused"], "the tombstones")


def test_a_first_campaign_to_a_good_list_reaches_everyone_once_and_is_proven(stage: Stage) -> None:
    house = House(stage, stage.make_app("first"))
    house.script()
    fleet(stage, house.base, 12_000)
    for _ in range(2):
        push = house.push(campaigns.EVERYONE)
        assert counts(house.done(push, campaigns.PATIENCE))["accepted"] == 12_000
        assert len(frames(stage, push)) == 12_000


def test_few_new_devices_do_not_wait(stage: Stage) -> None:
    base = stage.make_app("small")
    fleet(stage, base, 3)
    push = send(stage, base, {"all": True}, "alert", title="Hello")
    assert stage.settled(base, push)["accepted"] == 3
