"""Stop and resume on the whole product: every scope, held pushes, and what becomes of them."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest

from product_fixtures import (
    SLOW,
    ask,
    calm,
    conserved,
    ended,
    fleet,
    frames,
    script,
    send,
    times_seen,
    under_way,
    until,
)
from pushwarden.core.ramp import place_of
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
pytestmark = SLOW

SCOPES: dict[str, tuple[dict[str, Any], str]] = {
    "installation": ({"installation": True}, "installation"),
    "organisation": ({}, "organisation default"),
    "app": ({"app": "scope-app"}, "app default/scope-app"),
    "environment": ({"app": "scope-environment", "environment": "simulated"}, "simulated"),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_stopped_scope_queues_nothing_unless_asked_to_hold(calm: Stage, scope: str) -> None:
    target, words = SCOPES[scope]
    base = calm.make_app(f"scope-{scope}")
    fleet(calm, base, 3)
    receipt = calm.call("POST", "/v1/stop", json=target | {"reason": "test"})
    try:
        assert receipt["drained"] is True
        assert words in receipt["scope"]
        assert {one["confirmation"] for one in receipt["senders"]} == {"drained"}
        for to in ({"all": True}, {"user": "user-1"}, {"tokens": ["ab" * 32]}):
            refused = ask(calm, "POST", f"{base}/pushes", json={"to": to, "title": "x"})
            assert (refused.status_code, refused.json()["code"]) == (409, "stopped")
        held = send(calm, base, {"all": True}, when_stopped="hold")
        assert [one["reason"] for one in standing(calm, receipt)] == ["test"]
        assert calm.call("GET", f"{base}/pushes/{held}")["state"] == "held"
        assert frames(calm, held) == []
    finally:
        calm.call("POST", "/v1/resume", json=target | {"held": "release"})
    assert ended(calm.settled(base, held)) == {"accepted": 3}
    assert standing(calm, receipt) == []


def standing(stage: Stage, receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """The stops of the receipt's scope that are in force."""
    return [one for one in stage.call("GET", "/v1/stop")["stops"] if one["scope"] == receipt["scope"]]


