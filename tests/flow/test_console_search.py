"""What search says of the devices it did not look for."""

from __future__ import annotations

import asyncio

import pytest

import cast
from people import signed_in_here
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.console.search import view
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from visitor import Browser, console_of


def found(q: str) -> str:
    async def work() -> str:
        stage = await cast.stage(MemoryCatalog())
        who = await signed_in_here(stage, Role.VIEWER, Scope("acme"))
        return (await Browser.of(console_of(stage)[0], who).get(f"/search?q={q}")).text

    return asyncio.run(work())


def test_who_has_more_apps_than_are_looked_through_is_told_where_the_other_devices_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = "Devices were looked for in the first"
    assert whole not in found("anns-phone")
    monkeypatch.setattr(view, "MOST_APPS", 1)
    said = found("anns-phone")
    assert f"{whole} 1 apps only. Those of the other 1 are found on the tab" in said
    assert whole not in found("")
