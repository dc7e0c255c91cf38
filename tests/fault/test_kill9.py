"""A seeded sample of the kill -9 soak: no recipient lost, silent pushes never doubled, every count exact."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import killing
from pushwarden.bench.house import House
from pushwarden.dataplane.lanes.pacing import MOST_GROWTH
from pushwarden.settings import Settings
from pushwarden.wiring.stage import Stage, temporary

DEVICES = 30_000
W = Settings().unknown_window * MOST_GROWTH
"""With slow answers a sender's window grows; a loaded machine is slow."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with temporary("pwkill-") as folder, Stage(folder, {"PUSHWARDEN_BULK_SENDERS": "1"}) as stage:
        made = House(stage, stage.make_app())
        made.fill(0, DEVICES)
        made.script({"do": "delay", "ms": 10})
        yield made


@pytest.mark.parametrize("name", ["sender-bulk-0", "api", "chores"])
def test_a_killed_process_loses_no_alert(house: House, name: str) -> None:
    done = killing.play(house, killing.ALERT, 1, random.Random(7), (name,))
    found = killing.judge(house, done, DEVICES)
    assert found.conserved, done.state
    assert found.lost == 0
    assert found.unknown == 0
    assert found.doubled <= W * done.sender_kills


def test_a_killed_sender_doubles_no_silent_push(house: House) -> None:
    done = killing.play(house, killing.SILENT, 2, random.Random(3), ("sender-bulk-0",))
    found = killing.judge(house, done, DEVICES)
    assert found.conserved, done.state
    assert found.doubled == 0
    assert found.lost == 0
    assert found.unknown <= W * done.sender_kills
