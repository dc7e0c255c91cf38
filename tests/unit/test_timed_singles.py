"""The judge of `./dev soak singles100k` lets no fault pass."""

from __future__ import annotations

from typing import Any

import pytest

from pushwarden.simulators.log import Frame
from timed_singles import IN_TRANSIT_MS, Asked, Ended, judged

NOW = 1_700_000_000_000
ASKED = {"taken": Asked(NOW + 1000, 2), "over": Asked(0, 1), "later": Asked(0, 60)}
ENDED = {
    "taken": Ended({"accepted": 1}, NOW),
    "over": Ended({"expired": 1}, NOW),
    "later": Ended({"accepted": 1}, NOW),
}
FRAMES = {"taken": [(1000, 200)], "later": [(500, 503), (1600, 200)]}


def judge(ended: dict[str, Ended], frames: dict[str, list[tuple[int, int]]]) -> dict[str, Any]:
    """frames: (ms after NOW, status)"""
    log = {push: [Frame(ms * 1_000_000, 1, b"", status) for ms, status in some] for push, some in frames.items()}
    return judged(ASKED, ENDED | ended, log, NOW * 1_000_000)


def test_pushes_that_ended_once_in_their_time_are_well() -> None:
    told = judge({}, FRAMES)
    assert told["ok"] and told["ended"] == {"accepted": 2, "expired": 1}


@pytest.mark.parametrize(
    ("fault", "ended", "frames"),
    [
        ("early", {}, {"taken": [(990, 200)]}),
        ("past_ttl", {}, {"taken": [(3001 + IN_TRANSIT_MS, 200)]}),
        ("doubled", {}, {"taken": [(1000, 200), (1100, 200)]}),
        ("lost", {}, {"taken": [(1000, 503)]}),
        ("sent_but_not_told", {}, {"over": [(10, 200)]}),
        ("not_ended_once", {"over": Ended({}, NOW)}, {}),
        ("not_ended_once", {"over": Ended({"expired": 2}, NOW)}, {}),
        ("strangers", {}, {"nobody": [(10, 200)]}),
    ],
)
def test_each_fault_is_found_and_counted(
    fault: str, ended: dict[str, Ended], frames: dict[str, list[tuple[int, int]]]
) -> None:
    told = judge(ended, FRAMES | frames)
    assert told[fault] == 1 and not told["ok"]