@pytest.mark.parametrize("held", ["keep", "release", "discard"])
def test_a_resume_decides_what_becomes_of_the_rest_of_a_fan_out(calm: Stage, held: str) -> None:
    app = f"resume-{held}"
    base = calm.make_app(app)
    fleet(calm, base, 6000)
    with script(calm, {"do": "delay", "ms": 80}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        receipt = calm.call("POST", "/v1/stop", json={"app": app})
        replied = time.monotonic_ns()
        waiting = send(calm, base, {"user": "user-1"}, when_stopped="hold")

        def settled_down() -> Any:
            state = calm.call("GET", f"{base}/pushes/{push}")
            return state if state["state"] == "held" and not state["in_flight"] else None

        at_stop = until(settled_down, "the held rest")
    assert receipt["drained"]
    assert conserved(at_stop)
    assert at_stop["pending"] > 0
    assert not [frame for frame in frames(calm, push) if frame.ns > replied]
    done = calm.call("POST", "/v1/resume", json={"app": app, "held": held})
    assert done["held"] == held
    if held == "keep":
        fresh = send(calm, base, {"user": "user-2"})
        assert ended(calm.settled(base, fresh)) == {"accepted": 1}
        for one in (push, waiting):
            assert calm.call("GET", f"{base}/pushes/{one}")["state"] == "held"
        assert len(frames(calm, push)) == at_stop["accepted"]
        calm.call("POST", "/v1/resume", json={"app": app, "held": "release"})
    state, single = calm.settled(base, push), calm.settled(base, waiting)
    assert conserved(state)
    if held == "discard":
        assert sorted(done["discarded"]) == sorted([push, waiting])
        assert ended(state) == {"accepted": at_stop["accepted"], "stopped": 6000 - at_stop["accepted"]}
        assert ended(single) == {"stopped": 1}
        assert frames(calm, waiting) == []
    else:
        assert ended(state) == {"accepted": 6000}
        assert ended(single) == {"accepted": 1}
        assert times_seen(calm, push) == dict.fromkeys(range(6000), 1)


def test_a_stop_of_one_app_leaves_another_alone(calm: Stage) -> None:
    stopped, going = calm.make_app("halted"), calm.make_app("going")
    for base in (stopped, going):
        fleet(calm, base, 2)
    calm.call("POST", "/v1/stop", json={"app": "halted"})
    push = send(calm, going, {"all": True})
    assert ended(calm.settled(going, push)) == {"accepted": 2}
    calm.call("POST", "/v1/resume", json={"app": "halted"})
    assert ask(calm, "POST", "/v1/resume", json={"app": "halted"}).status_code == 404


def test_nested_stops_are_lifted_one_by_one(calm: Stage) -> None:
    base = calm.make_app("nested")
    fleet(calm, base, 2)
    calm.call("POST", "/v1/stop", json={"app": "nested"})
    calm.call("POST", "/v1/stop", json={"app": "nested", "environment": "simulated"})
    push = send(calm, base, {"all": True}, when_stopped="hold")
    done = calm.call("POST", "/v1/resume", json={"app": "nested", "held": "release"})
    assert done["still"] == [] or all("simulated" in scope for scope in done["still"])
    assert ask(calm, "POST", f"{base}/pushes", json={"to": {"all": True}, "title": "x"}).json()["code"] == "stopped"
    other = calm.make_app("nested-other")
    fleet(calm, other, 1)
    assert ended(calm.settled(other, send(calm, other, {"all": True}))) == {"accepted": 1}
    assert frames(calm, push) == []
    calm.call("POST", "/v1/resume", json={"app": "nested", "environment": "simulated", "held": "release"})
    assert ended(calm.settled(base, push)) == {"accepted": 2}


def test_a_resume_in_steps_reaches_one_percent_first_and_everybody_once(calm: Stage) -> None:
    base = calm.make_app("ramped")
    fleet(calm, base, 3000)
    calm.settled(base, send(calm, base, {"all": True}))
    calm.call("POST", "/v1/stop", json={"app": "ramped"})
    push = send(calm, base, {"all": True}, when_stopped="hold")
    held = calm.call("GET", "/v1/stop/held", params={"app": "ramped"})
    assert (held["pushes"], held["recipients"]) == (1, 3000)
    done = calm.call("POST", "/v1/resume", json={"app": "ramped", "held": "release", "ramp": {"minutes": 60}})
    assert (done["ramp"]["step"], done["still"]) == (1, [])
    fresh = send(calm, base, {"all": True})
    single = send(calm, base, {"user": "user-1"})
    assert ended(calm.settled(base, single)) == {"accepted": 1}
    reached = {number for number in range(3000) if place_of(audience_of(calm, push), number) < 100}
    for one in (push, fresh):
        until(lambda one=one: calm.call("GET", f"{base}/pushes/{one}")["accepted"] == len(reached), "one percent")
        state = calm.call("GET", f"{base}/pushes/{one}")
        assert conserved(state)
        assert state["pending"] == 3000 - len(reached)
        assert times_seen(calm, one) == dict.fromkeys(reached, 1)
    calm.call("POST", f"/v1/ramps/{done['ramp']['id']}/skip")
    for one in (push, fresh):
        assert ended(calm.settled(base, one)) == {"accepted": 3000}
        assert times_seen(calm, one) == dict.fromkeys(range(3000), 1)
    (ramp,) = [one for one in calm.call("GET", "/v1/ramps")["ramps"] if one["id"] == done["ramp"]["id"]]
    assert (ramp["step"], ramp["refused"]) == (3, 0)


def audience_of(stage: Stage, push: str) -> int:
    """The audience the shards of a push stand in."""
    with sqlite3.connect(f"file:{stage.data}/journal.db?mode=ro", uri=True) as connection:
        ((audience,),) = connection.execute("SELECT DISTINCT audience FROM shard WHERE push = ?", (push,)).fetchall()
    connection.close()
    return int(audience)


def test_a_step_with_too_many_refusals_is_stopped_again_by_the_guard(calm: Stage) -> None:
    base = calm.make_app("guarded")
    fleet(calm, base, 4000)
    calm.settled(base, send(calm, base, {"all": True}))
    calm.call("POST", "/v1/stop", json={"app": "guarded"})
    calm.call("POST", "/v1/resume", json={"app": "guarded", "ramp": {"minutes": 60}})
    with script(calm, {"do": "refuse", "status": 413, "reason": "PayloadTooLarge"}):
        push = send(calm, base, {"all": True})
        scope = {"scope": "app default/guarded"}
        (found,) = until(lambda: [one for one in standing(calm, scope) if one["actor"]], "the guard")
    assert (found["actor"], found["held"] is None) == ("guard", False)
    assert "answers were refused (100.0%) while 1 % of the devices were sent to" in found["reason"]
    state = calm.call("GET", f"{base}/pushes/{push}")
    assert conserved(state)
    assert state["pending"] + state["refused"] == 4000
    assert state["refused"] < 100
    until(lambda: not [one for one in calm.call("GET", "/v1/ramps")["ramps"] if "guarded" in one["scope"]], "its end")
    calm.call("POST", "/v1/resume", json={"app": "guarded", "held": "discard"})
    assert calm.settled(base, push)["stopped"] == state["pending"]


def test_a_receipt_says_what_was_last_written_and_accepted_and_that_nothing_followed(calm: Stage) -> None:
    base = calm.make_app("evident")
    fleet(calm, base, 50)
    calm.settled(base, send(calm, base, {"all": True}))
    receipt = calm.call("POST", "/v1/stop", json={"app": "evident"})
    assert receipt["last_written"] <= receipt["last_accepted"] <= receipt["stopped_at"]
    assert sum(one["connections"] for one in receipt["senders"]) >= 1
    assert (receipt["named"], {one["cut"] for one in receipt["senders"]}) == (0, {0})
    (found,) = until(lambda: [one for one in standing(calm, receipt) if one["sent_since"] is not None], "its count")
    assert found["sent_since"] == 0
    calm.call("POST", "/v1/resume", json={"app": "evident"})
