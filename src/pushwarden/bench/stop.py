"""`stop`: POST /v1/stop at random moments of a fan-out at full speed; later frames counted in the full log."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

from pushwarden.bench.house import SILENT, House, counted, counts, later_than
from pushwarden.bench.line import Line
from pushwarden.bench.procs import percentile, say
from pushwarden.bench.report import Measured, Wanted

LOG = "full"
DEVICES = 200_000
TRIALS = 200
LINGER = 0.05
"""Seconds after the reply in which a late frame would show itself."""
SPEED = 300
"""Requests the provider must have read since the resume before a trial counts as at full speed."""
PATIENCE = 60.0


@dataclass(slots=True)
class Trials:
    """What the trials gave. late: frames after a reply whose receipt said drained; other: after other replies."""

    replies_ms: list[float] = field(default_factory=list)
    drained: int = 0
    late: int = 0
    late_other: int = 0
    written: int = 0
    pushes: list[str] = field(default_factory=list)


def play(house: House, wanted: Wanted) -> Measured:
    """Trials over as many fan-outs as it takes; at the end every recipient is accounted for."""
    devices, trials = wanted.devices or DEVICES, wanted.trials or TRIALS
    notes = [
        "Reply: as the caller sees it. Frames: HEADERS parsed by the simulator later than the moment the reply came.",
        "Both clocks are CLOCK_MONOTONIC of this machine.",
    ]
    with Line(house.stage.url, house.stage.key) as line:
        house.fill(0, devices)
        found = run_trials(house, line, trials, seed=1)
        ended = conservation(house, found, devices, notes)
    say(f"{trials} stops: p50 {percentile(found.replies_ms, 0.5):.1f} ms, worst {max(found.replies_ms):.1f} ms")
    figures = {
        "stop_p50_ms": percentile(found.replies_ms, 0.5),
        "stop_p99_ms": percentile(found.replies_ms, 0.99),
        "stop_p100_ms": max(found.replies_ms),
        "frames_after_reply": found.late,
        "frames_after_undrained_reply": found.late_other,
        "drained_share": found.drained / trials,
        "fanouts": len(found.pushes),
        **ended,
    }
    return Measured(figures, trials, notes)


def run_trials(house: House, line: Line, trials: int, seed: int) -> Trials:
    """Stops and resumes a fan-out so often; starts another when one has ended. TimeoutError when nothing moves."""
    chance = random.Random(seed)  # noqa: S311  repeatable moments
    found = Trials()
    while len(found.replies_ms) < trials:
        if not found.pushes or house.state(found.pushes[-1])["state"] == "done":
            found.pushes.append(house.push(SILENT))
        if not _at_speed(house, found.pushes[-1]):
            continue
        time.sleep(chance.uniform(0.0, 0.08))
        _one(house, line, found)
        if len(found.replies_ms) % 20 == 0:
            say(f"{len(found.replies_ms)} stops, {found.drained} drained, {found.late} frames after a drained reply")
    return found


def _one(house: House, line: Line, found: Trials) -> None:
    house.skip_log()
    began = time.monotonic_ns()
    status, receipt = line.post("/v1/stop", {"app": house.app, "reason": "trial"})
    replied = time.monotonic_ns()
    if status != 200:
        raise RuntimeError(f"A stop was answered {status}: {receipt}")
    time.sleep(LINGER)
    house.stage.control("POST", "/flush")
    late = later_than(house, replied)
    found.replies_ms.append((replied - began) / 1e6)
    found.drained += bool(receipt["drained"])
    if receipt["drained"]:
        found.late += late
    else:
        found.late_other += late
    status, answer = line.post("/v1/resume", {"app": house.app, "held": "release"})
    if status != 200:
        raise RuntimeError(f"A resume was answered {status}: {answer}")


def _at_speed(house: House, push: str) -> bool:
    """Waits until the provider reads on; False when the fan-out ended meanwhile. TimeoutError when neither happens."""
    first = _requests(house)
    until = time.monotonic() + PATIENCE
    while _requests(house) - first < SPEED:
        if time.monotonic() > until:
            raise TimeoutError(f"Nothing was sent in {PATIENCE:g} s after a resume: {house.state(push)}")
        time.sleep(0.01)
        if house.state(push)["state"] == "done":
            return False
    return True


def _requests(house: House) -> int:
    return int(house.stage.control("GET", "/counts")["requests"])


def conservation(house: House, found: Trials, devices: int, notes: list[str]) -> dict[str, Any]:
    """Lets every fan-out end, then holds our counts against the whole log."""
    totals: dict[str, int] = {}
    house.at = 0
    frames = 0
    for push in found.pushes:
        ended = counts(house.done(push, PATIENCE + devices / 3000))
        totals = {fate: totals.get(fate, 0) + number for fate, number in ended.items()}
    house.stage.control("POST", "/flush")
    for push in found.pushes:
        frames += counted(house, bytes.fromhex(push))[0]
    planned = devices * len(found.pushes)
    exact = sum(totals.values()) == planned and totals["accepted"] <= frames <= totals["accepted"] + totals["unknown"]
    if not exact:
        notes.append(f"Conservation is broken: {planned} planned, ended {totals}, {frames} frames.")
    return {"conserved": exact, "planned": planned, "frames": frames, "unknown": totals["unknown"]}
