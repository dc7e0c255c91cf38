"""Stop, status and resume over HTTP: who may, what they are told, what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.vault.signing import signer_of, verifies
from pushwarden.control.api import receipts as receipt_routes
from pushwarden.control.api import stops as stop_routes
from pushwarden.control.outlook import Outlook
from pushwarden.control.signed import opened as opened_file
from pushwarden.core import apikey
from pushwarden.core.apikey import ApiKey
from pushwarden.core.app import App, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.principal import KeyKind
from pushwarden.core.scope import Scope
from pushwarden.core.tally import Amounts
from pushwarden.ports.catalog import Tables
from pushwarden.ports.journal import Waiting
from pushwarden.ports.tallies import Step
from pushwarden.web.access import KeyRing
from pushwarden.web.frame import Frame
from stops_fixtures import LANE, SHOP, House, folder, house, locked

CAST = {
    "operator": (KeyKind.ADMIN, Scope()),
    "alice": (KeyKind.ADMIN, Scope("acme")),
    "bob": (KeyKind.READ, Scope("acme")),
    "carol": (KeyKind.ADMIN, Scope("rival")),
    "robot": (KeyKind.SEND, SHOP),
    "brake": (KeyKind.STOP, Scope("acme", "shop")),
    "phone": (KeyKind.DEVICE, SHOP),
}


class Door:
    """The frame over the stop routes alone; `client(name)` speaks as one of the cast."""

    def __init__(self, ours: House) -> None:
        self.refused: list[AuditEntry] = []
        apps = {("acme", "shop"): App("acme", "shop", "Shop"), ("rival", "mine"): App("rival", "mine", "Mine")}
        ring = KeyRing(SystemClock())
        ring.replace([_key(name)[0] for name in CAST], ["acme", "rival", "default"])
        self.outlook = Outlook()
        known = stop_routes.Known(lambda: Snapshot(1, apps), self.outlook, lambda where: waiting(ours, where), no_tests)
        shown = receipt_routes.Shown(
            ours.catalog, SystemClock(), known.snapshot, self.outlook, known.names, signer_of(ours.folder / "keys")
        )
        routes = (*stop_routes.routes(ours.stops, known), *receipt_routes.routes(ours.stops, shown))
        self.app = Frame(routes, ring, SystemClock(), self.record)

    async def record(self, entry: AuditEntry) -> None:
        self.refused.append(entry)

    async def ask(self, method: str, path: str, name: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"authorization": f"Bearer {_key(name)[1]}"}
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://pushwarden", headers=headers) as client:
            reply = await client.request(method, path, **({"json": body} if body is not None else {}))
        return reply.status_code, reply.json()


async def waiting(ours: House, where: Scope) -> Waiting:
    return await ours.journal.waiting(where, 1000)


async def no_tests(_: Scope) -> int:
    return 0


def _key(name: str) -> tuple[ApiKey, str]:
    kind, scope = CAST[name]
    text = apikey.compose(name.ljust(12, "0"), name.encode().ljust(32, b"."))
    parsed = apikey.parse(text)
    assert parsed is not None
    return ApiKey(parsed[0], name, kind, scope, apikey.digest(parsed[1]), 0, 2**50), text


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


@contextlib.asynccontextmanager
async def opened(path: Path, *senders: str) -> AsyncIterator[tuple[House, Door]]:
    async with house(path, *senders) as ours:
        yield ours, Door(ours)


def test_one_call_without_a_body_stops_all_the_key_reaches(path: Path) -> None:
    async def play() -> None:
        async with opened(path, "sender-urgent") as (ours, door):
            status, receipt = await door.ask("POST", "/v1/stop", "brake")
            assert status == 200
            assert receipt["scope"] == "app acme/shop"
            assert receipt["drained"] is True
            assert receipt["says"].endswith("nothing follows this answer.")
            assert [one["sender"] for one in receipt["senders"]] == ["sender-urgent"]
            assert ours.stopped() == {Scope("acme", "shop")}
            for field in ("id", "stopped_at", "ms", "actor", "reason"):
                assert field in receipt

    asyncio.run(play())


def test_fields_narrow_a_stop_and_the_installation_needs_its_own_key(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            narrow = {"app": "shop", "environment": "production", "schedule": "hourly", "reason": "storm"}
            assert (await door.ask("POST", "/v1/stop", "alice", narrow))[0] == 200
            assert {scope.key for scope in ours.stopped()} == {"acme/shop/production/hourly//"}
            assert (await door.ask("POST", "/v1/stop", "alice", {"installation": True}))[0] == 404
            assert (await door.ask("POST", "/v1/stop", "operator", {"installation": True, "app": "shop"}))[0] == 422
            assert (await door.ask("POST", "/v1/stop", "operator", {"installation": True}))[0] == 200
            assert Scope() in ours.stopped()

    asyncio.run(play())


def test_only_those_who_may_stop_and_resume(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            for name, stop in (
                ("bob", 403),
                ("phone", 403),
                ("robot", 200),
                ("brake", 200),
            ):
                assert (await door.ask("POST", "/v1/stop", name, {}))[0] == stop
                assert (await door.ask("POST", "/v1/resume", name, {}))[0] == 403
            assert {entry.outcome for entry in door.refused} == {"forbidden"}
            assert (await door.ask("GET", "/v1/stop", "phone"))[0] == 403
            assert (await door.ask("POST", "/v1/resume", "alice", {"app": "shop"}))[0] == 200
            assert ours.stopped() == {SHOP}

    asyncio.run(play())


def test_carol_stops_sees_and_resumes_nothing_of_others(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            await door.ask("POST", "/v1/stop", "alice", {"app": "shop"})
            assert (await door.ask("POST", "/v1/stop", "carol", {"app": "shop"}))[0] == 404
            assert (await door.ask("POST", "/v1/resume", "carol", {"app": "shop"}))[0] == 404
            assert await door.ask("GET", "/v1/stop", "carol") == (200, {"stops": []})
            assert ours.stopped() == {Scope("acme", "shop")}

    asyncio.run(play())


def test_the_status_tells_who_stopped_what_and_how_it_held(path: Path) -> None:
    async def play() -> None:
        async with opened(path, "sender-bulk-0:fenced") as (_, door):
            await door.ask("POST", "/v1/stop", "alice", {"app": "shop", "reason": "crash loop in 5.3"})
            status, body = await door.ask("GET", "/v1/stop", "bob")
            (stop,) = body["stops"]
            assert status == 200
            assert (stop["scope"], stop["app"], stop["actor"]) == ("app acme/shop", "shop", "alice0000000")
            assert stop["reason"] == "crash loop in 5.3"
            assert "at most 3 requests" in stop["receipt"]["says"]

    asyncio.run(play())


def test_a_misspelt_app_is_refused_instead_of_stopping_nothing(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            status, problem = await door.ask("POST", "/v1/stop", "alice", {"app": "shopp"})
            assert (status, problem["code"]) == (404, "not_found")
            assert "shopp" in problem["detail"]
            assert (await door.ask("POST", "/v1/stop", "alice", {"ap": "shop"}))[1]["code"] == "unknown_field"
            assert (await door.ask("POST", "/v1/stop", "alice", {"app": "a/b"}))[0] == 422
            assert (await door.ask("POST", "/v1/resume", "alice", {"held": "explode"}))[0] == 422
            assert ours.stopped() == set()

    asyncio.run(play())


def test_a_stop_over_http_works_while_the_database_is_locked_and_a_resume_says_busy(path: Path) -> None:
    async def play() -> None:
        async with opened(path, "sender-bulk-0") as (ours, door):
            with locked(path / "control.db"):
                status, receipt = await door.ask("POST", "/v1/stop", "brake", {"reason": "now"})
                assert (status, receipt["drained"]) == (200, True)
                assert (await door.ask("GET", "/v1/stop", "bob"))[1]["stops"][0]["reason"] == "now"
                assert (await door.ask("POST", "/v1/resume", "alice", {"app": "shop"}))[1]["code"] == "busy"
                assert ours.stopped() == {Scope("acme", "shop")}
            status, done = await door.ask("POST", "/v1/resume", "alice", {"app": "shop", "held": "release"})
            assert (status, done["held"], done["still"]) == (200, "release", [])
            assert (await door.ask("POST", "/v1/resume", "alice", {"app": "shop"}))[0] == 404

    asyncio.run(play())


def test_the_preview_tells_what_a_stop_would_meet_without_asking_a_database(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (_, door):
            asked = "/v1/stop/preview?app=shop"
            status, body = await door.ask("GET", asked, "bob")
            assert (status, body["apps"], body["a_minute"], body["queued"]) == (200, 1, None, None)
            counters = {"endings": [], "wrote": {"acme/shop/simulated/apns": [7, 1]}}
            door.outlook.see({"sender-bulk-0": {"counters": counters | {"wrote": {}}}}, 0.0)
            door.outlook.see({"sender-bulk-0": {"counters": counters}}, 1.0)
            door.outlook.see_backlog([{"lane": LANE, "state": "held", "recipients": 4}])
            with locked(path / "control.db"), locked(path / "journal.db"):
                body = (await door.ask("GET", asked, "bob"))[1]
            assert (body["a_minute"], body["queued"], body["held"], body["senders"]) == (7, 0, 4, 1)
            assert (await door.ask("GET", "/v1/stop/preview", "alice"))[1]["scope"] == "organisation acme"
            assert (await door.ask("GET", "/v1/stop/preview?installation=true", "operator"))[1]["apps"] == 2
            assert (await door.ask("GET", asked, "carol"))[0] == 404
            assert (await door.ask("GET", asked, "phone"))[0] == 403

    asyncio.run(play())


def test_what_a_resume_decides_on_is_counted(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            await ours.accept(500, shards=2, held=True)
            status, body = await door.ask("GET", "/v1/stop/held?app=shop&environment=simulated", "bob")
            assert (status, body["pushes"], body["recipients"], body["expired_pushes"]) == (200, 1, 16384, 0)
            assert (await door.ask("GET", "/v1/stop/held?app=shop", "carol"))[0] == 404

    asyncio.run(play())


def test_a_ramp_is_begun_listed_and_skipped_by_those_who_may(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (_, door):
            await door.ask("POST", "/v1/stop", "alice", {"app": "shop"})
            wanted = {"app": "shop", "ramp": {"minutes": 5, "most_refused": 0.02}}
            assert (await door.ask("POST", "/v1/resume", "robot", wanted))[0] == 403
            status, done = await door.ask("POST", "/v1/resume", "alice", wanted)
            assert (status, done["ramp"]["step"], done["ramp"]["says"]) == (200, 1, "1 % of the devices")
            ramp = done["ramp"]["id"]
            (listed,) = (await door.ask("GET", "/v1/ramps", "bob"))[1]["ramps"]
            assert (listed["id"], listed["share"], listed["most_refused"]) == (ramp, 0.01, 0.02)
            assert (await door.ask("GET", "/v1/ramps", "carol"))[1] == {"ramps": []}
            for name, refusal in (("bob", 403), ("robot", 403), ("carol", 404)):
                assert (await door.ask("POST", f"/v1/ramps/{ramp}/skip", name))[0] == refusal
            assert (await door.ask("POST", "/v1/ramps/ramp-none/skip", "alice"))[0] == 404
            assert (await door.ask("POST", f"/v1/ramps/{ramp}/skip", "alice"))[1]["share"] == 1
            for wrong in ({"minutes": 0}, {"minutes": "soon"}, {"most_refused": 2}, {"steps": 1}):
                assert (await door.ask("POST", "/v1/resume", "alice", {"ramp": wrong}))[0] == 422

    asyncio.run(play())


def test_a_receipt_is_read_while_it_stands_and_after_it_is_lifted_by_those_who_may(path: Path) -> None:
    async def play() -> None:
        async with opened(path, "sender-urgent") as (ours, door):
            stopped = (await door.ask("POST", "/v1/stop", "alice", {"app": "shop", "reason": "storm"}))[1]
            one = f"/v1/receipts/{stopped['id']}"
            with locked(path / "control.db"):
                status, found = await door.ask("GET", one, "bob")
                assert (status, found["reason"], found["resumed_at"]) == (200, "storm", None)
            assert found["receipt"] == stopped
            await ours.book.settled()
            await door.ask("POST", "/v1/resume", "alice", {"app": "shop"})
            found = (await door.ask("GET", one, "bob"))[1]
            assert (found["resumed_by"], found["sent_since"], found["held"]) == ("alice0000000", None, None)
            assert found["receipt"] == stopped and found["resumed_at"] >= found["since"]
            assert [row["id"] for row in (await door.ask("GET", "/v1/receipts", "bob"))[1]["receipts"]] == [found["id"]]
            assert (await door.ask("GET", "/v1/receipts?limit=0", "bob"))[1]["receipts"] == []
            for part in ("", "/signed", "/pace"):
                assert (await door.ask("GET", one + part, "carol"))[0] == 404
                assert (await door.ask("GET", one + part, "phone"))[0] == 403
                assert (await door.ask("GET", f"/v1/receipts/stop-none{part}", "bob"))[0] == 404
            assert (await door.ask("GET", "/v1/receipts", "carol"))[1]["receipts"] == []

    asyncio.run(play())


def test_a_cancelled_push_is_no_stop_among_the_receipts(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            await ours.stops.cancel(await ours.accept(1), "alice")
            await ours.book.settled()
            assert (await door.ask("GET", "/v1/receipts", "bob"))[1]["receipts"] == []

    asyncio.run(play())


def test_a_signed_receipt_is_verified_by_the_key_the_server_names(path: Path) -> None:
    async def play() -> None:
        async with opened(path, "sender-urgent") as (_, door):
            stopped = (await door.ask("POST", "/v1/stop", "alice", {"app": "shop"}))[1]
            file = (await door.ask("GET", f"/v1/receipts/{stopped['id']}/signed", "bob"))[1]
            key = (await door.ask("GET", "/v1/receipts/key", "bob"))[1]
            said = opened_file(json.dumps(file).encode())
            assert said.receipt == stopped and said.key == key["key"]
            assert verifies(key["public"].encode(), said.content, said.signature)

    asyncio.run(play())


def test_the_pace_around_a_stop_is_by_second_from_memory_and_by_minute_from_the_tallies(path: Path) -> None:
    async def play() -> None:
        async with opened(path) as (ours, door):
            stopped = (await door.ask("POST", "/v1/stop", "alice", {"app": "shop"}))[1]
            pace = f"/v1/receipts/{stopped['id']}/pace"
            assert (await door.ask("GET", f"{pace}?by=second", "bob"))[0] == 404
            assert (await door.ask("GET", f"{pace}?by=hour", "bob"))[0] == 422
            at = (await door.ask("GET", pace, "bob"))[1]["cut_ms"]
            minute, where = at - at % 60_000, SHOP

            def count(tables: Tables) -> None:
                tables.tallies.add(where, "apns", Step.MINUTE, minute - 120_000, Amounts({("accepted", ""): 41}))
                tables.tallies.add(where, "fcm", Step.MINUTE, minute - 120_000, Amounts({("accepted", ""): 1}))

            await ours.catalog.note(count)
            status, body = await door.ask("GET", pace, "bob")
            assert (status, body["counts"], body["step_ms"]) == (200, "accepted", 60_000)
            assert (body["values"][28], sum(body["values"])) == (42, 42)
            for second, wrote in ((-3, 0), (-2, 50), (-1, 90)):
                counters = {"run": "r", "endings": [], "wrote": {"acme/shop/simulated/apns": [wrote, 1]}}
                door.outlook.see({"sender-bulk-0": {"counters": counters}}, float(second), at + second * 1000)
            with locked(path / "control.db"):
                body = (await door.ask("GET", f"{pace}?by=second", "bob"))[1]
            assert (body["counts"], body["step_ms"], body["values"][57:60]) == ("written", 1000, [50, 40, None])

    asyncio.run(play())
