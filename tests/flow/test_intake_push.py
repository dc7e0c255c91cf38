"""A push from its HTTP request to the journal: durable before the answer, refused with a code and a sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import BASE, CAST, KINDS, WHERE, House, opened, phones, shop, snapshot
from journal_fixtures import claim_due
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.scope import Scope
from pushwarden.core.shard import SHARD_WIDTH
from pushwarden.ports.journal import Accepted, Sheet

Story = Callable[[House], Awaitable[None]]
HELLO = {"to": {"user": "u1"}, "title": "Hello"}


@pytest.fixture(params=KINDS)
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Runs a story in a house over each kind of journal."""

    def run(story: Story, count: int = 5) -> None:
        async def whole() -> None:
            async with opened(request.param, tmp_path, count) as house:
                await story(house)

        asyncio.run(whole())

    return run


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    said = response.json()
    assert said["status"] == response.status_code and said["detail"].endswith(".")
    return response.status_code, said["code"]


def test_a_push_to_a_user_is_accepted_and_a_sender_is_rung(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        answer = await house.post(HELLO)
        assert answer.status_code == 202
        said = answer.json()
        assert (said["state"], said["estimated"]) == ("open", 1)
        assert said["links"]["self"] == f"{BASE}/pushes/{said['id']}"
        assert house.bell.rung == [{Class.NORMAL}]
        ((shard, push),) = await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)
        assert (push.id, push.message.title, shard.lane) == (said["id"], "Hello", "acme/shop/simulated/apns/normal")
        assert shard.width == 1

    tell(story)


@pytest.mark.parametrize(
    ("to", "estimated"),
    [
        ({"user": "u3"}, 1),
        ({"users": ["u1", "u2", "nobody"]}, 2),
        ({"device": "d4"}, 1),
        ({"tokens": ["ab" * 32, "<CD cd>"]}, 2),
        ({"tags": "beta && !gone"}, 5),
        ({"all": True}, 5),
    ],
)
def test_every_way_to_name_recipients_is_planned(tell: Callable[..., None], to: Any, estimated: int) -> None:
    async def story(house: House) -> None:
        answer = await house.post({"to": to, "title": "t"})
        assert (answer.status_code, answer.json()["estimated"]) == (202, estimated)

    tell(story)


