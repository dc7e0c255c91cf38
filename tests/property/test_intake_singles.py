"""A plain push drawn as a row is what the closer look would have accepted: the same push, to the same devices."""

from __future__ import annotations

import asyncio
import functools
import json
import operator
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake_fixtures import WHERE, House, android, opened
from pushwarden.adapters.sheets import acceptances
from pushwarden.core.device import Device
from pushwarden.core.errors import PushwardenError
from pushwarden.core.push import PushType
from pushwarden.dataplane.intake.draft import Draft, Drafting
from pushwarden.dataplane.intake.parse import Parsed, parse
from pushwarden.dataplane.intake.push import Caller
from pushwarden.dataplane.intake.singles import Singles
from pushwarden.ports.journal import Acceptance

USERS = ["u0", "u1", "twice", "nobody", "", "dé\u2028", "x" * 300]
TEXTS = [
    "",
    "Hello",
    "x" * 1700,
    '"\\' * 800,
    "x" * 3900,
    "x" * 5000,
    "{{user}}",
    "{{ nobody }}",
    "{",
    "é" * 2000,
    "a\nb",
    "half \ud800",
]
VALUES = [
    1,
    "one",
    None,
    True,
    1.5,
    2**63,
    2**64,
    -(2**63) - 1,
    [],
    [[1]],
    {"deep": {"er": [2**70]}},
    "{{user}}",
    ['"\\' * 800],
]
KEYS = ["order", "aps", "link", "icon", "mdm", "{{user}}", "é", "title", "from", "google", "gcm.n", "google.x"]


@pytest.fixture(scope="module", params=["apple", "android", "both"])
def house(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[House, asyncio.Runner]]:
    """An app that sends through Apple, through Google, or both; users have phones of these."""
    folder: Path = tmp_path_factory.mktemp("house")
    with asyncio.Runner() as runner:
        opening = opened("memory", folder, 0 if request.param == "android" else 2)
        house = runner.run(opening.__aenter__())
        kinds = ("alert", "voip", "widgets", "pushtotalk")
        devices = [Device(f"t{n}{kind}", "apns", f"{n}{at}" * 32, kind, "twice")
                   for n in range(2 if request.param != "android" else 0) for at, kind in enumerate(kinds)]  # fmt: skip
        if request.param != "apple":
            android(house, apns=request.param == "both")
            devices += [Device(f"a{n}{kind}", "fcm", f"token-{n}-{kind}", kind, user)
                        for n, user in enumerate(("twice", "u1")) for kind in ("alert", "voip")]  # fmt: skip
        runner.run(house.register(devices))
        yield house, runner
        runner.run(opening.__aexit__(None, None, None))


FIELDS: dict[str, list[Any]] = {
    "to": [{"user": name} for name in USERS] + [{"user": "u0", "device": "d1"}, {"device": "d1"}, {}],
    "type": [*PushType, "unheard"],
    **{name: TEXTS for name in ("title", "subtitle", "body", "icon", "image", "sound", "link")},
    "badge": [0, 7, -1, None, True],
    "data": [{key: value} for key in KEYS for value in VALUES],
    "ttl": [0, 1, 3600, 2_419_200, 2_419_201, 10**9, None],
    "collapse_id": ["", "c-1", "two words", " edge", "x" * 64, "x" * 65, "é"],
    "priority": ["high", "normal", "", "odd"],
    "not_before": [0, 1.5, 4e9, 1e300, "2031-01-31T08:00:00Z", "2031-01-31", "soon", None],
    "when_stopped": ["refuse", "hold"],
    "apns": [{}, {"aps": {"event": "start"}}],
    "fcm": [{}, {"a": 1}],
    "nonsense": [1],
}
changes = st.sampled_from([{name: value} for name, values in FIELDS.items() for value in values])
requests = st.lists(changes, max_size=3).map(
    lambda made: functools.reduce(operator.or_, made, {"to": {"user": "u1"}, "title": "Hello"})
)


def looked_at(house: House, runner: asyncio.Runner, body: bytes, key: str) -> Draft | PushwardenError:
    """The closer look."""
    try:
        parsed: Parsed = parse(body)
    except PushwardenError as error:
        return error
    (answer,) = runner.run(Drafting(house.intake.sources).each([(parsed, Caller(WHERE, "robot", key))]))
    return answer


def without_id(acceptance: Acceptance) -> Acceptance:
    shards = tuple(replace(shard, push="") for shard in acceptance.shards)
    return replace(acceptance, push=replace(acceptance.push, id=""), shards=shards)


@settings(max_examples=300)
@given(st.lists(requests, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_what_is_drawn_is_what_the_closer_look_accepts(
    house: tuple[House, asyncio.Runner], asked: list[dict[str, Any]], keyed: bool, stopped: bool
) -> None:
    home, runner = house
    if stopped:
        home.fence.stop(WHERE, home.clock.ms)
    try:
        bodies = [json.dumps(one).encode() for one in asked]
        keys = [f"k#{n}" for n in range(len(bodies))] if keyed else []
        drawn = runner.run(Singles(home.intake.sources).draw(Caller(WHERE, "robot"), bodies, keys))
        for at, acceptance in zip(drawn.at, acceptances(drawn.sheet), strict=True) if drawn else ():
            draft = looked_at(home, runner, bodies[at], keys[at] if keys else "")
            assert isinstance(draft, Draft), draft
            assert without_id(acceptance) == without_id(draft.acceptance)
    finally:
        for stop in home.fence.stops():
            home.fence.resume(stop.scope)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"not_before": 4_000_000_000, "ttl": 60, "collapse_id": "c-1"},
        {"data": {"order": 7, "parts": [{"n": 1}]}, "link": "shop://7", "badge": 3, "sound": "ping"},
        {"to": {"user": "twice"}},
        {"to": {"user": "nobody"}},
        {"to": {"user": "twice"}, "type": "voip"},
    ],
)
def test_an_everyday_push_is_drawn(house: tuple[House, asyncio.Runner], more: dict[str, Any]) -> None:
    home, runner = house
    body = json.dumps({"to": {"user": "u1"}, "title": "Hello"} | more).encode()
    drawn = runner.run(Singles(home.intake.sources).draw(Caller(WHERE, "robot"), [body], []))
    assert drawn is not None and list(drawn.at) == [0]
