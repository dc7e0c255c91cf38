"""Every action the audit knows has words for people."""

from __future__ import annotations

import asyncio

from cast import stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.core.callback import Event
from pushwarden.core.deeds import DEEDS, deed, process


def test_every_action_of_a_route_has_words() -> None:
    table = asyncio.run(stage(MemoryCatalog())).app.router.routes
    assert {route.action for route in table if route.action} - set(DEEDS) == set()


def test_what_is_told_of_credentials_has_words() -> None:
    assert {event for event in Event if event.startswith("credential.")} - set(DEEDS) == set()


def test_what_acts_by_itself_is_not_taken_for_a_person() -> None:
    assert [process(actor) for actor in ("chores", "sender-2", "usr_1")] == [
        "Pushwarden (chores)", "Sender (2)", "",
    ]  # fmt: skip


def test_an_action_without_words_is_said_as_it_stands() -> None:
    assert deed("ramp.next_step") == "ramp: next step"
