"""What devices report, why one did not get a push, and sending again where it is safe: over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_intake_records import HELLO, ask, finished, sent

from intake_fixtures import BASE, KINDS, WHERE, House, opened, phones
from journal_fixtures import claim_due, mark_of
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.why import WORDS, Conclusion

Story = Callable[[House], Awaitable[None]]


@pytest.fixture(params=KINDS)
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    def run(story: Story, count: int = 5) -> None:
        async def whole() -> None:
            async with opened(request.param, tmp_path, count) as house:
                await story(house)

        asyncio.run(whole())

    return run


async def nonce(house: House, push: str) -> str:
    progress = await house.journal.progress(WHERE, push)
    return str(progress.push.message.data["pushwarden"]["nonce"])


async def why(house: House, device: str, push: str = "") -> list[dict[str, Any]]:
    path = f"{BASE}/devices/{device}/why" + (f"?push={push}" if push else "")
    found: list[dict[str, Any]] = (await ask(house, path)).json()["stories"]
    return found


async def conclusion(house: House, device: str, push: str) -> str:
    (story,) = await why(house, device, push)
    assert story["says"] and story["because"]
    return str(story["conclusion"])


# Reports


def test_a_device_reports_with_the_nonce_of_its_push_and_counts_once(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO | {"confirm": True})
        await finished(house)
        said = {"push": push, "nonce": await nonce(house, push), "event": "received", "installation_id": "d1"}
        house.clock.ms += 900
        for _ in range(2):
            answer = await house.post(said, path="/signals", name="")
            assert answer.status_code == 204, answer.text
        by_token = {key: value for key, value in said.items() if key != "installation_id"} | {"token": f"{1:064x}"}
        assert (await house.post(by_token | {"event": "opened"}, path="/signals", name="")).status_code == 204
        reports = (await ask(house, f"{BASE}/pushes/{push}/story")).json()["reports"]
        assert [reports[kind]["devices"] for kind in ("received", "opened")] == [1, 1]
        assert reports["received"]["first_ms"] == 900
        assert await conclusion(house, "d1", push) == "opened"

    tell(story)


def test_nobody_reports_for_a_push_without_its_nonce_or_for_another_device(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push, silent = await sent(house, HELLO | {"confirm": True}), await sent(house, HELLO)
        own = {"push": push, "nonce": await nonce(house, push), "event": "received", "installation_id": "d1"}
        for wrong in (
            own | {"nonce": "x"}, own | {"push": silent}, own | {"push": silent, "nonce": ""}, own | {"push": "0" * 20},
            own | {"installation_id": "d2"}, own | {"installation_id": "nobody"},
        ):  # fmt: skip
            answer = await house.post(wrong, path="/signals", name="")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        for bad in (own | {"event": "seen"}, own | {"token": "ab"}, own | {"more": 1}, {"push": push}):
            assert (await house.post(bad, path="/signals", name="")).status_code == 422
        assert (await ask(house, f"{BASE}/pushes/{push}/story")).json()["reports"]["received"] is None

    tell(story)


def test_of_a_push_to_many_devices_reports_are_counted(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, {"to": {"all": True}, "title": "All", "confirm": True})
        said = {"push": push, "nonce": await nonce(house, push), "event": "received"}
        for name in ("d1", "d3", "d3"):
            answer = await house.post(said | {"installation_id": name}, path="/signals", name="")
            assert answer.status_code == 204
        shown = (await ask(house, f"{BASE}/pushes/{push}/story")).json()
        assert shown["reports"]["received"]["devices"] == 2
        assert await conclusion(house, "d3", push) == "confirmed"

    tell(story, count=90)


# Why


def test_every_conclusion_has_words() -> None:
    assert set(WORDS) == set(Conclusion)


def test_a_push_to_a_few_is_explained_for_certain(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        assert await conclusion(house, "d1", push) == "on_its_way"
        await finished(house)
        assert await conclusion(house, "d1", push) == "accepted"
        assert await conclusion(house, "d2", push) == "not_named"
        (told,) = await why(house, f"{1:064x}", push)
        assert (told["says"], told["provider"]) == ("Accepted by Apple", "apns")
        refused = await sent(house, HELLO)
        await finished(house, "Unregistered")
        (told,) = await why(house, "d1", refused)
        assert (told["conclusion"], told["says"], told["reason"], told["status"]) == (
            "refused", "App removed or token old", "Unregistered", 410,
        )  # fmt: skip
        doubtful = await sent(house, HELLO)
        await finished(house, "deadline", Fate.UNKNOWN)
        assert await conclusion(house, "d1", doubtful) == "unknown"
        assert [one["push"] for one in await why(house, "d1")] == [doubtful, refused, push]

    tell(story)


def test_a_push_to_a_range_is_explained_as_far_as_it_is_known(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        everyone = await sent(house, {"to": {"all": True}, "title": "All"})
        tagged = await sent(house, {"to": {"tags": "!beta"}, "title": "Others"})
        for shard, _ in await claim_due(house.journal, "s", tuple(Class), 100, house.clock.ms):
            await house.journal.freeze(shard, b"\xff", 5)
            await house.journal.mark([mark_of(shard, 5, finished=True)])
        assert await conclusion(house, "d1", everyone) == "in_range"
        assert await conclusion(house, "d1", tagged) == "tags_differ"
        house.clock.ms += 10_000
        await house.register([replace(phones(9)[8], installation_id="late")])
        assert await conclusion(house, "late", everyone) == "registered_later"
        voip = await sent(house, {"to": {"user": "u1"}, "type": "voip", "data": {"call": 1}})
        assert await conclusion(house, "d1", voip) == "other_kind"

    tell(story)


def test_what_is_held_or_waits_or_was_cancelled_says_so(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        later = await sent(house, HELLO | {"not_before": house.clock.ms / 1000 + 60})
        assert await conclusion(house, "d1", later) == "scheduled"
        await house.journal.hold(WHERE)
        assert await conclusion(house, "d1", later) == "held"
        cancelled = await sent(house, HELLO)
        ((found, _),) = await claim_due(house.journal, "s", tuple(Class), 9, house.clock.ms)
        await house.journal.mark([mark_of(found, 0, counts={Fate.STOPPED: 1}, finished=True)])
        assert await conclusion(house, "d1", cancelled) == "stopped"

    tell(story)


def test_an_unknown_device_or_push_is_said_in_a_sentence_and_carol_learns_nothing(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        for name, path in (
            ("robot", "/devices/nobody/why"), ("robot", "/devices/d1/why?push=nowhere"), ("carol", "/devices/d1/why"),
            ("carol", f"/devices/d1/why?push={push}"),
        ):  # fmt: skip
            answer = await house.get(path, name=name)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    tell(story)


# Again


def test_a_dry_run_counts_and_sends_nothing(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        await finished(house, "ServiceUnavailable")
        answer = await house.post({"dry_run": True}, path=f"/pushes/{push}/retry")
        assert answer.json() == {"again": 1, "left": [], "push": None}
        assert len((await ask(house, BASE + "/pushes")).json()["pushes"]) == 1

    tell(story)


def test_only_whom_a_second_try_may_reach_gets_it_again_and_only_once(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO | {"confirm": True})
        await finished(house, "ServiceUnavailable")
        first = (await house.post({}, path=f"/pushes/{push}/retry")).json()
        again = (await house.post({}, path=f"/pushes/{push}/retry")).json()
        assert first["push"] == again["push"] != push
        ((shard, sent_again),) = await claim_due(house.journal, "s", tuple(Class), 9, house.clock.ms)
        assert (shard.width, sent_again.collapse_id, sent_again.message.title) == (1, push, "Hello")
        assert sent_again.message.data["pushwarden"]["push"] == first["push"]
        listed = (await ask(house, "/v1/pushes?source=retry")).json()["pushes"]
        assert [(one["id"], one["audience"]) for one in listed] == [(first["push"], f"1 recipients of {push} again")]

    tell(story)


@pytest.mark.parametrize(
    ("kind", "reason", "fate"),
    [
        ("alert", "Unregistered", Fate.REFUSED),
        ("alert", "PayloadTooLarge", Fate.REFUSED),
        ("background", "deadline", Fate.UNKNOWN),
    ],
)
def test_nothing_is_sent_again_that_cannot_help_or_might_double(
    tell: Callable[..., None], kind: str, reason: str, fate: Fate
) -> None:
    async def story(house: House) -> None:
        title = "x" if kind == "alert" else ""
        push = await sent(house, {"to": {"user": "u1"}, "type": kind, "data": {"n": 1}, "title": title})
        await finished(house, reason, fate)
        counted = (await house.post({"dry_run": True}, path=f"/pushes/{push}/retry")).json()
        assert (counted["again"], [(one["reason"], one["count"]) for one in counted["left"]]) == (0, [(reason, 1)])
        answer = await house.post({}, path=f"/pushes/{push}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")

    tell(story)


def test_a_stopped_app_an_open_push_and_a_stranger_are_refused(tell: Callable[..., None]) -> None:
    async def story(house: House) -> None:
        push = await sent(house, HELLO)
        assert (await house.post({}, path=f"/pushes/{push}/retry")).status_code == 409
        await finished(house, "ServiceUnavailable")
        assert (await house.post({}, path=f"/pushes/{push}/retry", name="carol")).status_code == 404
        house.fence.stop(WHERE, house.clock.ms)
        answer = await house.post({}, path=f"/pushes/{push}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "stopped")

    tell(story)
