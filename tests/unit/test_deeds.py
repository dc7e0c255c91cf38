"""Every action the audit knows has words for people."""

from __future__ import annotations

import asyncio

from cast import stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.core.deeds import DEEDS, deed


def test_every_action_of_a_route_has_words() -> None:
    table = asyncio.run(stage(MemoryCatalog())).app.router.routes
    assert {route.action for route in table if route.action} - set(DEEDS) == set()


def test_an_action_without_words_is_said_as_it_stands() -> None:
    assert deed("ramp.next_step") == "ramp: next step"
