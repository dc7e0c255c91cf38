"""What a benchmark is asked for and what it gives: figures beside their targets, the machine and the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushwarden.core.errors import PushwardenError

TARGETS: Mapping[str, Mapping[str, str]] = {
    "fanout": {
        "pushes_per_s": "≥ 120000",
        "cpu_us_per_push": "≤ 7",
        "peak_rss_mb": "≤ 150",
        "ratio_to_h2load": "≥ 0.6",
        "h2load_per_s": "≥ 200000",
        "template_pushes_per_s": "≥ 80000",
        "hard_ratio_to_clean": "≥ 0.6",
        "ratio_to_sqlite": "≥ 0.7",
        "hard_peak_rss_mb": "≤ 150",
    },
    "fanout fcm": {"pushes_per_s": "≥ 80000", "cpu_us_per_push": "≤ 10", "peak_rss_mb": "≤ 150"},
    "mixed": {"urgent_p50_ms": "≤ 5", "urgent_p99_ms": "≤ 25"},
    "stop": {"stop_p50_ms": "≤ 20", "stop_p100_ms": "≤ 100", "frames_after_reply": "0"},
    "ingest": {"accepts_per_s": "≥ 4000", "p99_ms": "≤ 50", "batch_pushes_per_s": "≥ 50000"},
    "singles": {"settled_per_s": "≥ 4000", "accept_to_frame_p99_ms": "≤ 200"},
    "import": {"devices_per_s": "≥ 100000", "upserts_per_s": "≥ 40000", "bytes_per_device": "≤ 400"},
    "peers": {
        "client_cpu_to_pushy": "≤ 0.5",
        "client_cpu_to_apns2": "≤ 0.15",
        "client_cpu_to_node_apn": "≤ 0.1",
        "pipeline_cpu_to_pushy": "≤ 1",
        "pipeline_rate_to_node_apn": "≥ 8",
        "pipeline_rate_to_aioapns": "≥ 40",
    },
    "pages": {"page_p95_ms": "≤ 100"},
    "scale": {"peak_rss_mb": "≤ 150", "us_per_device_ratio": "≤ 1.25"},
}


class NotMeasured(PushwardenError):
    """The benchmark cannot run here."""

    code, status = "not_measured", 409


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller chose; 0 stands for the benchmark's own number."""

    devices: int = 0
    senders: int = 1
    trials: int = 0
    provider: str = "apns"
    store: str = "sqlite"


@dataclass(frozen=True, slots=True)
class Measured:
    """figures: by the contract's names. notes: sentences on how, and on what went wrong. targets: of another name."""

    figures: dict[str, Any]
    trials: int
    notes: list[str] = field(default_factory=list)
    targets: str = ""


def report(name: str, measured: Measured) -> dict[str, Any]:
    """The contract's JSON object."""
    targets = TARGETS[measured.targets or name]
    return {
        "name": name,
        "figures": {key: _rounded(value) for key, value in measured.figures.items()},
        "targets": {key: target for key, target in targets.items() if key in measured.figures},
        "trials": measured.trials,
        "machine": {"cpu": _cpu(), "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        "commit": _commit(),
        "notes": measured.notes,
    }


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value) if value >= 1000 else float(f"{value:.4g}")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout.strip()  # noqa: S603
    except OSError:
        return ""
