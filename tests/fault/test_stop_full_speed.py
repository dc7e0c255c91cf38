"""A sample of the stop trials: after a drained reply the provider reads nothing more, and no recipient is lost."""

from __future__ import annotations

import pytest

from pushwarden.bench.house import House
from pushwarden.bench.line import Line
from pushwarden.bench.stop import conservation, run_trials
from pushwarden.wiring.stage import Stage, temporary

DEVICES = 30_000
TRIALS = 6


@pytest.mark.timeout(180)
def test_no_frame_follows_a_drained_reply_at_full_speed() -> None:
    with temporary("pwstop-") as folder, Stage(folder, log_mode="full") as stage:
        house = House(stage, stage.make_app())
        house.fill(0, DEVICES)
        with Line(stage.url, stage.key) as line:
            found = run_trials(house, line, TRIALS, seed=2)
        notes: list[str] = []
        ended = conservation(house, found, DEVICES, notes)
    assert found.late == 0
    assert ended["conserved"], notes