def test_a_push_to_nobody_is_done_at_once_and_says_so(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        said = (await house.post({"to": {"user": "nobody"}, "title": "t"})).json()
        assert (said["state"], said["estimated"]) == ("done", 0)
        assert said["warnings"] == ["Nobody gets this push: no live device matches."]
        assert not house.bell.rung
        assert (await house.get(f"/pushes/{said['id']}")).json()["state"] == "done"

    tell(story)


def test_a_fan_out_is_one_row_a_shard_however_many_devices(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        said = (await house.post({"to": {"all": True}, "type": "background"})).json()
        claimed = await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)
        assert [(shard.lo, shard.width) for shard, _ in claimed] == [(0, SHARD_WIDTH), (SHARD_WIDTH, 1)]
        assert said["estimated"] == SHARD_WIDTH + 1
        assert house.bell.rung == [{Class.BULK}]

    tell(story, SHARD_WIDTH + 1)


def test_many_requests_at_once_share_a_commit(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 5) as house:
            sizes = []
            accept = house.journal.accept_sheet

            async def counted(sheet: Sheet) -> dict[int, Accepted | Exception]:
                sizes.append(len(sheet.singles))
                await asyncio.sleep(0)
                answers: dict[int, Accepted | Exception] = await accept(sheet)
                return answers

            house.journal.accept_sheet = counted
            answers = await asyncio.gather(*(house.post(HELLO) for _ in range(100)))
            assert len({answer.json()["id"] for answer in answers}) == 100 == sum(sizes)
            assert len(sizes) < 50

    asyncio.run(story())


def test_the_same_idempotency_key_gives_the_same_push(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        first, again = [(await house.post(HELLO, idempotency_key="k1")) for _ in range(2)]
        assert (again.status_code, again.json()["id"], again.json()["replayed"]) == (202, first.json()["id"], True)
        assert "replayed" not in first.json()
        assert len((await house.get("/pushes")).json()["pushes"]) == 1
        assert len(house.bell.rung) == 1
        assert problem(await house.post(HELLO | {"title": "Other"}, idempotency_key="k1")) == (
            409, "idempotency_mismatch",
        )  # fmt: skip

    tell(story)


def test_two_at_once_with_one_key_are_one_push(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        answers = await asyncio.gather(*(house.post(HELLO, idempotency_key="k") for _ in range(8)))
        assert len({answer.json()["id"] for answer in answers}) == 1

    tell(story)


def test_an_idempotency_key_survives_a_restart(tmp_path: Path) -> None:
    async def once() -> Any:
        async with opened("sqlite", tmp_path, 5) as house:
            return (await house.post(HELLO, idempotency_key="k1")).json()

    first, again = asyncio.run(once()), asyncio.run(once())
    assert again["id"] == first["id"] and again["replayed"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ü", "a\tb"])
def test_a_bad_idempotency_key_is_refused(tmp_path: Path, key: str) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path) as house, house.client() as client:
            headers = [(b"idempotency-key", key.encode())]
            answer = await client.post(BASE + "/pushes", json=HELLO, headers=headers)
            assert problem(answer) == (422, "invalid")

    asyncio.run(story())


@pytest.mark.parametrize(
    "scope",
    [Scope(), Scope("acme"), Scope("acme", "shop"), WHERE],
    ids=["installation", "organisation", "app", "environment"],
)
def test_a_stopped_scope_refuses_and_queues_nothing(tell: Callable[..., None], scope: Scope) -> None:
    async def story(house: House) -> None:
        house.fence.stop(scope, house.clock.ms)
        assert problem(await house.post(HELLO)) == (409, "stopped")
        assert (await house.get("/pushes")).json() == {"pushes": [], "next": None}
        house.fence.resume(scope)
        assert (await house.post(HELLO)).status_code == 202

    tell(story)


def test_another_scope_stopped_hinders_nobody(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        for scope in (Scope("rival"), Scope("acme", "other"), Scope("acme", "shop", WHERE.environment, "hourly")):
            house.fence.stop(scope, house.clock.ms)
        assert (await house.post(HELLO)).status_code == 202

    tell(story)


def test_a_push_may_be_held_while_stopped_until_it_is_released(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        house.fence.stop(WHERE, house.clock.ms)
        said = (await house.post(HELLO | {"when_stopped": "hold"})).json()
        assert said["state"] == "held" and not house.bell.rung
        assert (await house.get(f"/pushes/{said['id']}")).json()["state"] == "held"
        assert not await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)
        assert await house.journal.release(WHERE) == 1
        assert await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)

    tell(story)


def test_a_disabled_app_a_missing_credential_and_an_unknown_app_are_told_apart(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        house.snapshot = snapshot(shop(enabled=False))
        assert problem(await house.post(HELLO)) == (409, "app_disabled")
        house.snapshot = snapshot(shop(), credential=False)
        assert problem(await house.post(HELLO)) == (409, "no_credential")
        assert problem(await house.post(HELLO | {"when_stopped": "hold"})) == (409, "no_credential")
        house.snapshot = snapshot()
        assert problem(await house.post(HELLO)) == (404, "not_found")

    tell(story)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"title": "x" * 5000}, 413, "payload_too_large"),
        ({"title": ""}, 422, "invalid"),
        ({"type": "background"}, 422, "invalid"),
        ({"data": {"aps": {}}}, 422, "invalid"),
        ({"apns": {"headers": {"apns-collapse-id": "a\r\nb"}}}, 422, "invalid"),
        ({"apns": {"headers": {"apns-topic": "other"}}}, 422, "invalid"),
        ({"type": "voip", "to": {"all": True}}, 422, "invalid"),
        ({"surprise": 1}, 422, "unknown_field"),
        ({"to": {"tokens": ["ab"], "provider": "fcm"}}, 422, "invalid"),
    ],
)
def test_what_the_provider_would_refuse_is_refused_before_it_is_queued(
    tmp_path: Path, fields: Any, status: int, code: str
) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 5) as house:
            assert problem(await house.post(HELLO | fields)) == (status, code)
            assert (await house.get("/pushes")).json() == {"pushes": [], "next": None}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b'{"to":', 400, "malformed"),
        (b"x" * (1 << 20) + b"y", 413, "body_too_large"),
        (b"", 400, "malformed"),
        (b'{"to":{"user":"u1"},"data":{"a":' + b"[" * 500_000, 400, "malformed"),
        (json.dumps(HELLO | {"to": {"users": ["u"] * 200_000}}).encode(), 422, "invalid"),
    ],
)
def test_a_bad_body_is_the_callers_and_no_fault_of_ours(tmp_path: Path, data: bytes, status: int, code: str) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 5) as house:
            assert problem(await house.post(data)) == (status, code)

    asyncio.run(story())


def test_a_locked_journal_accepts_nothing_and_says_when_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushwarden.adapters.sqlite.writer.BUSY_LIMIT", 0.05)

    async def story() -> None:
        async with opened("sqlite", tmp_path, 5) as house:
            with closing(open_database(tmp_path / "journal.db")) as other:
                other.execute("BEGIN IMMEDIATE")
                answer = await house.post(HELLO, idempotency_key="k")
                assert problem(answer) == (503, "busy") and answer.headers["retry-after"] == "1"
                many = await house.post([HELLO, HELLO], path="/pushes:batch")
                assert [item["error"]["code"] for item in many.json()] == ["busy", "busy"]
                other.execute("ROLLBACK")
            assert (await house.get("/pushes")).json() == {"pushes": [], "next": None} and not house.bell.rung
            assert "replayed" not in (await house.post(HELLO, idempotency_key="k")).json()

    asyncio.run(story())


