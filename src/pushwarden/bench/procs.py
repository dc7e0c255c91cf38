"""What the kernel knows of our processes: CPU time, peak memory, who sits in a sender's seat; progress for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pushwarden.adapters import seats

TICKS = os.sysconf("SC_CLK_TCK")


def say(words: str) -> None:
    """One line of progress; standard output is for the figures."""
    sys.stderr.write(f"bench: {words}\n")
    sys.stderr.flush()


def senders(data: Path, prefix: str = "sender-bulk") -> list[int]:
    """Pids of the living senders whose seat begins so, by name."""
    return [seat.pid for seat in seats.seats(data / "run") if seat.sender.startswith(prefix)]


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes together, in whole clock ticks (proc(5), stat fields 14 and 15)."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def forget_peak(pids: Sequence[int]) -> None:
    """Starts VmHWM anew from what is resident now (proc(5), clear_refs 5)."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pids: Sequence[int]) -> float:
    """The largest VmHWM among these processes, in MB of 10⁶ bytes."""
    most = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        most = max(most, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
    return most * 1024 / 1e6


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that at least this share of all do not exceed. ValueError when there is none."""
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    rank = max(1, -(-len(values) * round(share * 10_000) // 10_000))
    return sorted(values)[rank - 1]
