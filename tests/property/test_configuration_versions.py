"""Whatever people change is one entry of the audit and at most one version, and a restore brings exactly that back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cast import Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.restoring import WAYS
from pushwarden.control.versions import SECTIONS, configured
from pushwarden.core.configuration import READINGS, Configuration, Version
from pushwarden.ports.catalog import Tables

SHOP = "/v1/apps/shop"
ENVIRONMENTS = ("production", "sandbox")
CONFIRM = ["topics", "team", "project", "unproven"]
OPERATIONS = st.tuples(
    st.sampled_from(["field", "upload", "activate", "back", "switch", "delete", "tell", "retell", "untell", "restore"]),
    st.integers(0, 99),
)


class Play:
    """An app that people change. Each number chooses among what is there."""

    def __init__(self, scene: Stage) -> None:
        self.scene, self.uploads = scene, 0

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Each change is one entry of the audit with what was and what is; what was refused is one at most."""
        self.scene.clock.ms += 1000
        before, was = await self.effective(), len(await self.audit())
        reply = await self.scene.ask("alice", method, path, body)
        assert reply.status < 500, reply.body
        new = (await self.audit())[was:]
        if method == "GET" or "dry_run" in path:
            assert new == []
        elif reply.status < 300:
            assert [one["outcome"] for one in new] == ["done"]
            assert await self.effective() == before or new[0]["before"] != new[0]["after"]
        else:
            assert [one["outcome"] for one in new] in ([], [reply.json["code"]])
            assert await self.effective() == before
        return reply.json if reply.body else None

    async def audit(self) -> list[Any]:
        rows = await self.scene.catalog.read(lambda tables: tables.audit.after("acme", 0, 1000))
        return [json.loads(row.body) for row in rows]

    async def step(self, what: str, number: int) -> None:
        await getattr(self, what)(number)
        assert (await self.last()).configuration == await self.effective()

    async def effective(self) -> Configuration:
        return await self.scene.catalog.read(_configured)

    async def last(self) -> Version:
        found = await self.scene.catalog.read(lambda tables: tables.versions.last("acme", "shop"))
        assert found is not None
        return found

    async def field(self, number: int) -> None:
        change = [
            {"name": f"Shop {number}"}, {"description": f"{number}"}, {"enabled": number % 2 == 0},
            {"bundle_id": f"com.acme.{number}"}, {"contacts": [f"a{number}@acme.example"]},
        ][number % 5]  # fmt: skip
        version = (await self.ask("GET", SHOP))["version"]
        await self.ask("PATCH", SHOP, {"version": version, **change})

    async def upload(self, number: int) -> None:
        self.uploads += 1
        await self.ask("POST", f"{self.place(number)}", {"provider": "apns", "text": f"key {self.uploads}"})

    async def activate(self, number: int) -> None:
        slot = {"slot": "voip"} if number % 3 == 0 else {}
        await self.of_credential(number, "POST", "/activate", {"confirm": CONFIRM, **slot})

    async def back(self, number: int) -> None:
        await self.of_credential(number, "POST", "/switch-back", {})

    async def switch(self, number: int) -> None:
        await self.of_credential(number, "PATCH", "", {"enabled": number % 2 == 0}, versioned=True)

    async def delete(self, number: int) -> None:
        await self.of_credential(number, "DELETE", "?force=true")

    async def tell(self, number: int) -> None:
        await self.ask("POST", f"{SHOP}/callbacks", {"url": f"https://a.example/{number}"})

    async def retell(self, number: int) -> None:
        if found := await self.callback(number):
            body = {"version": found["version"], "enabled": number % 2 == 0, "events": ["push.finished"]}
            await self.ask("PATCH", f"{SHOP}/callbacks/{found['id']}", body)

    async def untell(self, number: int) -> None:
        if found := await self.callback(number):
            await self.ask("DELETE", f"{SHOP}/callbacks/{found['id']}")

    async def restore(self, number: int) -> None:
        newest = await self.last()
        wanted = 1 + number % newest.number
        way, body = f"{SHOP}/versions/{wanted}/restore", {"version": newest.number}
        told = await self.ask("POST", way + "?dry_run=true", body)
        assert (await self.last()).number == newest.number
        done = await self.ask("POST", way, body | {"confirm": ["lost"]})
        assert done["differences"] == told["differences"]
        version = await self.scene.catalog.read(lambda tables: tables.versions.get("acme", "shop", wanted))
        assert version is not None
        left = await self.ask("GET", f"{SHOP}/versions/{wanted}/diff")
        assert {one["field"] for one in left["differences"]} <= {one["field"] for one in told["lost"]}
        if not told["lost"]:
            assert await self.effective() == version.configuration
        if told["differences"]:
            assert ((await self.last()).restored, (await self.last()).number) == (wanted, newest.number + 1)

    def place(self, number: int) -> str:
        return f"{SHOP}/{ENVIRONMENTS[number % 2]}/credentials"

    async def of_credential(
        self, number: int, method: str, path: str, body: Any = None, *, versioned: bool = False
    ) -> None:
        found = (await self.ask("GET", self.place(number)))["credentials"]
        if found:
            one = found[number % len(found)]
            body = {**body, "version": one["version"]} if versioned else body
            await self.ask(method, f"{self.place(number)}/{one['id']}{path}", body)

    async def callback(self, number: int) -> Any:
        found = (await self.ask("GET", f"{SHOP}/callbacks"))["callbacks"]
        return found[number % len(found)] if found else None


def _configured(tables: Tables) -> Configuration:
    app = tables.apps.get("acme", "shop")
    assert app is not None
    return configured(tables, app)


@settings(max_examples=120, deadline=None)
@given(st.lists(OPERATIONS, min_size=4, max_size=24), st.integers(0, 99))
def test_restoring_a_version_brings_back_the_identical_configuration(
    operations: list[tuple[str, int]], number: int
) -> None:
    async def run() -> None:
        play = Play(await stage(MemoryCatalog()))
        for what, which in [*operations, ("restore", number)]:
            await play.step(what, which)

    asyncio.run(run())


def test_each_section_has_its_words_and_its_way_back() -> None:
    assert set(SECTIONS) == set(READINGS) == set(WAYS)
