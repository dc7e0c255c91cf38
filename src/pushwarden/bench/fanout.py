"""`fanout`: devices in the store → simulator in another process, journal and counters on, h2load beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from pushwarden.bench.house import SILENT, TEMPLATE, House, Run, counts, fan_out
from pushwarden.bench.procs import say
from pushwarden.bench.reference import apns_rate, fcm_rate
from pushwarden.bench.report import Measured, Wanted

DEVICES = 1_000_000
TRIALS = 3
H2LOAD_REQUESTS = 500_000
REFUSAL: Mapping[str, dict[str, Any]] = {
    "apns": {"status": 410, "reason": "Unregistered", "timestamp_ms": -86_400_000},
    "fcm": {"status": 404, "reason": "UNREGISTERED"},
}
"""APNs' 410s name a moment before the registration, so that every trial finds the same devices; FCM's name none."""


def play(house: House, wanted: Wanted) -> Measured:
    """Medians over the trials; each clean trial stands beside an h2load run just before it."""
    devices, trials = wanted.devices or DEVICES, wanted.trials or TRIALS
    notes = [
        "Time runs from the 202 to the last frame in the simulator's log; CPU and peak memory are the bulk senders'.",
        "h2load: a thousand streams (APNs: one connection, FCM: ten), like headers and body, just before each trial.",
        "The first clean trial is the fleet's first campaign: 500 are sent and judged before the rest.",
        "hard: 60 ms answers, 5 % refusals (a dead token), a GOAWAY every 5 s of a connection's life.",
    ]
    for each in (house, house.beside):
        if each:
            each.fill(0, devices)
    trios = [_clean(house, devices, notes) for _ in range(trials)]
    clean = [run for _, run, _ in trios]
    template = _run(house, "template", TEMPLATE, devices, notes)
    house.script(*hard_rules(house.provider))
    hard = _run(house, "hard", SILENT, devices, notes)
    house.script()
    figures = {
        "pushes_per_s": median(run.per_s for run in clean),
        "cpu_us_per_push": median(run.cpu_us for run in clean),
        "peak_rss_mb": max(run.peak_mb for run in clean),
        "h2load_per_s": median(rate for rate, _, _ in trios),
        "ratio_to_h2load": median(run.per_s / rate for rate, run, _ in trios),
        **_compared([(run, other) for _, run, other in trios if other]),
        **_named("template", template),
        **_named("hard", hard),
        "hard_ratio_to_clean": hard.per_s / median(run.per_s for run in clean),
        "devices": devices,
        "senders": max(1, wanted.senders),
    }
    return Measured(figures, trials, notes, "fanout fcm" if house.provider == "fcm" else "")


def hard_rules(provider: str) -> tuple[dict[str, Any], ...]:
    """A bad day of that provider."""
    refuse = {"do": "refuse", "share": 0.05, **REFUSAL[provider]}
    return {"do": "delay", "ms": 60}, refuse, {"do": "goaway", "every_s": 5}


def _clean(house: House, devices: int, notes: list[str]) -> tuple[float, Run, Run | None]:
    """h2load's rate, our fan-out, and just before it the same one over SQLite when it is to be compared."""
    told, requests = house.stage.simulator, min(H2LOAD_REQUESTS, max(1000, devices))
    if house.provider == "fcm":
        rate = fcm_rate(told["port"], Path(told["ca"]), house.stage.folder, requests)
    else:
        rate = apns_rate(told["port"], house.stage.folder, requests)
    say(f"h2load: {rate:,.0f}/s")
    other = _run(house.beside, "over SQLite", SILENT, devices, notes) if house.beside else None
    return rate, _run(house, "clean", SILENT, devices, notes), other


def _compared(pairs: list[tuple[Run, Run]]) -> dict[str, float]:
    if not pairs:
        return {}
    return {
        "sqlite_pushes_per_s": median(other.per_s for _, other in pairs),
        "sqlite_cpu_us_per_push": median(other.cpu_us for _, other in pairs),
        "ratio_to_sqlite": median(run.per_s / other.per_s for run, other in pairs),
    }


def _run(house: House, name: str, body: dict[str, Any], devices: int, notes: list[str]) -> Run:
    run = fan_out(house, body, devices)
    say(f"{name}: {run.per_s:,.0f}/s, {run.cpu_us:.2f} µs CPU a push, {run.peak_mb:.0f} MB, {counts(run.state)}")
    ended = counts(run.state)
    if sum(ended.values()) != devices:
        notes.append(f"{name}: {sum(ended.values())} of {devices} recipients ended; conservation is broken.")
    if name != "hard" and ended["accepted"] != devices:
        notes.append(f"{name}: {ended} where all should be accepted.")
    return run


def _named(name: str, run: Run) -> dict[str, float]:
    return {
        f"{name}_pushes_per_s": run.per_s,
        f"{name}_cpu_us_per_push": run.cpu_us,
        f"{name}_peak_rss_mb": run.peak_mb,
    }
