"""Raw tokens through the whole product: no device row is left, and the dead ones are known exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from product_fixtures import SLOW, ask, calm, send, until
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
pytestmark = SLOW

COUNT, PAGE = 10_000, 1000


def raw(number: int) -> str:
    return f"{0xDEAD << 128 | number:064x}"


def listed(stage: Stage, base: str, **query: Any) -> list[dict[str, Any]]:
    found, since = [], ""
    while True:
        page = stage.call("GET", f"{base}/invalidations", params=query | ({"since": since} if since else {}))
        found += page["invalidations"]
        since = page["next"]
        if not page["more"]:
            return found


def mark(stage: Stage, tokens: Iterable[str], **state: Any) -> None:
    stage.control("POST", "/tokens", json={"tokens": {token: state for token in tokens}})


def test_ten_thousand_raw_tokens_leave_no_device_and_exactly_the_dead_are_listed(calm: Stage) -> None:
    base = calm.make_app("stranger")
    dead = {raw(number) for number in range(0, COUNT, 20)}
    mark(calm, dead, state="unregistered", timestamp_ms=1_700_000_000_000)
    pushes = [
        send(calm, base, {"tokens": [raw(number) for number in range(first, first + PAGE)]}, title="Hi", kind="alert")
        for first in range(0, COUNT, PAGE)
    ]
    states = [calm.settled(base, push) for push in pushes]
    assert sum(state["refused"] for state in states) == len(dead)
    assert sum(state["accepted"] for state in states) == COUNT - len(dead)
    until(lambda: len(listed(calm, base, limit=100)) >= len(dead), "every dead token")
    entries = listed(calm, base, limit=100)
    assert sorted(entry["token"] for entry in entries) == sorted(dead)
    assert {(entry["installation_id"], entry["state"]) for entry in entries} == {("", "gone")}
    assert {entry["push"] for entry in entries} == set(pushes)
    failures = [calm.call("GET", f"{base}/pushes/{push}/failures")["failures"] for push in pushes]
    assert sorted(failure["token"] for page in failures for failure in page) == sorted(dead)
    exported = ask(calm, "GET", f"{base}/devices/export")
    assert (exported.status_code, exported.text) == (200, "")


@pytest.mark.parametrize("verdict", ["discard", "apply"])
def test_a_wrong_environment_makes_no_backend_delete_its_tokens_until_a_person_says_so(
    calm: Stage, verdict: str
) -> None:
    base = calm.make_app(f"astray-{verdict}")
    tokens = [raw(2 * COUNT + number) for number in range(500)]
    mark(calm, tokens, state="wrong-env")
    send(calm, base, {"tokens": tokens}, title="Hi", kind="alert")

    def held() -> Any:
        holds = calm.call("GET", "/v1/holds?open=true")["holds"]
        return next((hold for hold in holds if f"/astray-{verdict}/" in hold["lane"]), None)

    hold = until(held, "a hold")
    assert listed(calm, base) == []
    assert not any(token in str(hold) for token in tokens)
    calm.call("POST", f"/v1/holds/{hold['id']}/release", json={"verdict": verdict})
    if verdict == "apply":
        until(lambda: len(listed(calm, base)) == len(tokens), "the tokens a person gave up")
    assert sorted(entry["token"] for entry in listed(calm, base)) == (sorted(tokens) if verdict == "apply" else [])
