"""Stop and resume on the whole product: every scope, held pushes, and what becomes of them."""

from __future__ import annotations

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
