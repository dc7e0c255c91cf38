"""Callbacks of the whole product: a receiver that is down, chores that are killed, and nothing is lost or mixed up."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from callback_fixtures import ALLOWED, Receiver, verified
from product_fixtures import SLOW, ask, close_stage, open_stage, pid_of, send, until
from pushwarden.wiring.stage import Stage

pytestmark = SLOW


def raw(number: int) -> str:
    return f"{0xCA11 << 128 | number:064x}"


def deliveries(stage: Stage, path: str) -> list[dict[str, Any]]:
    return list(stage.call("GET", f"{path}/deliveries")["deliveries"])


def test_a_receiver_that_was_down_hears_everything_afterwards_though_chores_were_killed(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path)
    environ = {"PUSHWARDEN_CALLBACKS_ALLOW": ALLOWED, "PUSHWARDEN_CALLBACKS_CA": str(receiver.certificates.ca)}
    stage = open_stage(environ=environ)
    try:
        base = stage.make_app("told")
        with receiver.up():
            made = stage.call("POST", "/v1/apps/told/callbacks", json={"url": receiver.url})
            path = f"/v1/apps/told/callbacks/{made['callback']['id']}"
            assert made["secret"].startswith("whsec_") and "secret" not in stage.call("GET", path)
            test = stage.call("POST", f"{path}/test")["message"]
            until(lambda: [one for one in deliveries(stage, path) if one["message"] == test], "the test event")
            assert verified(made["secret"], receiver.heard[0], now_s=int(time.time()))
            assert stage.call("GET", "/v1/apps/told")["callbacks"] == [receiver.url]
        dead = [raw(number) for number in range(0, 400, 20)]
        state = {"state": "unregistered", "timestamp_ms": 1_700_000_000_000}
        stage.control("POST", "/tokens", json={"tokens": {token: state for token in dead}})
        pushes = [
            send(stage, base, {"tokens": [raw(number) for number in range(first, first + 100)]}, "alert", title="Hi")
            for first in range(0, 400, 100)
        ]
        for push in pushes:
            stage.settled(base, push)
        refused = until(lambda: [one for one in deliveries(stage, path) if one["status"] == 0], "a failed try")
        assert "cannot be reached" in refused[0]["error"]
        os.kill(pid_of(stage, "chores"), signal.SIGKILL)
        with receiver.up():
            until(lambda: ask(stage, "POST", f"{path}/retry").status_code in (200, 409), "a retry")
            until(lambda: len(receiver.taken("push.finished")) >= len(pushes), "every push")
            until(lambda: len(receiver.taken("push.failures")) >= len(dead), "every failure")
            until(lambda: len(receiver.taken("device.invalidated")) >= len(dead), "every dead token")
            assert sorted(item["push"] for item in receiver.taken("push.finished")) == sorted(pushes)
            assert sorted(item["token"] for item in receiver.taken("push.failures")) == sorted(dead)
            assert sorted(item["token"] for item in receiver.taken("device.invalidated")) == sorted(dead)
            assert sum(item["refused"] for item in receiver.taken("push.finished")) == len(dead)
            assert all(verified(made["secret"], one, now_s=int(time.time())) for one in receiver.heard)
    finally:
        close_stage(stage)
