"""What became of pushes, over HTTP: lists with filters, files, and one push's story."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import BASE, KINDS, House, opened
from journal_fixtures import claim_due, mark_of
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.shard import Failure, Shard, Times
from pushwarden.core.signal import Signal, SignalKind

Story = Callable[[House], Awaitable[None]]
HELLO = {"to": {"user": "u1"}, "title": "Hello"}


@pytest.fixture(params=KINDS)
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    def run(story: Story, count: int = 5) -> None:
        async def whole() -> None:
            async with opened(request.param, tmp_path, count) as house:
                await story(house)

        asyncio.run(whole())

    return run


async def sent(house: House, body: dict[str, Any]) -> str:
    answer = await house.post(body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def ask(house: House, path: str, name: str = "robot") -> Any:
    async with house.client(name) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer


async def finished(house: House, reason: str = "", fate: Fate = Fate.REFUSED) -> list[Shard]:
    """Everything claimed and ended 7 ms after it was handed over: accepted, or so for that reason."""
    claimed = [shard for shard, _ in await claim_due(house.journal, "s", tuple(Class), 100, house.clock.ms)]
    for shard in claimed:
        times = Times(house.clock.ms + 5, house.clock.ms + 12, house.clock.ms + 12)
        counts = {fate if reason else Fate.ACCEPTED: shard.width}
        seqs = [int.from_bytes(shard.members[at : at + 8], "little") for at in range(0, len(shard.members), 8)]
        failures = [
            Failure(shard.push, shard.audience, seq, fate, reason, 410, house.clock.ms + 12, b"ab")
            for seq in seqs
            if reason
        ]
        mark = mark_of(shard, shard.width, counts=counts, failures=tuple(failures), finished=True, times=times)
        assert await house.journal.mark([mark]) == []
    return claimed


def test_pushes_are_listed_with_where_they_came_from_and_filtered(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        first = await sent(house, HELLO)
        await finished(house, "Unregistered")
        test = await sent(house, HELLO | {"test": True, "type": "background", "title": "", "data": {"n": 1}})
        found = (await ask(house, "/v1/pushes")).json()
        assert [(one["id"], one["source"], one["app"]) for one in found["pushes"]] == [
            (test, "test", "shop"), (first, "api", "shop")
        ]  # fmt: skip
        assert found["next"] is None
        for asked, wanted in (
            ("source=test", [test]), ("outcome=refused", [first]), ("reason=Unregistered", [first]),
            ("reason=BadTopic", []), ("type=background", [test]), ("state=done", [first]), ("q=hello", [first]),
            (f"q={first}", [first]), ("app=shop&env=simulated", [test, first]), ("app=other", []),
            (f"since={house.clock.ms + 1}", []), (f"until={house.clock.ms + 1}", [test, first]),
            (f"q={first[:8]}-{first[8:12]}-{first[12:16]}-{first[16:]}-000000000001", [first]),
            (f"after={first}", [test]), (f"before={test}", [first]), ("limit=1", [test]),
        ):  # fmt: skip
            for path in ("/v1/pushes", BASE + "/pushes"):
                if "app=" in asked and path != "/v1/pushes":
                    continue
                said = (await ask(house, f"{path}?{asked}")).json()
                assert [one["id"] for one in said["pushes"]] == wanted, asked
        (refusal,) = (await ask(house, f"/v1/pushes?q={first}")).json()["pushes"][0]["refusals"]
        assert (refusal["title"], refusal["count"]) == ("App removed or token old", 1)

    tell(story)


def test_what_cannot_be_asked_is_refused_by_name(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        async with house.client() as client:
            for asked, field in (
                ("state=x", "state"),
                ("outcome=x", "outcome"),
                ("since=x", "since"),
                ("env=x", "env"),
            ):
                answer = await client.get(f"/v1/pushes?{asked}")
                assert (answer.status_code, answer.json()["field"]) == (422, field)
            assert (await client.get("/v1/pushes/export?format=xml")).status_code == 422

    tell(story)


def test_carol_sees_none_of_it_and_a_key_of_one_app_only_its_own(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        assert (await ask(house, "/v1/pushes", "carol")).json() == {"pushes": [], "next": None}
        assert (await ask(house, "/v1/pushes/export", "carol")).text == ""
        async with house.client("carol") as client:
            for path in ("story", "events"):
                assert (await client.get(f"{BASE}/pushes/{push}/{path}")).status_code == 404
        async with house.client("robot") as client:
            assert (await client.get("/v1/pushes?app=elsewhere")).status_code in (200, 404)

    tell(story)


def test_a_file_holds_everything_that_fits_and_no_formula(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        for number in range(3):
            await sent(house, HELLO | {"title": f"=SUM({number})"})
        await finished(house, "Unregistered")
        rows = list(csv.DictReader(io.StringIO((await ask(house, BASE + "/pushes/export?format=csv")).text)))
        assert [row["title"] for row in rows] == ["'=SUM(2)", "'=SUM(1)", "'=SUM(0)"]
        assert {row["refusals"] for row in rows} == {"Unregistered 1"}
        lines = (await ask(house, "/v1/pushes/export?q=SUM(1)")).text.splitlines()
        assert [json.loads(line)["title"] for line in lines] == ["=SUM(1)"]

    tell(story)


def test_a_story_says_when_who_and_what_the_provider_answered(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        (shard,) = await finished(house)
        said = (await ask(house, f"{BASE}/pushes/{push}/story")).json()
        (got,) = said["recipients"]
        seq = int.from_bytes(shard.members, "little")
        assert (got["installation_id"], got["user"], got["provider"], got["called"]) == ("d1", "u1", "apns", "Apple")
        assert (got["outcome"], got["status"], got["ms"]) == ("accepted", 200, 7)
        assert got["apns_id"].replace("-", "") == f"{push}{seq:012x}"
        assert said["message"] == {"title": "Hello"}
        assert (said["confirm"], said["reports"]) == (False, {"received": None, "opened": None})
        assert said["handed_at"] < said["first_answer_at"] == said["last_answer_at"]

    tell(story)


def test_a_refused_recipient_has_its_reason_in_words(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        await finished(house, "Unregistered")
        said = (await ask(house, f"{BASE}/pushes/{push}/story")).json()
        (got,), (failure,) = said["recipients"], said["failures"]
        assert (got["outcome"], got["status"], got["reason"]) == ("refused", 410, "Unregistered")
        assert got["title"] == failure["title"] == "App removed or token old"

    tell(story)


def test_a_push_that_asks_for_it_is_confirmed_and_silence_is_not_zero(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO | {"confirm": True, "data": {"own": 1}})
        (shard,) = await finished(house)
        path = f"{BASE}/pushes/{push}/story"
        before = (await ask(house, path)).json()
        assert (before["confirm"], before["reports"]["received"]) == (True, None)
        assert before["message"]["data"] == {"own": 1}
        seq = int.from_bytes(shard.members, "little")
        at = house.clock.ms + 940
        await house.journal.signal([Signal(push, shard.audience, seq, SignalKind.RECEIVED, at, apart=True)])
        said = (await ask(house, path)).json()
        assert (said["reports"]["received"]["devices"], said["reports"]["received"]["first_ms"]) == (1, 940)
        assert said["reports"]["opened"] is None
        assert set(said["recipients"][0]["reported"]) == {"received"}

    tell(story)


def test_a_watched_push_is_told_at_once_and_ends_with_it(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        await finished(house)
        text = (await ask(house, f"{BASE}/pushes/{push}/events")).text
        first, end = text.strip().split("\n\n")
        assert first.startswith("event: story\ndata: ")
        assert json.loads(first.partition("data: ")[2])["accepted"] == 1
        assert end == "event: end\ndata: {}"

    tell(story)


def test_nobody_may_use_the_name_of_the_confirmation(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        answer = await house.post(HELLO | {"confirm": True, "data": {"pushwarden": 1}})
        assert (answer.status_code, answer.json()["field"]) == (422, "data")
        assert (await house.post(HELLO | {"data": {"pushwarden": 1}})).status_code == 202

    tell(story)


def test_a_story_ends_when_nobody_listens_any_more(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        messages = iter([{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        async with house.client() as client:
            headers = [(b"authorization", client.headers["authorization"].encode())]
        path = f"{BASE}/pushes/{push}/events"
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        await house.app(scope, receive, send)
        assert said[0]["status"] == 200
        assert b"event: end" not in b"".join(one.get("body", b"") for one in said)

    tell(story)


@pytest.mark.parametrize("query", ["q=%00", "reason=a%00b", "before=%00"])
def test_text_no_store_can_look_for_is_refused_by_name(query: str, tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        async with house.client("robot") as client:
            answer = await client.get(f"{BASE}/pushes?{query}")
            nowhere = await client.get(f"{BASE}/pushes/%00")
        assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])
        assert nowhere.status_code == 404

    tell(story)
