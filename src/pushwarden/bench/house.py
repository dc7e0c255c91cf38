"""The stage a benchmark plays on: a fleet in the store, fan-outs with their time taken from the simulator's log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pushwarden.bench import procs
from pushwarden.bench.report import Wanted
from pushwarden.bench.store import store_of
from pushwarden.core.outcome import Fate
from pushwarden.simulators.log import RECORD, Event, Kind, blocks
from pushwarden.wiring.stage import Stage, device_line, temporary

LINES = 512
POLL = 0.1
"""Seconds between two looks at a push under way; each look costs the machine a little."""
SECONDS_PER_MILLION = 300.0

SILENT = {"to": {"all": True}, "type": "background", "data": {"n": 1}}
TEMPLATE = {"to": {"all": True}, "type": "alert", "title": "Hello {{user}}", "body": "Version {{app_version}} is here."}


@dataclass(slots=True)
class House:
    """A running stage with one app; `base` is the path its pushes and devices are below."""

    stage: Stage
    base: str
    at: int = 0  # length of the frame log when it was last read
    beside: House | None = None  # the same over SQLite, to compare with

    @property
    def provider(self) -> str:
        return self.stage.providers[0]

    @property
    def app(self) -> str:
        return self.base.split("/")[3]

    @property
    def senders(self) -> list[int]:
        return procs.senders(self.stage.data)

    def fill(self, first: int, stop: int, kind: str = "alert") -> float:
        """Imports devices number first … stop−1; seconds. RuntimeError when one was refused."""
        procs.say(f"importing {stop - first:,} devices")
        began = time.monotonic()
        done = self.stage.import_devices(self.base, pieces(first, stop, kind, self.provider))
        if done.get("created") != stop - first:
            raise RuntimeError(f"The import made {done} of {stop - first} devices.")
        return time.monotonic() - began

    def push(self, body: dict[str, Any]) -> str:
        """Accepts a push; its id."""
        made: dict[str, Any] = self.stage.call("POST", f"{self.base}/pushes", json=body)
        return str(made["id"])

    def state(self, push: str) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.call("GET", f"{self.base}/pushes/{push}")
        return found

    def done(self, push: str, seconds: float) -> dict[str, Any]:
        """The push's state once every recipient ended. TimeoutError otherwise."""
        until = time.monotonic() + seconds
        while (state := self.state(push))["state"] != "done":
            if time.monotonic() > until:
                raise TimeoutError(f"After {seconds:g} s push {push} is still {state}.")
            time.sleep(POLL)
        return state

    def script(self, *rules: dict[str, Any]) -> None:
        """What the simulator does wrong from now on."""
        self.stage.control("POST", "/script", content=json.dumps({"rules": rules}).encode())

    def skip_log(self) -> None:
        """What the log holds so far is of no interest any more."""
        self.stage.control("POST", "/flush")
        self.at = self.stage.frames.stat().st_size


@dataclass(frozen=True, slots=True)
class Run:
    """One fan-out: seconds from the 202 to the last frame in the simulator's log; CPU of the senders meanwhile."""

    seconds: float
    frames: int
    cpu_s: float
    peak_mb: float
    state: dict[str, Any]

    @property
    def per_s(self) -> float:
        return self.frames / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / max(1, self.frames) * 1e6


def fan_out(house: House, body: dict[str, Any], devices: int) -> Run:
    """Pushes to all, waits until it is recorded as done, and reads the simulator's log."""
    house.skip_log()
    pids = house.senders
    procs.forget_peak(pids)
    cpu = procs.cpu_seconds(pids)
    push = house.push(body)
    accepted_ns = time.monotonic_ns()
    state = house.done(push, 60 + devices * SECONDS_PER_MILLION / 1e6)
    spent = procs.cpu_seconds(pids) - cpu
    house.stage.control("POST", "/flush")
    # In FCM's log a name stands for message and recipient; this push is the only one since `skip_log`.
    frames, last = counted(house, bytes.fromhex(push) if house.provider == "apns" else b"")
    return Run(max(1, last - accepted_ns) / 1e9, frames, spent, procs.peak_mb(pids), state)


def counted(house: House, prefix: bytes) -> tuple[int, int]:
    """Frames since `skip_log` whose apns-id begins so, and the monotonic ns of the last one."""
    frames, last = 0, 0
    for kind, _, _, ns, payload in blocks(house.stage.frames, house.at):
        if kind is Kind.IDS:
            found = sum(payload.startswith(prefix, at) for at in range(0, len(payload), 16))
            frames, last = frames + found, max(last, ns) if found else last
        elif kind is Kind.RECORDS:
            times = [row[0] for row in RECORD.iter_unpack(payload) if row[3].startswith(prefix)]
            frames, last = frames + len(times), max([last, *times])
    return frames, last


def later_than(house: House, ns: int) -> int:
    """Header frames since `skip_log` that were parsed after this moment, whether their request ended or not."""
    late = 0
    for kind, event, _, stamp, payload in blocks(house.stage.frames, house.at):
        if kind is Kind.EVENT:
            late += event == Event.UNFINISHED and stamp > ns
        elif kind is Kind.IDS:
            late += (len(payload) >> 4) * (stamp > ns)
        else:
            late += sum(row[0] > ns for row in RECORD.iter_unpack(payload))
    return late


def counts(state: dict[str, Any]) -> dict[str, int]:
    """How many recipients ended, by fate."""
    return {str(fate): int(state[fate]) for fate in Fate}


def pieces(first: int, stop: int, kind: str = "alert", provider: str = "apns") -> Iterator[bytes]:
    """Devices as NDJSON, many lines a piece so that reading them costs the importer little."""
    for lo in range(first, stop, LINES):
        numbers = range(lo, min(stop, lo + LINES))
        yield b"".join(device_line(number, kind=kind, provider=provider) for number in numbers)


@contextmanager
def open_house(wanted: Wanted, log_mode: str = "counting") -> Iterator[House]:
    """A whole Pushwarden with an app, in a folder of its own that goes afterwards. NotMeasured without its store."""
    with temporary("pwbench-") as folder, store_of(wanted.store, folder / "store") as store:
        environ = {"PUSHWARDEN_BULK_SENDERS": str(max(1, wanted.senders)), "PUSHWARDEN_LOG_LEVEL": "warning", **store}
        environ["PUSHWARDEN_FCM_QUOTA"] = "0"  # the simulator has none, and the sender's rate is what is asked
        with Stage(folder, environ, log_mode, providers=(wanted.provider,)) as stage:
            yield House(stage, stage.make_app())
