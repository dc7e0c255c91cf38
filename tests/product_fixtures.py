"""A whole running Pushwarden for tests: one for each worker, with small helpers. The oracle is the simulator's log."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pushwarden.simulators import log
from pushwarden.wiring import stage as stages
from pushwarden.wiring.stage import Stage, device_line

PATIENCE = 60.0
stages.START_SECONDS = stages.SETTLE_SECONDS = 150.0  # a machine that runs many tests at once is slow at everything
SLOW = pytest.mark.timeout(300)
"""For modules whose first test starts a stage."""
_shared: dict[str, Stage] = {}


@pytest.fixture
def calm(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The worker's own stage that no test breaks; each makes its own app. Faults of the simulator end with the test."""
    if "calm" not in _shared:
        stage = _shared["calm"] = open_stage()
        request.config.add_cleanup(lambda: close_stage(stage))
    yield _shared["calm"]
    _shared["calm"].control("POST", "/script", content=b'{"rules":[]}')


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> Stage:
    """The worker's `pushwarden serve` with simulators of its own and nothing else; each test makes its own app."""
    if "alone" not in _shared:
        stage = _shared["alone"] = open_stage(providers=())
        request.config.add_cleanup(lambda: close_stage(stage))
    return _shared["alone"]


def open_stage(**options: Any) -> Stage:
    """Started, with a full frame log, in a folder with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="pwt-", dir="/tmp"))
    try:
        return Stage(folder, **{"log_mode": "full", **options}).__enter__()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def close_stage(stage: Stage) -> None:
    stage.close()
    shutil.rmtree(stage.folder, ignore_errors=True)


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What `true` gives once it gives something; asked every few milliseconds."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what} did not come within {seconds:g} s"
        time.sleep(0.01)
    return found


def ask(stage: Stage, method: str, path: str, key: str | None = None, **options: Any) -> httpx2.Response:
    """The answer, whatever it is. key: another one than the administrator's; empty for none."""
    own = stage.key if key is None else key
    headers = ({"authorization": f"Bearer {own}"} if own else {}) | options.pop("headers", {})
    return stage.client.request(method, stage.url + path, headers=headers, **options)


def send(stage: Stage, base: str, to: Any, kind: str = "background", **fields: Any) -> str:
    """An accepted push's id."""
    return str(stage.call("POST", f"{base}/pushes", json={"to": to, "type": kind, **fields})["id"])


def fleet(stage: Stage, base: str, count: int, first: int = 0) -> None:
    """Imports so many devices of `device_line`."""
    report = stage.import_devices(base, (device_line(number) for number in range(first, first + count)))
    assert report["created"] == count


def device(stage: Stage, base: str, name: str, token: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = stage.call("PUT", f"{base}/devices/{name}", json={"token": token, **fields})
    return made


def frames(stage: Stage, push: str = "", start: int = 0) -> list[log.Frame]:
    """What the simulator read of a push, or of all, in order."""
    stage.control("POST", "/flush")
    prefix = bytes.fromhex(push)
    return [frame for frame in log.read(stage.frames, start) if frame.apns_id.startswith(prefix)]


def times_seen(stage: Stage, push: str) -> Counter[int]:
    """Device number → how often the simulator read this push for it."""
    return Counter(int.from_bytes(frame.apns_id[10:], "big") for frame in frames(stage, push))


@contextlib.contextmanager
def script(stage: Stage, *rules: dict[str, Any]) -> Iterator[None]:
    """The simulator misbehaves so for a while."""
    stage.control("POST", "/script", json={"seed": 7, "rules": rules})
    yield
    stage.control("POST", "/script", json={"rules": []})


def ended(state: dict[str, Any]) -> dict[str, int]:
    """The fates that are not zero."""
    fates = ("accepted", "refused", "unknown", "expired", "stopped", "withdrawn")
    return {fate: state[fate] for fate in fates if state[fate]}


def conserved(state: dict[str, Any]) -> bool:
    return state["planned"] == state["pending"] + state["in_flight"] + sum(ended(state).values())


def under_way(stage: Stage, base: str, push: str, least: int = 200) -> None:
    """Waits until so many recipients have ended and the push has not."""

    def enough() -> bool:
        state = stage.call("GET", f"{base}/pushes/{push}")
        assert state["state"] != "done", "the fan-out was over before the test came; slow the simulator down"
        return sum(ended(state).values()) >= least

    until(enough, f"{least} recipients")


def pid_of(stage: Stage, role: str) -> int:
    """The newest process of a role, by the supervisor's own log."""
    found = 0
    for line in (stage.folder / "log").read_text().splitlines():
        if '"started"' in line:
            said = json.loads(line)
            found = said["pid"] if said.get("role") == role else found
    return found


def key_of(stage: Stage, kind: str, **where: Any) -> str:
    """A fresh key's text."""
    name = where.pop("name", kind)
    return str(stage.call("POST", "/v1/keys", json={"name": name, "kind": kind, **where})["key"])
