"""kill -9 of processes at random moments of fan-outs; the counts are taken from the simulator's own log."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushwarden.bench.house import House, counts
from pushwarden.simulators.log import read
from pushwarden.wiring.stage import Stage

PATIENCE = 180.0
ALERT = {"to": {"all": True}, "type": "alert", "title": "Hello", "ttl": 86_400}
SILENT = {"to": {"all": True}, "type": "background", "data": {"n": 1}}


@dataclass(slots=True)
class Round:
    """One fan-out and the kills during it."""

    body: dict[str, Any]
    push: str = ""
    killed: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def sender_kills(self) -> int:
        """Kills that could lose what a sender knew: its own, and the supervisor's, whose children die with it."""
        return sum(name.startswith("sender-bulk") or name == "supervisor" for name in self.killed)


def supervisor(stage: Stage) -> int:
    return int((stage.data / "lock").read_text())


def children(stage: Stage) -> dict[str, int]:
    """Role → pid of the supervisor's living children."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == supervisor(stage) and "--role" in words:
                found[words[words.index("--role") + 1]] = int(folder.name)
    return found


def kill(stage: Stage, name: str) -> bool:
    """kill -9; False when it is not running just now. A killed supervisor is started again, as systemd would."""
    if name == "supervisor":
        pid = supervisor(stage)
        os.kill(pid, signal.SIGKILL)
        gone(pid)
        stage.start_pushwarden()
        return True
    pid = children(stage).get(name, 0)
    if pid:
        os.kill(pid, signal.SIGKILL)
    return bool(pid)


def gone(pid: int, seconds: float = 10.0) -> None:
    """Waits until the process has ended (a zombie has); TimeoutError otherwise."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.01)
    raise TimeoutError(f"Process {pid} has not ended in {seconds:g} s.")


def patient(house: House, path: str, **options: Any) -> Any:
    """Calls the API until it answers, for as long as a killed api takes to come back."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return house.stage.call("POST" if options else "GET", path, **options)
        except OSError:
            last = "it does not listen"
        except Exception as error:
            last = str(error)
        if time.monotonic() > until:
            raise TimeoutError(f"The API did not answer for {PATIENCE:g} s: {last}")
        time.sleep(0.05)
        house.stage.url = url(house.stage) or house.stage.url


def url(stage: Stage) -> str:
    """Where the api listens now; empty while it does not say."""
    import json

    try:
        said = json.loads((stage.data / "run" / "api.json").read_text())
    except (OSError, ValueError):
        return ""
    return f"http://{said['host']}:{said['port']}"


def play(house: House, body: dict[str, Any], kills: int, chance: random.Random, among: tuple[str, ...]) -> Round:
    """One fan-out with so many kills at random points of it; waits until it is done. TimeoutError when it hangs."""
    done = Round(body)
    house.skip_log()
    first = requests(house)
    done.push = patient(house, f"{house.base}/pushes", json=body)["id"]
    path = f"{house.base}/pushes/{done.push}"
    devices = patient(house, path)["estimated"]
    for point in sorted(chance.uniform(0.0, 0.95) for _ in range(kills)):
        if not reached(house, path, first + int(point * devices)):
            break
        name = chance.choice(among)
        if kill(house.stage, name):
            done.killed.append(name)
    until = time.monotonic() + PATIENCE
    while (state := patient(house, path))["state"] != "done":
        if time.monotonic() > until:
            raise TimeoutError(f"After {PATIENCE:g} s: {state}, killed {done.killed}")
        time.sleep(0.1)
    done.state = state
    return done


def requests(house: House) -> int:
    return int(house.stage.control("GET", "/counts")["requests"])


def reached(house: House, path: str, wanted: int) -> bool:
    """Waits until the simulator has read so many requests; False when the push has ended before, or nothing moves."""
    until = time.monotonic() + PATIENCE
    looked = time.monotonic()
    while requests(house) < wanted:
        time.sleep(0.005)
        if time.monotonic() - looked > 0.5:
            looked = time.monotonic()
            if looked > until or patient(house, path)["state"] == "done":
                return False
    return True


@dataclass(frozen=True, slots=True)
class Judged:
    """What the log says of one round. doubled: frames beyond the first of a recipient; lost: recipients of an alert
    without an accepted frame, or of a silent push with neither a frame nor an `unknown`."""

    frames: int
    distinct: int
    doubled: int
    lost: int
    unknown: int
    conserved: bool


def judge(house: House, done: Round, devices: int) -> Judged:
    """Counts by apns-id. Call it when nothing is under way."""
    house.stage.control("POST", "/flush")
    prefix = bytes.fromhex(done.push)
    seen: Counter[bytes] = Counter(f.apns_id for f in read(house.stage.frames, house.at) if f.apns_id[:10] == prefix)
    ended = counts(done.state)
    planned = done.state["planned"]
    missing = devices - len(seen)
    return Judged(
        frames=seen.total(),
        distinct=len(seen),
        doubled=seen.total() - len(seen),
        lost=max(0, missing - ended["unknown"]),
        unknown=ended["unknown"],
        conserved=planned == devices == sum(ended.values())
        and not done.state["pending"]
        and not done.state["in_flight"],
    )
