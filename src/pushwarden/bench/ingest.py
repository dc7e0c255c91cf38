"""`ingest`: durable accepts over HTTP, one push a request, from h2load in HTTP/1.1; batches; the cost of an fsync."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pushwarden.bench.house import House
from pushwarden.bench.procs import percentile, say
from pushwarden.bench.reference import fsync_ms, rate_of, run_h2load
from pushwarden.bench.report import Measured, NotMeasured, Wanted

DEVICES = 10_000
REQUESTS = 20_000
CLIENTS = 64
TRIALS = 3
BATCH = 10_000
BATCHES = 20
BACKENDS = 2
LATER_S = 3600
PUSH: dict[str, Any] = {
    "to": {"user": "user-77"},
    "title": "Your order is on its way",
    "body": "It arrives today.",
    "data": {"order": 4711},
}


@dataclass(frozen=True, slots=True)
class Accepts:
    """One h2load run; times in milliseconds."""

    per_s: float
    p50: float
    p99: float


def play(house: House, wanted: Wanted) -> Measured:
    """First with every push sent at once, as in life; then the same for pushes that are due later."""
    devices, trials = wanted.devices or DEVICES, wanted.trials or TRIALS
    requests = REQUESTS if devices >= DEVICES else max(CLIENTS, devices)
    house.fill(0, devices)
    house.fill(0, 1, "voip")
    body = PUSH | {"to": {"user": f"user-{min(77, devices - 1)}"}}
    load(house, body, min(1000, requests))
    runs = [load(house, body, requests) for _ in range(trials)]
    later = body | {"not_before": int(time.time()) + LATER_S}
    rested = [load(house, later, requests) for _ in range(trials)]
    batched = batches(house, later, BATCHES, min(BATCH, requests), devices)
    disk = fsync_ms(house.stage.folder)
    figures = {
        "accepts_per_s": median(run.per_s for run in runs),
        "p50_ms": median(run.p50 for run in runs),
        "p99_ms": median(run.p99 for run in runs),
        "batch_pushes_per_s": batched,
        "later_accepts_per_s": median(run.per_s for run in rested),
        "later_p99_ms": median(run.p99 for run in rested),
        "fsync_ms": disk,
    }
    notes = [
        f"h2load --h1, one thread, {CLIENTS} kept connections; medians over the trials; p99 is of the single requests.",
        "The pushes are sent to the simulator on the same machine meanwhile; `later_…` are due in an hour, so not.",
        f"Batches are NDJSON of {BATCH} different pushes to different users, due in an hour, {BACKENDS} at a time.",
        "fsync: median of 4 KiB and fdatasync, same folder.",
    ]
    return Measured(figures, trials, notes)


def load(house: House, body: dict[str, Any], requests: int) -> Accepts:
    """One push a request. NotMeasured when one is not answered 202."""
    folder = house.stage.folder
    content, log = folder / "push.json", folder / "h2load.log"
    content.write_text(json.dumps(body))
    log.unlink(missing_ok=True)
    clients = min(CLIENTS, requests)
    printed = run_h2load(
        [
            "--h1", "-t1", f"-c{clients}", f"-n{requests}", f"-d{content}", f"--log-file={log}",
            "-H", f"authorization: Bearer {house.stage.key}", "-H", "content-type: application/json",
            f"{house.stage.url}{house.base}/pushes",
        ]
    )  # fmt: skip
    times = _times(log, requests)
    run = Accepts(rate_of(printed), percentile(times, 0.5), percentile(times, 0.99))
    say(f"{run.per_s:,.0f} accepts/s, p50 {run.p50:.1f} ms, p99 {run.p99:.1f} ms")
    return run


def _times(log: Path, requests: int) -> list[float]:
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    accepted = [int(row[2]) / 1000 for row in rows if row[1] == "202"]
    if len(accepted) != requests:
        said = sorted({row[1] for row in rows})
        raise NotMeasured(f"{len(accepted)} of {requests} pushes were accepted; the answers were {', '.join(said)}.")
    return accepted


def batches(house: House, body: dict[str, Any], number: int, size: int, devices: int) -> float:
    """Pushes a second in NDJSON batches, no two lines the same; each answer line is looked at, after the time is up."""
    contents = [_lines(body, first, first + size, devices) for first in range(0, number * size, size)]
    headers = {"authorization": f"Bearer {house.stage.key}", "content-type": "application/x-ndjson"}
    target = f"{house.stage.url}{house.base}/pushes:batch"
    began = time.monotonic()
    with ThreadPoolExecutor(BACKENDS) as backends:
        said = [
            *backends.map(lambda content: house.stage.client.post(target, content=content, headers=headers), contents)
        ]
    spent = time.monotonic() - began
    for one in said:
        answers = one.text.splitlines()
        if len(answers) != size or any('"error"' in answer for answer in answers):
            raise NotMeasured(f"A batch of {size} got {len(answers)} answers, the last one {answers[-1:]}.")
    return number * size / spent


def _lines(body: dict[str, Any], first: int, stop: int, devices: int) -> bytes:
    """A push a line; the users in no order that the store could profit from."""
    own = (
        body | {"to": {"user": f"user-{n * 7919 % devices}"}, "title": f"Order {n} is on its way", "data": {"order": n}}
        for n in range(first, stop)
    )
    return b"".join(json.dumps(one).encode() + b"\n" for one in own)
