"""/v1/system: each sees senders and its own queue; the machine, and the bundle, are for who runs the installation."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from cast import Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.api.installation import QueueView, SenderView, SystemView
from pushwarden.control.console.system.view import LATE_MS, OLD_MS, outside, troubles, waiting
from pushwarden.control.machine import Backup, Installation, Machine, Reached
from pushwarden.control.situation import Situation, seen
from pushwarden.dataplane.feedback.counters import Counters
from pushwarden.settings import Settings
from pushwarden.wiring import prepare
from pushwarden.wiring.machine import Looking, shown

STATS: dict[str, Any] = {
    "sender-normal": {
        "snapshot": 1, "in_flight": 3, "connections": {"a": 2}, "lanes": {"a": {}}, "counters": Counters().as_dict(),
        "troubles": {"acme/shop/production/apns": "its certificate ended",
                     "beta/shop/production/apns": "secret of beta"},
    }
}  # fmt: skip
BACKLOG = [
    {"lane": "acme/shop/production/apns/bulk", "state": "ready", "shards": 1, "recipients": 70, "oldest_due_ms": 5},
    {"lane": "beta/shop/production/apns/bulk", "state": "held", "shards": 1, "recipients": 9, "oldest_due_ms": 5},
]


async def machine() -> Machine:
    disk = {"name": "disk", "good": True, "sentence": "Free."}
    return Machine("1.0", "3.11", "sqlite", 1, (disk,), Backup(9, "/b", False))


async def reached() -> Sequence[Reached]:
    return [Reached("Apple", "api.push.apple.com", 443, 31.0, "Apple Inc.")]


async def opened() -> Stage:
    situation = seen(Situation(), 1, STATS, 1000)
    here = Installation(machine, reached, lambda: STATS, lambda: BACKLOG)
    return await stage(MemoryCatalog(), situation=lambda: situation, installation=here)


def ask(who: str, path: str) -> Any:
    async def run() -> Any:
        return await (await opened()).ask(who, "GET", path)

    return asyncio.run(run())


def test_a_viewer_sees_senders_and_what_waits_of_his_organisation_only() -> None:
    said = ask("bob", "/v1/system").json
    [sender] = said["senders"]
    assert (sender["name"], sender["version"], sender["in_flight"], sender["connections"]) == ("sender-normal", 1, 3, 2)
    assert sender["troubles"] == ["shop, production, Apple: its certificate ended"]
    assert [(row["app"], row["provider"], row["recipients"]) for row in said["queue"]] == [("shop", "Apple", 70)]
    assert said["machine"] is None
    assert "secret of beta" not in json.dumps(said)


def test_the_machine_is_for_who_runs_the_installation() -> None:
    said = ask("root", "/v1/system").json
    assert said["machine"]["findings"] == [{"name": "disk", "good": True, "sentence": "Free."}]
    assert said["backup"] == {"at": 9, "folder": "/b", "with_keys": False}
    assert ask("root", "/v1/system/network").json["hosts"][0]["issuer"] == "Apple Inc."
    for path in ("/v1/system/network", "/v1/system/bundle"):
        assert ask("alice", path).status in (403, 404)
        assert ask("robot", path).status in (403, 404)


def test_what_the_network_check_said_last_is_remembered_for_who_may_ask() -> None:
    async def run() -> list[Any]:
        scene = await opened()
        before = (await scene.ask("root", "GET", "/v1/system")).json["network"]
        asked = (await scene.ask("root", "GET", "/v1/system/network")).json
        return [
            before,
            asked,
            *[(await scene.ask(who, "GET", "/v1/system")).json["network"] for who in ("root", "bob")],
        ]

    before, asked, then, narrow = asyncio.run(run())
    assert (before, then, narrow) == (None, asked, None)
    assert asked["at"] > 0


def test_what_this_server_speaks_to_is_said_of_its_settings(tmp_path: Path) -> None:
    told = Settings(
        data=tmp_path, listen_host="192.0.2.1", proxy="http://user:hidden@proxy.example:3128",
        contacts="a@acme.example, b@acme.example", simulator_apns="sim.example:2197",
    )  # fmt: skip
    wide = outside(dict(shown(told)))
    assert (wide["proxy"], wide["contacts"], wide["apns_port"]) == ("http://proxy.example:3128", 2, "443")
    assert wide["simulator_apns"] == "sim.example:2197"
    assert outside(dict(shown(Settings(data=tmp_path))))["contacts"] == 0


def test_the_bundle_is_a_zip_file_of_what_helps() -> None:
    reply = ask("root", "/v1/system/bundle")
    assert reply.headers["content-disposition"] == 'attachment; filename="pushwarden-support.zip"'
    with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
        assert archive.namelist() == ["system.json", "metrics.txt", "network.json"]
        assert json.loads(archive.read("system.json"))["senders"][0]["name"] == "sender-normal"


def test_of_settings_that_are_secret_only_that_they_are_set_is_shown(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path, proxy="http://user:hidden@proxy.example:3128", smtp=SecretStr("smtp://a:hidden@mail.example:25"),
        smtp_from="push@acme.example", store=SecretStr("postgresql://me:hidden@db.example/push"),
    )  # fmt: skip
    said = dict(shown(settings))
    assert said["PUSHWARDEN_SMTP"] == said["PUSHWARDEN_STORE"] == "set"
    assert said["PUSHWARDEN_PROXY"] == "http://proxy.example:3128"
    assert said["PUSHWARDEN_DATA"] == str(tmp_path)
    assert "hidden" not in str(said)


def test_a_look_at_the_machine_is_kept_for_a_few_seconds_and_names_every_database(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    asyncio.run(prepare.main(settings, ""))

    async def looks() -> tuple[Machine, Machine]:
        looking = Looking(settings, 5)
        return await looking.machine(), await looking.machine()

    first, second = asyncio.run(looks())
    assert first is second
    names = {finding["name"] for finding in first.findings}
    assert {"disk", "control", "devices", "journal"} <= names
    assert first.backup is None


def sender(version: int, *troubles: str) -> SenderView:
    return SenderView("a", version, 1, 0, 0, 0, list(troubles))


def view(senders: list[SenderView], **fields: Any) -> SystemView:
    given = {"since": 0, "queue": [], "kept": [], "machine": None, "backup": None, "network": None, **fields}
    return SystemView(configuration=3, senders=senders, **given)


def test_what_needs_somebody_stands_in_order_and_nothing_is_nothing() -> None:
    whole = asyncio.run(machine())
    calm = view([sender(3)], since=7, machine=whole, backup=Backup(100, "/b", False))
    assert troubles(calm, None, 200) == []
    away = Reached("Apple", "h", 443, sentence="h cannot be reached.")
    late = QueueView("shop", "production", "Apple", "ready", 70, 1)
    found = troubles(view([sender(2, "words")], machine=whole, queue=[late]), [away], LATE_MS + OLD_MS)
    assert [kind for kind, _ in found] == ["behind", "host", "trouble", "late", "backup"]
    assert troubles(view([]), None, 0) == [("none", None)]
    held = QueueView("shop", "production", "Apple", "held", 5, 1)
    assert waiting(view([], queue=[late, held])) == {"ready": 70, "claimed": 0, "held": 5}
