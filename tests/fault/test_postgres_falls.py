"""PostgreSQL killed under the whole product: nothing is lost, and a stop needs it no more than it needs a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

import killing
import postgres_server
from product_fixtures import (
    SLOW,
    ask,
    close_stage,
    conserved,
    ended,
    fleet,
    frames,
    open_stage,
    send,
    times_seen,
    under_way,
    until,
)
from pushwarden.core.scope import Scope
from pushwarden.settings import Settings
from pushwarden.wiring.halt import halt
from pushwarden.wiring.local_postgres import LocalPostgres
from pushwarden.wiring.stage import Stage

pytestmark = SLOW
FLEET = 8000


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgres]:
    own = postgres_server.own_server()
    yield own
    own.stop()


@pytest.fixture(scope="module")
def stage(server: LocalPostgres) -> Iterator[Stage]:
    environ = {"PUSHWARDEN_STORE": postgres_server.database_of(server), "PUSHWARDEN_BULK_SENDERS": "1"}
    opened = open_stage(environ=environ)
    yield opened
    close_stage(opened)


@pytest.fixture(autouse=True)
def mended(stage: Stage, server: LocalPostgres) -> Iterator[None]:
    """Whatever a test broke stands again afterwards."""
    yield
    if not server.pid:
        server.start()
    stage.control("POST", "/script", json={"rules": []})
    until(stage._answers, "an api that answers")


def slow_fan_out(stage: Stage, app: str, **fields: Any) -> tuple[str, str]:
    """Base and push of a fan-out that is under way; the simulator answers slowly until the script ends."""
    base = stage.make_app(app)
    fleet(stage, base, FLEET)
    stage.control("POST", "/script", json={"rules": [{"do": "delay", "ms": 100}]})
    push = send(stage, base, {"all": True}, **fields)
    under_way(stage, base, push)
    return base, push


def settled(stage: Stage, base: str, push: str) -> dict[str, Any]:
    """The push's state once it is done, however often the api is `busy` meanwhile."""

    def done() -> Any:
        answer = ask(stage, "GET", f"{base}/pushes/{push}")
        return answer.json() if answer.status_code == 200 and answer.json()["state"] == "done" else None

    return dict(until(done, "the end of the push", 90))


@pytest.mark.parametrize("kind", ["alert", "background"])
def test_a_killed_server_in_mid_fan_out_loses_no_recipient(stage: Stage, server: LocalPostgres, kind: str) -> None:
    words = {"title": "Hello"} if kind == "alert" else {}
    base, push = slow_fan_out(stage, f"killed-{kind}", kind=kind, **words)
    server.stop(signal.SIGKILL)
    refused = ask(stage, "POST", f"{base}/pushes", json={"to": {"all": True}, "title": "x"})
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    server.start()
    stage.control("POST", "/script", json={"rules": []})
    state = settled(stage, base, push)
    seen = times_seen(stage, push)
    assert conserved(state)
    assert sum(ended(state).values()) == FLEET
    if kind == "alert":
        assert ended(state) == {"accepted": FLEET}
        assert len(seen) == FLEET
    else:
        assert set(ended(state)) <= {"accepted", "unknown"}
        assert set(seen.values()) == {1}
        assert state["accepted"] <= len(seen) <= FLEET


@pytest.mark.parametrize("kind", ["alert", "background"])
def test_a_killed_sender_loses_no_recipient(stage: Stage, kind: str) -> None:
    words = {"title": "Hello"} if kind == "alert" else {}
    base, push = slow_fan_out(stage, f"sender-{kind}", kind=kind, **words)
    assert killing.kill(stage, "sender-bulk-0")
    state = settled(stage, base, push)
    seen = times_seen(stage, push)
    assert conserved(state)
    assert sum(ended(state).values()) == FLEET
    assert len(seen) + state["unknown"] >= FLEET
    if kind == "alert":
        assert ended(state) == {"accepted": FLEET}
    else:
        assert set(seen.values()) == {1}


@contextlib.contextmanager
def killed(server: LocalPostgres) -> Iterator[None]:
    server.stop(signal.SIGKILL)
    yield
    server.start()


@pytest.mark.parametrize("away", [killed, postgres_server.frozen])
def test_a_stop_needs_no_server(stage: Stage, server: LocalPostgres, away: Any) -> None:
    app = f"stop-{away.__name__}"
    base, push = slow_fan_out(stage, app)
    with away(server):
        receipt = stage.call("POST", "/v1/stop", json={"app": app, "reason": "the database is gone"})
        replied = time.monotonic_ns()
        assert receipt["drained"]
        assert receipt["senders"]
        standing = [one for one in stage.call("GET", "/v1/stop")["stops"] if one["app"] == app]
        assert [one["reason"] for one in standing] == ["the database is gone"]

    def recorded() -> Any:
        rows = stage.call("GET", "/v1/audit?action=stop.stop")["entries"]
        return [row for row in rows if row["target"] == receipt["id"]]

    until(lambda: ask(stage, "GET", "/v1/audit").status_code == 200 and recorded(), "the stop's audit row")
    assert not [frame for frame in frames(stage, push) if frame.ns > replied]
    stage.control("POST", "/script", json={"rules": []})
    stage.call("POST", "/v1/resume", json={"app": app, "held": "release"})
    state = settled(stage, base, push)
    assert conserved(state)
    assert sum(ended(state).values()) == FLEET
    assert set(times_seen(stage, push).values()) == {1}


def test_the_command_lines_stop_needs_neither_api_nor_server(stage: Stage, server: LocalPostgres) -> None:
    _, push = slow_fan_out(stage, "halted")
    settings = Settings.model_validate({"data": stage.data, "store": stage.environ["PUSHWARDEN_STORE"]})
    server.stop(signal.SIGKILL)
    os.kill(killing.children(stage)["api"], signal.SIGKILL)
    receipt = asyncio.run(halt(settings, Scope("default", "halted"), "all is lost"))
    replied = time.monotonic_ns()
    assert receipt.drained
    assert len(receipt.senders) == 3  # urgent, normal, bulk
    server.start()
    until(stage._answers, "an api that answers")
    assert not [frame for frame in frames(stage, push) if frame.ns > replied]
    standing = [one for one in stage.call("GET", "/v1/stop")["stops"] if one["app"] == "halted"]
    assert [one["reason"] for one in standing] == ["all is lost"]
    stage.call("POST", "/v1/resume", json={"app": "halted", "held": "discard"})


def test_a_push_that_was_answered_outlives_the_server(stage: Stage, server: LocalPostgres) -> None:
    base = stage.make_app("answered")
    fleet(stage, base, 50)
    named = {"idempotency-key": "once"}
    body = {"to": {"all": True}, "type": "background", "not_before": "2099-01-01T00:00:00Z", "ttl": 60}
    push = stage.call("POST", f"{base}/pushes", json=body, headers=named)["id"]
    server.stop(signal.SIGKILL)
    server.start()
    until(lambda: ask(stage, "GET", f"{base}/pushes/{push}").status_code == 200, "the push")
    again = stage.call("POST", f"{base}/pushes", json=body, headers=named)
    assert (again["id"], again["replayed"]) == (push, True)
