"""`scale`: what a fan-out costs from 10⁴ to 10⁶ devices (10⁷ when asked): time in proportion, memory the same."""

from __future__ import annotations

from typing import Any

from pushwarden.bench.house import SILENT, House, counts, fan_out
from pushwarden.bench.procs import say
from pushwarden.bench.report import Measured, Wanted

DEVICES = 1_000_000
LEAST = 10_000
LINEAR_FROM = 100_000
"""Below it the first connection and the waiting for the last answers weigh too much."""


def sizes(most: int) -> list[int]:
    """Powers of ten from LEAST, and the most itself."""
    found, size = [], min(LEAST, most)
    while size < most:
        found.append(size)
        size *= 10
    return [*found, most]


def play(house: House, wanted: Wanted) -> Measured:
    """One store that grows: each row adds devices, then pushes to all."""
    notes = ["Each row is a silent push to all devices in the store, by the same sender, smallest fleet first."]
    rows: list[dict[str, Any]] = []
    known = 0
    for devices in sizes(wanted.devices or DEVICES):
        house.fill(known, devices)
        known = devices
        run = fan_out(house, SILENT, devices)
        if counts(run.state)["accepted"] != devices:
            notes.append(f"{devices} devices: {counts(run.state)} where all should be accepted.")
        say(f"{devices:,} devices: {run.seconds:.2f} s, {run.peak_mb:.0f} MB")
        rows.append(
            {
                "devices": devices,
                "seconds": round(run.seconds, 3),
                "peak_rss_mb": round(run.peak_mb, 1),
                "cpu_us_per_push": round(run.cpu_us, 2),
            }
        )
    large = [row for row in rows if row["devices"] >= LINEAR_FROM] or rows
    per_device = [row["seconds"] / row["devices"] for row in large]
    figures = {
        "rows": rows,
        "peak_rss_mb": max(row["peak_rss_mb"] for row in rows),
        "us_per_device_ratio": per_device[-1] / per_device[0],
    }
    notes.append(
        "us_per_device_ratio: time a device of the largest row ÷ that of the first with 10⁵ or more; 1: linear."
    )
    return Measured(figures, 1, notes)