def test_a_full_disk_refuses_before_it_fails_to_record(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("sqlite", tmp_path, 5) as house:
            house.journal.writer.connection.execute("PRAGMA max_page_count=1")
            wide = {"to": {"tokens": [f"{n:0400x}" for n in range(1000)]}, "title": "t"}
            codes = [problem(answer) for _ in range(40) if (answer := await house.post(wide)).status_code != 202]
            assert set(codes) == {(507, "store_full")}
            assert (await house.get("/pushes")).status_code == 200

    asyncio.run(story())


ROUTES = [
    ("POST", "/pushes", HELLO),
    ("POST", "/pushes:batch", [HELLO]),
    ("POST", "/pushes/preview", HELLO),
    ("GET", "/pushes", None),
    ("GET", "/pushes/{id}", None),
    ("GET", "/pushes/{id}/failures", None),
    ("POST", "/pushes/{id}/cancel", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_carol_of_another_organisation_sees_nothing(tmp_path: Path, method: str, path: str, body: Any) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 5) as house:
            push_id = (await house.post(HELLO)).json()["id"]
            async with house.client("carol") as client:
                answer = await client.request(method, BASE + path.format(id=push_id), json=body)
                if path == "/pushes:batch":
                    assert [item["error"]["code"] for item in answer.json()] == ["not_found"]
                else:
                    assert problem(answer) == (404, "not_found")
            assert len((await house.get("/pushes")).json()["pushes"]) == 1

    asyncio.run(story())


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize("name", ["", *CAST])
def test_every_route_takes_only_the_keys_it_names(tmp_path: Path, method: str, path: str, body: Any, name: str) -> None:
    may = {"alice", "robot"} | ({"bob"} if method == "GET" else set())
    may |= {"brake"} if path.endswith("cancel") else set()
    may |= {"carol"}  # she may, but has nothing here: the test above

    async def story() -> None:
        async with opened("memory", tmp_path, 5) as house:
            push_id = (await house.post(HELLO)).json()["id"]
            async with house.client(name) as client:
                answer = await client.request(method, BASE + path.format(id=push_id), json=body)
            if name in may:
                assert answer.status_code in (200, 202, 404)
            else:
                assert problem(answer) == ((403, "forbidden") if name else (401, "unauthenticated"))

    asyncio.run(story())


def test_progress_keeps_the_balance_and_says_what_became_of_a_cancelled_push(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push_id = (await house.post(HELLO)).json()["id"]
        said = (await house.get(f"/pushes/{push_id}")).json()
        assert (said["state"], said["audience"], said["pending"]) == ("open", "user u1", 1)
        cancelled = await house.post(b"", path=f"/pushes/{push_id}/cancel")
        assert cancelled.json()["receipt"]["drained"] is True
        after = cancelled.json()["push"]
        assert after["state"] == "discarding"
        assert after["estimated"] == after["pending"] + after["in_flight"] + sum(after[fate] for fate in Fate)
        assert [stop.scope.push for stop in house.fence.stops()] == [push_id]

    tell(story)


def test_pushes_are_listed_newest_first_and_paged(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        ids = []
        for _ in range(5):
            house.clock.ms += 1
            ids.append((await house.post(HELLO)).json()["id"])
        first = [one["id"] for one in (await house.get("/pushes?limit=3")).json()["pushes"]]
        rest = [one["id"] for one in (await house.get(f"/pushes?limit=3&before={first[-1]}")).json()["pushes"]]
        assert first + rest == ids[::-1]
        assert problem(await house.get("/pushes?limit=many")) == (422, "invalid")
        assert problem(await house.get("/pushes?page=2")) == (422, "unknown_field")
        assert problem(await house.get("/pushes/nonsense")) == (404, "not_found")

    tell(story)


def test_a_push_is_scheduled_until_its_time(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        later = house.clock.ms // 1000 + 60
        push_id = (await house.post(HELLO | {"not_before": later})).json()["id"]
        assert (await house.get(f"/pushes/{push_id}")).json()["state"] == "scheduled"
        assert not await claim_due(house.journal, "s", tuple(Class), 10, house.clock.ms)
        assert await claim_due(house.journal, "s", tuple(Class), 10, later * 1000)

    tell(story)


def test_devices_of_a_provider_without_credential_are_left_out_aloud(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 2) as house:
            await house.register([replace(one, provider="fcm", installation_id="f1") for one in phones(1)])
            said = (await house.post({"to": {"all": True}, "title": "t"})).json()
            assert said["estimated"] == 2
            assert said["warnings"] == [
                "1 devices of fcm are left out: it has no active credential here for alert pushes."
            ]

    asyncio.run(story())
