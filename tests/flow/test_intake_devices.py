"""Devices over HTTP: registered, looked up, forgotten, imported and exported, and never shown with their tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import BASE, CAST, WHERE, House, opened, snapshot
from pushwarden.core.errors import Busy
from pushwarden.dataplane.counting import Counting
from pushwarden.ports.devices import DeadToken, Imported

Story = Callable[[House], Awaitable[None]]
TOKEN = "ab" * 32
PHONE = {"provider": "apns", "token": TOKEN, "user": "u1", "app_version": "5.3", "build": "512", "tags": ["beta"]}


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    def run(story: Story, count: int = 0) -> None:
        async def whole() -> None:
            async with opened("memory", tmp_path, count) as house:
                await story(house)

        asyncio.run(whole())

    return run


async def put(house: House, name: str, body: Any, who: str = "phone") -> Any:
    async with house.client(who) as client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.put(f"{BASE}/devices/{name}", content=content)


async def load(house: House, data: bytes, kind: str = "application/x-ndjson") -> Any:
    return await house.post(data, path="/devices/import", content_type=kind)


def test_a_phone_registers_itself_and_its_token_is_never_shown(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        created = await put(house, "i1", PHONE | {"token": f"<{TOKEN[:32].upper()} {TOKEN[32:]}>"})
        assert (created.status_code, created.json()["change"]) == (201, "created")
        again = await put(house, "i1", PHONE)
        assert again.status_code == 200
        shown = await house.get("/devices/i1")
        (device,) = shown.json()["devices"]
        assert (device["user"], device["tags"], device["token"]) == ("u1", ["beta"], "abab…(64)")
        assert TOKEN not in created.text + again.text + shown.text

    tell(story)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"token":', 400, "malformed"),
        ({"token": "xyz"}, 422, "invalid"),
        ({"token": "<>"}, 422, "invalid"),
        ({"token": "ab\r\ncd"}, 422, "invalid"),
        ({"token": TOKEN, "provider": "pigeon"}, 422, "invalid"),
        ({"token": TOKEN, "token_kind": "smell"}, 422, "invalid"),
        ({"token": TOKEN, "tags": ["a b"]}, 422, "invalid"),
        ({"token": TOKEN, "surprise": 1}, 422, "unknown_field"),
        ({"token": TOKEN, "installation_id": "other"}, 422, "invalid"),
        ({"token": TOKEN, "gone_at": 5}, 422, "unknown_field"),
        (b"x" * 70_000, 413, "body_too_large"),
    ],
)
def test_a_bad_registration_is_refused_by_name(tell: Callable[..., None], body: Any, status: int, code: str) -> None:
    async def story(house: House) -> None:
        answer = await put(house, "i1", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert (await house.get("/devices/i1")).status_code == 404

    tell(story)


def test_an_opt_out_forgets_every_row_of_the_installation(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await put(house, "i1", PHONE)
        await put(house, "i1", PHONE | {"token_kind": "voip", "token": "cd" * 32})
        async with house.client("phone") as client:
            assert (await client.delete(f"{BASE}/devices/i1")).json() == {"removed": 2}
            assert (await client.delete(f"{BASE}/devices/i1")).json() == {"removed": 0}
        assert (await house.get("/devices/i1")).status_code == 404
        assert (await house.post({"to": {"user": "u1"}, "title": "t"})).json()["estimated"] == 0

    tell(story)


def test_the_devices_of_a_user_are_found(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        for name in ("i1", "i2"):
            await put(house, name, PHONE | {"token": name.encode().hex()})
        await put(house, "i3", PHONE | {"user": "other", "token": "33"})
        said = (await house.get("/devices?user=u1")).json()
        assert [one["installation_id"] for one in said["devices"]] == ["i2", "i1"]
        assert (await house.get("/devices?user=nobody")).json()["devices"] == []
        first = (await house.get("/devices?limit=2")).json()
        rest = (await house.get(f"/devices?limit=2&after={first['next']}")).json()
        assert [one["installation_id"] for one in first["devices"] + rest["devices"]] == ["i3", "i2", "i1"]
        assert rest["next"] is None

    tell(story)


def test_an_export_is_an_import(tell: Callable[..., None], tmp_path: Path) -> None:
    async def story(house: House) -> None:
        answer = await house.get("/devices/export")
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert len(answer.text.splitlines()) == 1200
        (tmp_path / "other").mkdir()
        async with opened("memory", tmp_path / "other") as other:
            other.clock.ms = house.clock.ms
            said = (await load(other, answer.content)).json()
            assert (said["imported"], said["refused"], said["errors"]) == (1200, 0, [])
            assert (await other.get("/devices/export")).text == answer.text

    tell(story, 1200)


def test_a_bad_line_costs_no_good_one_and_is_told_by_its_number(tell: Callable[..., None]) -> None:
    lines = [json.dumps(PHONE | {"installation_id": "i1"}).encode(), b"{", b"", json.dumps({"a": 1}).encode(),
             json.dumps({"installation_id": "i2", "token": "zz"}).encode(),
             json.dumps(PHONE | {"installation_id": "i3", "token": "33"}).encode()]  # fmt: skip

    async def story(house: House) -> None:
        said = (await load(house, b"\n".join(lines))).json()
        assert (said["imported"], said["refused"], said["lines"]) == (2, 3, 6)
        assert [(one["line"], one["code"]) for one in said["errors"]] == [
            (2, "malformed"), (4, "unknown_field"), (5, "invalid"),
        ]  # fmt: skip

    tell(story)


def test_tombstones_of_late_can_be_undone(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await put(house, "i1", PHONE)
        (audience,) = await house.devices.audiences(WHERE)
        now = house.clock.now_ms()
        assert await house.devices.bury(audience.id, [DeadToken(0, TOKEN.encode(), now, "Unregistered")], now) == [0]
        other = await house.post(b'{"within_hours":1,"reason":"BadDeviceToken"}', path="/devices/revive")
        undone = await house.post(b'{"within_hours":1,"reason":"Unregistered"}', path="/devices/revive")
        assert (other.json(), undone.json()) == ({"revived": 0}, {"revived": 1})
        wrong = await house.post(b'{"within_hours":721}', path="/devices/revive")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")

    tell(story)


def test_csv_is_imported_by_its_header(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        said = (await load(house, b"installation_id,token,user,tags\ni1,abcd,u1,a b\ni2,zz,u2,\n", "text/csv")).json()
        assert (said["imported"], said["refused"]) == (1, 1)
        wrong = await load(house, b"id,token\n1,2\n", "text/csv")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_field")

    tell(story)


def test_a_store_that_fails_in_an_import_says_how_far_it_came(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        whole = house.devices.import_devices

        async def failing(where: Any, chunks: Any) -> AsyncIterator[Imported]:
            async for total in whole(where, chunks):
                yield total
                raise Busy

        house.devices.import_devices = failing
        lines = [json.dumps({"installation_id": f"i{n}", "token": f"{n:08x}"}).encode() for n in range(100)]
        answer = await load(house, b"\n".join(lines))
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.json()["imported"] in (99, 100)

    tell(story)


def test_an_import_tells_how_far_it_is_when_asked(tell: Callable[..., None]) -> None:
    lines = [json.dumps(PHONE | {"installation_id": f"i{n}", "token": f"{n:08x}"}).encode() for n in range(20_000)]

    async def story(house: House) -> None:
        path = "/devices/import?progress=1"
        answer = await house.post(b"\n".join([*lines, b"{"]), path=path, content_type="application/x-ndjson")
        *steps, last = map(json.loads, answer.text.splitlines())
        assert [step["imported"] for step in steps] == [16_384, 20_000]
        assert all(step["lines"] >= step["imported"] for step in steps)
        assert (last["lines"], last["created"], last["errors"][0]["line"]) == (20_001, 20_000, 20_001)
        wrong = await house.post(b"id,token\n1,2\n", path=path, content_type="text/csv")
        assert json.loads(wrong.text)["code"] == "unknown_field"
        assert (await house.post(b"", path="/devices/import?progress=yes")).status_code == 422

    tell(story)


def test_more_errors_than_can_be_shown_are_counted(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        said = (await load(house, b"{\n" * 10_005)).json()
        assert (len(said["errors"]), said["errors_omitted"], said["refused"]) == (10_000, 5, 10_005)

    tell(story)


ROUTES = [
    ("PUT", "/devices/i1", json.dumps(PHONE).encode(), {"alice", "robot", "phone"}),
    ("GET", "/devices/i1", None, {"alice", "bob", "robot"}),
    ("DELETE", "/devices/i1", None, {"alice", "robot", "phone"}),
    ("GET", "/devices?user=u1", None, {"alice", "bob", "robot"}),
    ("GET", "/devices/summary", None, {"alice", "bob", "robot"}),
    ("PATCH", "/devices/i1", b'{"test":true}', {"alice", "robot"}),
    ("GET", "/devices/i1/tokens", None, {"alice", "robot"}),
    ("POST", "/devices/clear", b"{}", {"alice", "robot"}),
    ("POST", "/devices/import", b"", {"alice", "robot"}),
    ("POST", "/devices/import/preview", b"", {"alice", "robot"}),
    ("GET", "/devices/imports", None, {"alice", "robot"}),
    ("GET", "/devices/export", None, {"alice", "robot"}),
]


@pytest.mark.parametrize(("method", "path", "body", "may"), ROUTES)
@pytest.mark.parametrize("name", ["", *CAST])
def test_every_device_route_takes_only_the_keys_it_names(
    tell: Callable[..., None], method: str, path: str, body: Any, may: set[str], name: str
) -> None:
    async def story(house: House) -> None:
        await put(house, "i1", PHONE)
        async with house.client(name) as client:
            answer = await client.request(method, BASE + path, content=body)
        if name in may:
            assert answer.status_code == 200
        elif name == "carol":
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        else:
            assert (answer.status_code, answer.json()["code"]) == (
                (403, "forbidden") if name else (401, "unauthenticated")
            )
        assert (await house.get("/devices/i1")).status_code == (404 if method == "DELETE" and name in may else 200)

    tell(story)


def test_devices_of_no_app_are_nowhere(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        house.snapshot = snapshot()
        assert (await put(house, "i1", PHONE)).status_code == 404

    tell(story)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("token=abc", "token"), ("provider=pigeon", "provider"), ("state=dead", "state"), ("test=yes", "test"),
        ("tags=a+%26%26", "tags"), ("after=7", "after"), ("limit=501", "limit"), ("colour=red", "colour"),
    ],
)  # fmt: skip
def test_a_search_that_cannot_be_names_what_is_wrong(tell: Callable[..., None], query: str, field: str) -> None:
    async def story(house: House) -> None:
        answer = await house.get(f"/devices?{query}")
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    tell(story)


def test_a_token_is_shown_shortened_and_whole_only_where_it_is_noted(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await put(house, "i1", PHONE)
        listed = (await house.get("/devices?token=" + PHONE["token"][:6])).json()["devices"]
        assert [one["token"] for one in listed] == [PHONE["token"][:4] + "…(64)"]
        assert house.refused == []
        whole = (await house.get("/devices/i1/tokens")).json()["devices"]
        assert [one["token"] for one in whole] == [PHONE["token"]]
        assert [(one.action, one.target) for one in house.refused] == [("device.reveal", "i1")]

    tell(story)


def test_a_mark_is_kept_and_clearing_tells_how_many_first(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        await put(house, "i1", PHONE)
        async with house.client("robot") as client:
            marked = (await client.patch(f"{BASE}/devices/i1", json={"test": True})).json()
            assert [(one["test"], one["marked"]) for one in marked["devices"]] == [(True, True)]
            assert (await client.patch(f"{BASE}/devices/nobody", json={"test": True})).status_code == 404
            (audience,) = await house.devices.audiences(WHERE)
            word = DeadToken(0, PHONE["token"].encode(), house.clock.ms, "Unregistered")
            assert await house.devices.bury(audience.id, [word], house.clock.ms) == [0]
            other = {"dry_run": True, "reason": "Other"}
            for body, count in (({"dry_run": True}, 1), (other, 0), ({"older_than_hours": 1}, 0), ({}, 1)):
                said = (await client.post(f"{BASE}/devices/clear", json=body)).json()
                assert said == {"cleared": count, "dry_run": "dry_run" in body}
        assert (await house.get("/devices/i1")).status_code == 404

    tell(story)


def test_the_summary_tells_kinds_versions_and_days(tell: Callable[..., None]) -> None:
    async def rest(_: float) -> None:
        return None

    async def story(house: House) -> None:
        empty = (await house.get("/devices/summary?days=2")).json()
        assert (empty["live"], empty["counted_at"], empty["versions"], len(empty["churn"])) == (0, None, [], 2)
        counting = Counting(house.devices, house.clock, rest)
        await counting.step()
        await put(house, "i1", PHONE)
        await put(house, "i2", PHONE | {"token": "33", "app_version": "5.4", "test": True})
        await put(house, "i2", PHONE | {"token": "44", "token_kind": "voip"})
        await counting.step()
        said = (await house.get("/devices/summary?days=2")).json()
        assert (said["live"], said["gone"], said["test"], said["unproven"]) == (3, 0, 1, 3)
        assert [(one["token_kind"], one["live"]) for one in said["kinds"]] == [("alert", 2), ("voip", 1)]
        versions = {(one["token_kind"], one["app_version"], one["live"]) for one in said["versions"]}
        assert versions == {("alert", "5.3", 1), ("alert", "5.4", 1), ("voip", "5.3", 1)}
        before, today = said["churn"]
        assert (before["new"], before["live"]) == (0, None)
        assert (today["new"], today["left"], today["gone"], today["live"]) == (3, 0, {}, 3)
        assert (said["reachable"], said["gone_kept_days"]) == (2, 30)
        for asked, new in (("token_kind=alert", 2), ("provider=apns&token_kind=voip", 1), ("provider=fcm", 0)):
            narrowed = (await house.get(f"/devices/summary?days=1&{asked}")).json()
            assert (narrowed["churn"][0]["new"], narrowed["live"]) == (new, 3)
        assert (await house.get("/devices/summary?days=9999")).status_code == 422

    tell(story)


def test_an_import_can_be_watched_under_the_id_its_sender_chose(tell: Callable[..., None]) -> None:
    phones = (PHONE | {"installation_id": f"i{n}", "token": f"{n:04x}"} for n in range(9))
    lines = b"".join(json.dumps(phone).encode() + b"\n" for phone in phones)

    async def story(house: House) -> None:
        seen: list[dict[str, Any]] = []

        async def parts() -> AsyncIterator[bytes]:
            yield lines
            seen.append((await house.get("/devices/imports/watched_1")).json())
            yield b"=1+1\n{\n"

        async with house.client("robot") as client:
            path = f"{BASE}/devices/import?id=watched_1&size=4000"
            done = (await client.post(path, content=parts())).json()
            assert (await client.post(path, content=b"")).json()["code"] == "already_exists"
        assert [(one["state"], one["read"], one["size"]) for one in seen] == [("running", len(lines), 4000)]
        told = (await house.get("/devices/imports/watched_1")).json()
        assert (told["state"], told["created"], told["refused"], told["by"]) == ("done", 9, 2, "robot")
        assert done["created"] == 9
        file = await house.get("/devices/imports/watched_1/errors")
        assert file.headers["content-type"].startswith("text/csv")
        assert [row.split(",")[0] for row in file.text.splitlines()] == ['"line"', '"10"', '"11"']
        listed = (await house.get("/devices/imports")).json()["imports"]
        assert [one["id"] for one in listed] == ["watched_1"]
        assert (await house.get("/devices/imports/watched_1", name="bob")).status_code == 403
        assert (await house.get("/devices/imports/nobody_1")).status_code == 404

    tell(story)


def test_reports_outlive_the_server_one_that_ran_then_is_broken_off_and_each_can_be_removed(
    tell: Callable[..., None],
) -> None:
    async def story(house: House) -> None:
        await house.post(
            json.dumps(PHONE | {"installation_id": "i1"}).encode() + b"\n{\n", path="/devices/import?id=before_it"
        )
        running = await house.book.open(WHERE, "robot", "still_runs", dry_run=False, size=9)
        assert (await house.delete("/devices/imports/still_runs")).status_code == 409
        house.book.__init__(house.devices, house.clock)  # type: ignore[misc]  # as a server that starts anew has it
        listed = (await house.get("/devices/imports")).json()["imports"]
        assert {one["id"]: one["state"] for one in listed} == {"before_it": "done", running.id: "broken"}
        file = await house.get("/devices/imports/before_it/errors")
        assert [row.split(",")[0] for row in file.text.splitlines()] == ['"line"', '"2"']
        assert (await house.delete("/devices/imports/before_it", name="bob")).status_code == 403
        assert (await house.delete("/devices/imports/before_it", name="carol")).status_code == 404
        for status in (200, 404):
            assert (await house.delete("/devices/imports/before_it")).status_code == status
        assert [one["id"] for one in (await house.get("/devices/imports")).json()["imports"]] == ["still_runs"]
        assert len((await house.get("/devices")).json()["devices"]) == 1

    tell(story)


def test_an_import_whose_sender_goes_away_is_kept_as_broken_off(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        async def reports() -> AsyncIterator[dict[str, Any]]:
            yield {"lines": 3, "created": 3, "refused": 0}
            await asyncio.Event().wait()

        one = await house.book.open(WHERE, "robot", "goes_away", dry_run=False, size=9)
        following = house.book.follow(one, reports())
        await anext(following)
        waiting = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        kept = await house.devices.kept_import(WHERE, "goes_away")
        assert (str(kept.state), kept.report["created"]) == ("broken", 3)

    tell(story)


def test_a_dry_run_reads_everything_and_writes_nothing(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        csv = b"Device Token,udid,OS\n5eed,a,ios\nzz,b,ios\nbeef,c,android\n"
        path = "/devices/import?dry_run=1&columns=guess"
        said = (await house.post(csv, path=path, content_type="text/csv")).json()
        assert (said["good"], said["refused"], said["imported"]) == (2, 1, 0)
        assert [one["line"] for one in said["errors"]] == [3]
        assert (await house.get("/devices")).json()["devices"] == []
        assert (await house.post(csv, path="/devices/import", content_type="text/csv")).status_code == 422
        said = (await house.post(csv, path="/devices/import?columns=guess", content_type="text/csv")).json()
        assert (said["created"], said["refused"]) == (2, 1)
        shown = (await house.post(csv, path="/devices/import/preview", content_type="text/csv")).json()
        assert [one["field"] for one in shown["columns"]] == ["token", "installation_id", "provider"]
        states = [(one["state"], one["dry_run"]) for one in (await house.get("/devices/imports")).json()["imports"]]
        assert states == [("done", False), ("failed", False), ("done", True)]

    tell(story)


def test_the_book_of_imports_keeps_the_last_twenty(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        for n in range(25):
            await house.post(b"", path=f"/devices/import?id=number_{n:02}")
        listed = (await house.get("/devices/imports")).json()["imports"]
        assert [one["id"] for one in listed] == [f"number_{n:02}" for n in reversed(range(5, 25))]
        assert (await house.post(b"", path="/devices/import?id=Wrong!")).status_code == 422

    tell(story)
