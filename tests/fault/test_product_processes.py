"""Processes of the whole product that end, freeze, or find a database locked. The oracle is the simulator's log."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from product_fixtures import (
    SLOW,
    ask,
    close_stage,
    conserved,
    ended,
    fleet,
    frames,
    open_stage,
    pid_of,
    script,
    send,
    times_seen,
    under_way,
    until,
)
from pushwarden.simulators import log
from pushwarden.wiring.stage import Stage
from stops_fixtures import locked

pytestmark = SLOW
FLEET = 8000
ROLES = ("api", "sender-urgent", "sender-normal", "sender-bulk-0", "chores")


@pytest.fixture(scope="module")
def restless() -> Iterator[Stage]:
    stage = open_stage(environ={"PUSHWARDEN_BULK_SENDERS": "1"})
    yield stage
    close_stage(stage)


@pytest.fixture(autouse=True)
def mended(restless: Stage) -> Iterator[None]:
    """Whatever a test broke: all roles stand again afterwards, and the simulator behaves."""
    yield
    restless.control("POST", "/script", json={"rules": []})
    until(restless._answers, "an api that answers")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def restart(stage: Stage, number: signal.Signals) -> int:
    """Ends the supervisor, waits until its children are gone, starts it again; the exit code."""
    pids = [pid_of(stage, role) for role in ROLES]
    code = stage.stop_pushwarden(stage._children[-1], number)
    until(lambda: not any(alive(pid) for pid in pids), "the end of all children")
    stage.start_pushwarden()
    return code


def slow_fan_out(stage: Stage, app: str, **fields: Any) -> tuple[str, str]:
    """Base and push of a silent fan-out that is under way; the simulator answers slowly until the script ends."""
    base = stage.make_app(app)
    fleet(stage, base, FLEET)
    stage.control("POST", "/script", json={"rules": [{"do": "delay", "ms": 100}]})
    push = send(stage, base, {"all": True}, **fields)
    under_way(stage, base, push)
    return base, push


def test_a_restart_in_mid_fan_out_loses_doubles_and_forgets_nothing(restless: Stage) -> None:
    stage = restless
    base = stage.make_app("term")
    fleet(stage, base, FLEET)
    quiet = stage.make_app("term-stopped")
    fleet(stage, quiet, 3)
    stage.call("POST", "/v1/stop", json={"app": "term-stopped", "reason": "before the restart"})
    held = send(stage, quiet, {"all": True}, when_stopped="hold")
    body, named = {"to": {"all": True}, "type": "background"}, {"idempotency-key": "once"}
    with script(stage, {"do": "delay", "ms": 100}):
        push = stage.call("POST", f"{base}/pushes", json=body, headers=named)["id"]
        under_way(stage, base, push)
        assert restart(stage, signal.SIGTERM) == 0
    again = stage.call("POST", f"{base}/pushes", json=body, headers=named)
    assert (again["id"], again["replayed"]) == (push, True)
    other = ask(stage, "POST", f"{base}/pushes", json=body | {"data": {"n": 2}}, headers=named)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    state = stage.settled(base, push)
    assert ended(state) == {"accepted": FLEET}
    assert times_seen(stage, push) == dict.fromkeys(range(FLEET), 1)
    (standing,) = stage.call("GET", "/v1/stop")["stops"]
    assert (standing["app"], standing["reason"]) == ("term-stopped", "before the restart")
    assert frames(stage, held) == []
    stage.call("POST", "/v1/resume", json={"app": "term-stopped", "held": "release"})
    assert ended(stage.settled(quiet, held)) == {"accepted": 3}


def test_a_killed_supervisor_takes_its_children_along_and_a_stop_outlives_them_all(restless: Stage) -> None:
    stage = restless
    base, push = slow_fan_out(stage, "killed")
    receipt = stage.call("POST", "/v1/stop", json={"app": "killed", "reason": "crash loop"})
    replied = time.monotonic_ns()
    assert receipt["drained"]
    restart(stage, signal.SIGKILL)
    other = stage.make_app("killed-other")
    fleet(stage, other, 2)
    assert ended(stage.settled(other, send(stage, other, {"all": True}))) == {"accepted": 2}
    (standing,) = stage.call("GET", "/v1/stop")["stops"]
    assert (standing["app"], standing["reason"]) == ("killed", "crash loop")
    refused = ask(stage, "POST", f"{base}/pushes", json={"to": {"all": True}, "title": "x"})
    assert refused.json()["code"] == "stopped"
    assert not [frame for frame in frames(stage, push) if frame.ns > replied]
    stage.control("POST", "/script", json={"rules": []})
    stage.call("POST", "/v1/resume", json={"app": "killed", "held": "release"})
    state = stage.settled(base, push)
    seen = times_seen(stage, push)
    assert conserved(state)
    assert set(ended(state)) <= {"accepted", "unknown"}
    assert sum(ended(state).values()) == FLEET
    assert set(seen.values()) == {1}
    assert state["accepted"] <= len(seen) <= FLEET


def test_a_second_supervisor_is_refused_with_a_sentence(restless: Stage) -> None:
    environ = os.environ | {"PUSHWARDEN_DATA": str(restless.data), "PUSHWARDEN_LISTEN_PORT": "0"}
    command = [sys.executable, "-m", "pushwarden.cli.main", "serve"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"already runs on {restless.data}" in done.stdout + done.stderr
    assert restless.call("GET", "/v1/apps") is not None


def test_the_senders_go_on_while_the_api_is_gone(restless: Stage) -> None:
    stage = restless
    senders = [pid_of(stage, role) for role in ("sender-urgent", "sender-normal", "sender-bulk-0")]
    base, push = slow_fan_out(stage, "apidies")
    os.kill(pid_of(stage, "api"), signal.SIGKILL)
    before = len(frames(stage, push))
    until(lambda: len(frames(stage, push)) > before, "frames without an api")
    until(stage._answers, "the api again")
    state = stage.settled(base, push)
    assert ended(state) == {"accepted": FLEET}
    assert times_seen(stage, push) == dict.fromkeys(range(FLEET), 1)
    assert senders == [pid_of(stage, role) for role in ("sender-urgent", "sender-normal", "sender-bulk-0")]


def test_a_frozen_sender_is_killed_by_the_stop_and_its_successor_sends_nothing(restless: Stage) -> None:
    stage = restless
    base, push = slow_fan_out(stage, "frozen")
    frozen = pid_of(stage, "sender-bulk-0")
    os.kill(frozen, signal.SIGSTOP)
    receipt = stage.call("POST", "/v1/stop", json={"app": "frozen"})
    bulk = next(one for one in receipt["senders"] if one["sender"] == "sender-bulk-0")
    assert (bulk["confirmation"], bulk["killed"], receipt["drained"]) == ("fenced", True, False)
    until(lambda: not alive(frozen), "the end of the frozen sender")
    stage.control("POST", "/script", json={"rules": []})
    until(lambda: pid_of(stage, "sender-bulk-0") != frozen, "its successor")
    other = stage.make_app("frozen-other")
    fleet(stage, other, 2)
    assert ended(stage.settled(other, send(stage, other, {"all": True}))) == {"accepted": 2}
    named = len(frames(stage, push))
    for _ in range(3):
        assert ended(stage.settled(other, send(stage, other, {"all": True}))) == {"accepted": 2}
    assert len(frames(stage, push)) == named
    stage.call("POST", "/v1/resume", json={"app": "frozen", "held": "release"})
    state = stage.settled(base, push)
    assert conserved(state)
    assert sum(ended(state).values()) == FLEET
    assert set(ended(state)) <= {"accepted", "unknown"}
    assert state["unknown"] <= bulk["named"]
    assert set(times_seen(stage, push).values()) == {1}


def test_raw_tokens_of_a_held_lane_are_entered_on_apply_though_every_sender_was_killed(restless: Stage) -> None:
    base = restless.make_app("raw-held")
    tokens = [f"{0x4E1D << 128 | number:064x}" for number in range(200)]
    dead = {token: {"state": "unregistered", "timestamp_ms": 1_700_000_000_000} for token in tokens[:60]}
    restless.control("POST", "/tokens", json={"tokens": dead})
    restless.settled(base, send(restless, base, {"tokens": tokens}, "alert", title="Hi"))

    def raw_hold() -> Any:
        found = restless.call("GET", "/v1/holds", params={"open": "true"})["holds"]
        return next((hold for hold in found if "/raw-held/" in hold["lane"]), None)

    hold = until(raw_hold, "the hold")
    assert not [token for token in tokens if token in str([hold, restless.call("GET", f"/v1/holds/{hold['id']}")])]
    log_file = restless.folder / "log"
    started = log_file.read_text().count('"sending"')
    for role in ("sender-urgent", "sender-bulk-0"):
        os.kill(pid_of(restless, role), signal.SIGKILL)
    until(lambda: log_file.read_text().count('"sending"') >= started + 2, "two new senders")
    assert restless.call("GET", f"{base}/invalidations")["invalidations"] == []
    released = restless.call("POST", f"/v1/holds/{hold['id']}/release", json={"verdict": "apply"})
    assert not [token for token in tokens if token in str(released)]
    path = f"{base}/invalidations"
    until(lambda: len(restless.call("GET", path)["invalidations"]) >= len(dead), "the invalidations")
    assert {entry["token"] for entry in restless.call("GET", path)["invalidations"]} == set(dead)


def test_a_frozen_sender_that_nobody_stops_is_replaced_even_if_it_holds_the_journal(restless: Stage) -> None:
    stage = restless
    base, push = slow_fan_out(stage, "silent")
    frozen = pid_of(stage, "sender-bulk-0")
    os.kill(frozen, signal.SIGSTOP)
    stage.control("POST", "/script", json={"rules": []})
    until(lambda: not alive(frozen), "the end of the frozen sender")
    state = stage.settled(base, push)
    assert conserved(state)
    assert sum(ended(state).values()) == FLEET
    assert set(ended(state)) <= {"accepted", "unknown"}
    assert set(times_seen(stage, push).values()) == {1}


@pytest.mark.parametrize("name", ["control.db", "journal.db"])
def test_a_stop_needs_no_database(restless: Stage, name: str) -> None:
    stage, app = restless, f"locked-{name.removesuffix('.db')}"
    base, push = slow_fan_out(stage, app)
    with locked(stage.data / name):
        receipt = stage.call("POST", "/v1/stop", json={"app": app, "reason": "locked"})
        replied = time.monotonic_ns()
        assert receipt["drained"]
        refused = ask(stage, "POST", f"{base}/pushes", json={"to": {"all": True}, "title": "x"})
        assert refused.json()["code"] == "stopped"
        assert ask(stage, "POST", "/v1/resume", json={"app": app}).json()["code"] == "busy"
        assert [one["app"] for one in stage.call("GET", "/v1/stop")["stops"]] == [app]

    def recorded() -> list[Any]:
        entries = stage.call("GET", "/v1/audit", params={"action": "stop.stop", "limit": 5})["entries"]
        return [entry for entry in entries if receipt["id"] in str(entry)]

    until(recorded, "the audit entry")
    assert not [frame for frame in frames(stage, push) if frame.ns > replied]
    stage.control("POST", "/script", json={"rules": []})
    stage.call("POST", "/v1/resume", json={"app": app, "held": "release"})
    state = stage.settled(base, push)
    assert ended(state) == {"accepted": FLEET}
    assert times_seen(stage, push) == dict.fromkeys(range(FLEET), 1)


def test_a_simulator_that_vanishes_and_comes_back_costs_unknowns_and_no_doubles(restless: Stage) -> None:
    stage = restless
    base, push = slow_fan_out(stage, "vanish")
    seat = next(at for at, child in enumerate(stage._children) if child.pid == stage.simulator["pid"])
    simulator = stage._children[seat]
    simulator.send_signal(signal.SIGTERM)
    simulator.wait(20)
    earlier = stage.folder / "apns-earlier.log"
    shutil.move(stage.frames, earlier)
    until(lambda: "trouble" in _effective(stage, base), "the trouble in `effective`")
    ready = stage.folder / "apns.ready"
    ready.unlink()
    ports = ("--port", stage.simulator["port"], "--control-port", stage.simulator["control_port"])
    stage._children[seat] = subprocess.Popen(
        [sys.executable, "-m", "pushwarden.simulators.apns", "--any-key", "--log-mode", "full", *map(str, ports),
         "--log", str(stage.frames), "--cert-dir", str(stage.folder / "certificates"), "--ready-file", str(ready)]
    )  # fmt: skip
    until(ready.exists, "the simulator again")
    stage.simulator["pid"] = stage._children[seat].pid
    state = stage.settled(base, push)
    seen = times_seen(stage, push)
    prefix = bytes.fromhex(push)
    seen += Counter(
        int.from_bytes(frame.apns_id[10:], "big") for frame in log.read(earlier) if frame.apns_id.startswith(prefix)
    )
    assert conserved(state)
    assert set(ended(state)) <= {"accepted", "unknown"}
    assert sum(ended(state).values()) == FLEET
    assert not {seq: count for seq, count in seen.items() if count > 1}
    assert state["accepted"] <= len(seen)
    assert state["unknown"] < FLEET / 2


def test_a_locked_journal_delays_a_fan_out_and_refuses_new_pushes_for_a_while(restless: Stage) -> None:
    stage = restless
    base, push = slow_fan_out(stage, "busy")
    body = {"to": {"user": "user-1"}, "type": "background"}
    with locked(stage.data / "journal.db"):
        stage.control("POST", "/script", json={"rules": []})
        refused = ask(stage, "POST", f"{base}/pushes", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert refused.headers["retry-after"].isdigit()
    state = stage.settled(base, push)
    assert ended(state) == {"accepted": FLEET}
    assert times_seen(stage, push) == dict.fromkeys(range(FLEET), 1)
    assert ended(stage.settled(base, send(stage, base, {"user": "user-1"}))) == {"accepted": 1}


def test_a_locked_device_store_refuses_registrations_and_withdraws_nobody(restless: Stage) -> None:
    stage = restless
    base, push = slow_fan_out(stage, "devicesbusy")
    with locked(stage.data / "devices.db"):
        stage.control("POST", "/script", json={"rules": []})
        refused = ask(stage, "PUT", f"{base}/devices/new", json={"token": "abab"})
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert ended(stage.settled(base, push)) == {"accepted": FLEET}
    assert times_seen(stage, push) == dict.fromkeys(range(FLEET), 1)
    assert stage.call("PUT", f"{base}/devices/new", json={"token": "abab"})["change"] == "created"


def test_a_push_that_was_answered_outlives_the_api_process(restless: Stage) -> None:
    stage = restless
    base = stage.make_app("answered")
    fleet(stage, base, 10)
    answered: dict[str, str] = {}
    api = pid_of(stage, "api")
    killer = threading.Timer(0.3, os.kill, (api, signal.SIGKILL))
    killer.start()
    for number in range(100_000):
        key = f"key-{number}"
        body = {"to": {"user": f"user-{number % 10}"}, "type": "background"}
        try:
            answer = ask(stage, "POST", f"{base}/pushes", json=body, headers={"idempotency-key": key})
        except httpx2.TransportError:
            break
        answered[key] = answer.json()["id"]
    killer.join()
    until(lambda: pid_of(stage, "api") != api and stage._answers(), "the api again")
    retried = stage.call("POST", f"{base}/pushes", json=body, headers={"idempotency-key": key})
    answered[key] = retried["id"]
    for push in answered.values():
        assert ended(stage.settled(base, push)) == {"accepted": 1}
    seen = Counter(frame.apns_id[:10].hex() for frame in frames(stage))
    assert {push: seen[push] for push in answered.values()} == dict.fromkeys(answered.values(), 1)


def test_a_provider_whose_clock_is_hours_ahead_loses_nothing(restless: Stage) -> None:
    stage = restless
    base = stage.make_app("clock")
    fleet(stage, base, 50)
    stage.control("POST", "/clock", json={"advance_s": 7200})
    try:
        push = send(stage, base, {"all": True})
        until(lambda: _effective(stage, base), "the trouble in `effective`")
        assert stage.call("GET", f"{base}/pushes/{push}")["state"] != "done"
    finally:
        stage.control("POST", "/clock", json={"advance_s": -7200})
    state = stage.settled(base, push)
    assert ended(state) == {"accepted": 50}


def _effective(stage: Stage, base: str) -> str:
    senders = stage.call("GET", f"{base}/effective")["senders"]
    return "trouble" if any(sender["troubles"] for sender in senders) else ""
