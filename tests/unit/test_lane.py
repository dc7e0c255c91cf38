"""A lane's key: read back as it was written, in its old form for the main slot, its class last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.lane import CANARY, Class, Lane
from pushwarden.core.scope import Environment

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
SLOTS = st.one_of(st.just(""), st.sampled_from(["voip", "complication", "location"]), NAMES.map(CANARY.__add__))


@given(NAMES, NAMES, st.sampled_from(Environment), st.sampled_from(["apns", "fcm"]), st.sampled_from(Class), SLOTS)
def test_a_key_is_read_back_as_the_same_lane(
    organisation: str, app: str, environment: Environment, provider: str, klass: Class, slot: str
) -> None:
    lane = Lane(organisation, app, environment, provider, klass, slot)
    assert Lane.parse(lane.key) == lane
    assert (Lane.parse(lane.key).family, lane.of(Class.ALONE).family) == (lane.family, lane.family)
    assert lane.of(Class.ALONE).key == f"{lane.family}/alone"


@pytest.mark.parametrize("key", ["acme/shop/production/apns/bulk", "acme/shop/sandbox/fcm/urgent"])
def test_a_lane_stored_before_there_were_slots_is_of_the_main_one(key: str) -> None:
    lane = Lane.parse(key)
    assert (lane.slot, lane.key, lane.family) == ("", key, key.rpartition("/")[0])


def test_slots_of_one_app_are_lanes_of_their_own() -> None:
    main = Lane("acme", "shop", Environment.PRODUCTION, "apns", Class.URGENT)
    calls = Lane("acme", "shop", Environment.PRODUCTION, "apns", Class.URGENT, "voip")
    assert main != calls
    assert calls.key == "acme/shop/production/apns/voip/urgent"
    assert calls.scope == main.scope
