"""`mixed`: VoIP pushes one after another while a fan-out runs: from the request to its header frame at the provider."""

from __future__ import annotations

import time

from pushwarden.bench.house import SILENT, House, counts
from pushwarden.bench.line import Line
from pushwarden.bench.procs import percentile, say
from pushwarden.bench.report import Measured, Wanted
from pushwarden.simulators.log import read

LOG = "full"
DEVICES = 1_000_000
IDLE_CALLS = 200
PAUSE = 0.02
"""Seconds between two calls."""
MOST_CALLS = 5_000


def play(house: House, wanted: Wanted) -> Measured:
    """Times are CLOCK_MONOTONIC: taken before the request is written, and when its HEADERS are parsed."""
    devices = wanted.devices or DEVICES
    notes = [
        "From just before the request's bytes are written to the parsing of its HEADERS in the simulator's full log.",
        f"One call each {PAUSE * 1000:g} ms over one kept connection; the fan-out is a silent push to all.",
    ]
    with Line(house.stage.url, house.stage.key) as line:
        house.fill(0, devices)
        house.fill(0, 1, "voip")
        _calls(house, line, 20)
        idle = _times(house, _calls(house, line, min(IDLE_CALLS, devices)), notes)
        house.skip_log()
        push, began = house.push(SILENT), time.monotonic()
        sent = _calls(house, line, 10)
        while len(sent) < MOST_CALLS and not _is_done(house, push):
            sent |= _calls(house, line, 10)
        state = house.done(push, 60 + devices / 3000)
        seconds = time.monotonic() - began
        busy = _times(house, sent, notes)
    if counts(state)["accepted"] != devices:
        notes.append(f"The fan-out ended as {counts(state)}.")
    say(f"{len(busy)} calls: p50 {percentile(busy, 0.5):.2f} ms, p99 {percentile(busy, 0.99):.2f} ms")
    figures = {
        "urgent_p50_ms": percentile(busy, 0.5),
        "urgent_p99_ms": percentile(busy, 0.99),
        "urgent_p100_ms": max(busy),
        "urgent_calls": len(busy),
        "urgent_idle_p50_ms": percentile(idle, 0.5),
        "urgent_idle_p99_ms": percentile(idle, 0.99),
        "fanout_pushes_per_s": devices / seconds,
    }
    return Measured(figures, 1, notes)


def _is_done(house: House, push: str) -> bool:
    return bool(house.state(push)["state"] == "done")


def _calls(house: House, line: Line, number: int) -> dict[str, int]:
    """Push id → monotonic ns at which its request was sent."""
    sent = {}
    body = {"to": {"user": "user-0"}, "type": "voip", "data": {"call": "1"}}
    for _ in range(number):
        at = time.monotonic_ns()
        status, answer = line.post(f"{house.base}/pushes", body)
        if status != 202:
            raise RuntimeError(f"A call was answered {status}: {answer}")
        sent[answer["id"]] = at
        time.sleep(PAUSE)
    return sent


def _times(house: House, sent: dict[str, int], notes: list[str]) -> list[float]:
    """Milliseconds of each call that reached the provider; a note when one did not."""
    until = time.monotonic() + 5
    while True:
        house.stage.control("POST", "/flush")
        wanted = {bytes.fromhex(push): at for push, at in sent.items()}
        found = {f.apns_id[:10]: f.ns for f in read(house.stage.frames, house.at) if f.apns_id[:10] in wanted}
        if len(found) == len(wanted) or time.monotonic() > until:
            break
        time.sleep(0.1)
    if len(found) < len(wanted):
        notes.append(f"{len(wanted) - len(found)} of {len(wanted)} calls never reached the provider.")
    return [(found[name] - wanted[name]) / 1e6 for name in found]
