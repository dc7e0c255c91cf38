"""A key that may stop, for whoever cannot sign in."""

from __future__ import annotations

from typing import Any

import pytest

from product_fixtures import SLOW, ask, calm
from pushwarden.wiring.stage import Stage

pytestmark = SLOW
__all__ = ["calm"]


def key(stage: Stage, app: str, kind: str) -> str:
    made: dict[str, Any] = stage.call("POST", "/v1/keys", json={"name": f"{app} {kind}", "kind": kind, "app": app})
    return str(made["key"])


def press(stage: Stage, **fields: str) -> tuple[int, str]:
    answer = ask(stage, "POST", "/stop-key", key="", data=fields)
    return answer.status_code, answer.text


def stopped(stage: Stage, app: str) -> list[dict[str, Any]]:
    return [one for one in stage.call("GET", "/v1/stop")["stops"] if one["app"] == app]


def test_a_stop_key_stops_what_it_reaches_and_shows_the_proof(calm: Stage) -> None:
    calm.make_app("keyed")
    status, text = press(calm, key=key(calm, "keyed", "stop"), reason="Crash loop in 5.3")
    try:
        assert status == 200 and "drained" in text and "set-cookie" not in text
        assert [one["reason"] for one in stopped(calm, "keyed")] == ["Crash loop in 5.3"]
    finally:
        calm.call("POST", "/v1/resume", json={"app": "keyed"})


@pytest.mark.parametrize("given", ["", "pwk_nonsense", "device"])
def test_what_is_no_key_or_may_not_stop_stops_nothing_and_says_why(calm: Stage, given: str) -> None:
    app = f"kept-{given[:3] or 'none'}".lower().replace("_", "")
    calm.make_app(app)
    status, text = press(calm, key=key(calm, app, given) if given == "device" else given)
    assert status in (401, 403) and "There is a problem" in text and "pwk_nonsense" not in text
    assert stopped(calm, app) == []


def test_the_form_is_there_for_everybody_and_nothing_else_of_the_console(calm: Stage) -> None:
    text = ask(calm, "GET", "/stop-key", key="").text
    assert 'action="/stop-key"' in text and "Deliveries" not in text
