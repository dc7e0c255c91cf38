"""One recipient at which a sender dies is found and set apart; everyone else gets the push."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from product_fixtures import SLOW, conserved, device, ended, fleet, send, times_seen, until
from pushwarden.wiring.stage import Stage, temporary

pytestmark = SLOW

ROLE = Path(__file__).parents[1] / "role_poison.py"
POISONED = "dead" * 16
FLEET = 20_000
PATIENCE = 120.0


class PoisonStage(Stage):
    """Serves with a provider that dies at some tokens."""

    def _start(self, command: list[str], environ: Mapping[str, str]) -> Any:
        return super()._start([sys.executable, str(ROLE)] if "serve" in command else command, environ)


@contextmanager
def poisonous(how: str) -> Iterator[Stage]:
    environ = {"PUSHWARDEN_BULK_SENDERS": "1", "POISON_HOW": how}
    with temporary("pwpoi-") as folder, PoisonStage(folder, environ, "full") as stage:
        yield stage


def logged(stage: Stage, event: str) -> list[dict[str, Any]]:
    lines = (stage.folder / "log").read_text().splitlines()
    return [said for line in lines if f'"{event}"' in line and (said := json.loads(line))["event"] == event]


def failures(stage: Stage, base: str, push: str) -> list[dict[str, Any]]:
    return list(stage.call("GET", f"{base}/pushes/{push}/failures")["failures"])


def poisoned_fleet(stage: Stage, app: str, count: int) -> str:
    """Its one poisoned device stands in the middle."""
    base = stage.make_app(app)
    fleet(stage, base, count // 2)
    device(stage, base, "poison", POISONED)
    fleet(stage, base, count - count // 2 - 1, first=count // 2)
    return base


def alarms(stage: Stage) -> str:
    return str(stage.client.get(f"{stage.url}/metrics", headers={"authorization": f"Bearer {stage.key}"}).text)


def test_the_one_recipient_at_which_senders_die_is_quarantined_and_everyone_else_gets_the_push() -> None:
    with poisonous("render dies") as stage:
        base = poisoned_fleet(stage, "shop", FLEET)
        push = send(stage, base, {"all": True}, "alert", title="Hello")
        single = send(stage, base, {"user": "user-3"}, "alert", title="Beside it")
        state = stage.settled(base, push, PATIENCE)
        assert conserved(state)
        assert ended(state) == {"accepted": FLEET - 1, "refused": 1}
        (failure,) = failures(stage, base, push)
        assert (failure["seq"], failure["fate"], failure["reason"]) == (FLEET // 2, "refused", "quarantined")
        assert "failed each time" in failure["meaning"]
        seen = times_seen(stage, push)
        assert set(seen) == set(range(FLEET)) - {FLEET // 2}
        assert stage.settled(base, single)["accepted"] == 1
        (told,) = logged(stage, "recipient quarantined")
        assert (told["push"], told["seq"]) == (push, FLEET // 2)
        died = [line for line in logged(stage, "died") if line["role"] == "sender-bulk-0"]
        assert 3 <= len(died) <= 8
        assert max(line["again_in_s"] for line in died) <= 1.0
        until(lambda: "quarantined" in alarms(stage), "the alarm")
        again = send(stage, base, {"user": "user-5"}, "alert", title="After it")
        assert stage.settled(base, again)["accepted"] == 1


def test_a_silent_push_is_never_sent_again_to_whom_it_was_in_doubt() -> None:
    with poisonous("render dies") as stage:
        base = poisoned_fleet(stage, "shop", 6000)
        push = send(stage, base, {"all": True})
        state = stage.settled(base, push, PATIENCE)
        assert conserved(state)
        assert set(ended(state)) == {"accepted", "unknown"}
        assert max(times_seen(stage, push).values()) == 1


def test_a_single_push_that_kills_its_sender_is_quarantined_and_its_neighbours_are_not() -> None:
    with poisonous("classify dies") as stage:
        base = poisoned_fleet(stage, "shop", 50)
        stage.control("POST", "/script", json={"rules": [
            {"do": "refuse", "token": "dead", "status": 400, "reason": "Poison"},
        ]})  # fmt: skip
        pushes = [send(stage, base, {"user": f"user-{number}"}, "alert", title="Hello") for number in range(20)]
        poison = send(stage, base, {"device": "poison"}, "alert", title="Hello")
        state = stage.settled(base, poison, PATIENCE)
        assert ended(state) == {"refused": 1}
        assert [failure["reason"] for failure in failures(stage, base, poison)] == ["quarantined"]
        assert all(ended(stage.settled(base, push)) == {"accepted": 1} for push in pushes)


@pytest.mark.parametrize("how", ["render raises", "classify raises"])
def test_code_that_fails_at_one_recipient_costs_that_one_and_no_sender(how: str) -> None:
    with poisonous(how) as stage:
        base = poisoned_fleet(stage, "shop", 5000)
        stage.control("POST", "/script", json={"rules": [
            {"do": "refuse", "token": "dead", "status": 400, "reason": "Poison"},
        ]})  # fmt: skip
        push = send(stage, base, {"all": True})
        state = stage.settled(base, push, PATIENCE)
        assert conserved(state)
        assert ended(state) == {"accepted": 4999, "refused": 1}
        assert [failure["reason"] for failure in failures(stage, base, push)] == ["quarantined"]
        assert logged(stage, "died") == []
        assert set(times_seen(stage, push).values()) == {1}
        until(lambda: "quarantined" in alarms(stage), "the alarm")
