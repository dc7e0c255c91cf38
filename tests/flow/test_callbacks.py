"""Telling callbacks: over real HTTPS to a real receiver, from stores in memory, with the time in the test's hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from callback_fixtures import ALLOWED, Receiver, verified
from journal_fixtures import NOW, SHOP, list_shard, mark_of, push_of
from pushwarden.adapters.egress.addresses import Allowed
from pushwarden.adapters.egress.outbound import Outbound
from pushwarden.adapters.holds import CatalogHolds
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.memory.journal import MemoryJournal
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import GIVE_UP_MS, TEST, Callback, Course, Delivery, Event, made, says
from pushwarden.core.device import RAW_AUDIENCE, Device
from pushwarden.core.hold import Hold
from pushwarden.core.outcome import Fate
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.secret import Secret
from pushwarden.core.shard import Failure
from pushwarden.dataplane.callbacks.courier import Bag, Courier
from pushwarden.dataplane.callbacks.sources import Audited, DeadTokens, Failures, Pushes
from pushwarden.ports.catalog import Changed
from pushwarden.ports.devices import DeadToken
from pushwarden.ports.journal import Acceptance

SECRET, OTHER = "whsec_" + "c2VjcmV0" * 5 + "==", "whsec_" + "b3RoZXIh" * 5
SECRETS = {b"sealed:new": SECRET, b"sealed:old": OTHER}


class Clock:
    ms = NOW

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


class Opening:
    def open(self, sealed: bytes, label: str) -> Secret:
        assert label.startswith("callback|acme|shop|")
        return Secret(SECRETS[sealed].encode())


@dataclass
class House:
    receiver: Receiver
    callback: Callback

    def __post_init__(self) -> None:
        self.clock, self.catalog = Clock(), MemoryCatalog()
        self.journal, self.devices = MemoryJournal(self.clock.now_ms), MemoryDevices()
        sources = (
            Audited(self.catalog), DeadTokens(self.devices), Failures(self.journal, self.devices), Pushes(self.journal)
        )  # fmt: skip
        outbound = Outbound(Allowed.parse(ALLOWED), self.receiver.certificates.ca, seconds=5)
        self.bag = Bag(self.catalog, sources, Opening(), outbound, self.clock, jitter=lambda: 1.0)
        self.courier = Courier(self.callback, self.bag)

    async def enter(self) -> None:
        entry = AuditEntry(NOW - 2, "alice", "callback.create", Scope("acme", "shop"))
        await self.catalog.change(entry, lambda tables: Changed(tables.callbacks.insert(self.callback)))

    async def tell(self, steps: int = 20) -> None:
        """Until nothing is due."""
        for _ in range(steps):
            before = len(self.receiver.heard)
            more = await self.courier.step()
            if not more and len(self.receiver.heard) == before:
                return

    async def course(self) -> Course:
        return await self.catalog.read(lambda tables: tables.courses.get(self.callback))

    async def deliveries(self) -> list[Delivery]:
        return await self.catalog.read(lambda tables: tables.courses.deliveries(self.callback))

    async def accept(self, *seqs: int, **fields: Any) -> str:
        """A push; with seqs it stays open, without it is done at once."""
        push = push_of(replace(SHOP, environment=fields.pop("environment", Environment.PRODUCTION)), **fields)
        await self.journal.accept([Acceptance(push, (list_shard(push, *seqs),) if seqs else ())])
        return push.id

    async def finish(self, *failures: Failure) -> None:
        """Ends the open shard, with these failures."""
        [lane] = await self.journal.ready(("normal",))
        [(shard, _)] = await self.journal.claim("bulk-0", {lane: 1}, NOW)
        failed = tuple(replace(one, push=shard.push) for one in failures)
        counts = {Fate.REFUSED: len(failed), Fate.ACCEPTED: shard.width - len(failed)}
        await self.journal.mark([mark_of(shard, shard.width, counts=counts, failures=failed, finished=True)])


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path).up() as found:
        yield found


def house_of(receiver: Receiver, **fields: Any) -> House:
    events = fields.pop("events", tuple(Event))
    callback = Callback(
        "acme", "shop", "cb_1", receiver.url, events, sealed=b"sealed:new", created_at=NOW - 1, **fields
    )  # fmt: skip
    return House(receiver, callback)


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_every_kind_of_outcome_is_told_once_and_signed(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        await house.devices.register(SHOP, [Device("phone", "apns", "ab" * 32, user="ada")], NOW - 9)
        done, opened = await house.accept(), await house.accept(0, 1)
        await house.tell()
        assert [item["push"] for item in receiver.taken("push.finished")] == [done]
        raw = Failure("", RAW_AUDIENCE, 0, Fate.UNKNOWN, "deadline", 0, NOW, b"cd" * 32)
        await house.finish(Failure("", 1, 0, Fate.REFUSED, "Unregistered", 410, NOW, b"ab" * 32), raw)
        await house.devices.bury(1, [DeadToken(0, b"ab" * 32, NOW, "Unregistered", opened)], NOW)
        hold = Hold("h1", "acme/shop/production/apns/bulk", "Too many died.", NOW)
        await CatalogHolds(house.catalog).open(hold)
        await house.tell()
        assert [item["push"] for item in receiver.taken("push.finished")] == [done, opened]
        [named, unnamed] = receiver.taken("push.failures")
        assert (named["installation_id"], named["user"], named["reason"]) == ("phone", "ada", "Unregistered")
        assert (unnamed["token"], unnamed["fate"], unnamed["installation_id"]) == ("cd" * 32, "unknown", "")
        [gone] = receiver.taken("device.invalidated")
        assert (gone["token"], gone["state"], gone["push"]) == ("ab" * 32, "gone", opened)
        [held] = receiver.taken("lane.held")
        assert (held["hold"], held["reason"]) == ("h1", "Too many died.")
        assert all(verified(SECRET, one, now_s=NOW // 1000) for one in receiver.heard)
        assert len({one.id for one in receiver.heard}) == len(receiver.heard)
        await house.tell()
        assert len(receiver.taken()) == 6

    run(scene())


def test_a_tampered_body_another_id_an_old_time_and_another_secret_are_known(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        await house.accept()
        await house.tell()
        [heard] = receiver.heard
        now = NOW // 1000
        assert verified(SECRET, heard, now_s=now)
        assert not verified(SECRET, replace(heard, body=heard.body + b" "), now_s=now)
        assert not verified(SECRET, replace(heard, headers=heard.headers | {"webhook-id": "msg_2"}), now_s=now)
        assert not verified(SECRET, heard, now_s=now + 301)
        assert not verified(OTHER, heard, now_s=now)

    run(scene())


def test_the_receiver_of_the_documentation_knows_a_message_and_a_forged_one(receiver: Receiver) -> None:
    page = (Path(__file__).parents[2] / "docs" / "callbacks.md").read_text()
    written: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], written)

    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        house.clock.ms = time.time_ns() // 1_000_000
        await house.accept()
        await house.tell()

    run(scene())
    [heard] = receiver.heard
    assert written["verified"](SECRET, heard.headers, heard.body)
    assert not written["verified"](SECRET, heard.headers, heard.body + b" ")
    assert not written["verified"](OTHER, heard.headers, heard.body)
    assert not written["verified"](SECRET, heard.headers | {"webhook-timestamp": "1700000000"}, heard.body)


def test_two_secrets_sign_until_the_overlap_ends(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver, previous=b"sealed:old", previous_until=NOW + 1000)
        await house.enter()
        await house.accept()
        await house.tell()
        house.clock.ms += 1000
        await house.accept(accepted_at=NOW + 1)
        await house.tell()
        [both, one] = receiver.heard
        assert verified(SECRET, both, now_s=NOW // 1000) and verified(OTHER, both, now_s=NOW // 1000)
        assert verified(SECRET, one, now_s=NOW // 1000) and not verified(OTHER, one, now_s=NOW // 1000)

    run(scene())


def test_a_refused_message_is_sent_again_later_under_the_same_id_and_bytes_and_others_wait(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        receiver.answer = lambda before: 500 if before < 3 else 200
        await house.accept()
        for wait in (5_000, 10_000, 20_000):
            await house.tell()
            message = (await house.course()).message
            assert message is not None and message.due_at == house.clock.ms + wait
            assert "is tried again by itself" in says(house.callback, await house.course())
            await house.accept()
            house.clock.ms += wait
        await house.tell()
        assert len({(one.id, one.body) for one in receiver.heard[:4]}) == 1
        assert len(receiver.taken("push.finished")) == 4
        assert [one.status for one in await house.deliveries()] == [200, 200, 500, 500, 500]

    run(scene())


def test_a_courier_that_ended_anywhere_goes_on_with_the_same_message(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        for _ in range(3):
            await house.accept()
        assert await house.courier.step()  # made, not told
        house.courier = Courier(house.callback, house.bag)
        message = (await house.course()).message
        await house.bag.poster.post(house.callback.url, {"webhook-id": message.id if message else ""}, b"{}")
        await house.tell()  # what was told before the end was recorded is told again, under its id
        await house.accept()
        house.courier = Courier(house.callback, house.bag)
        await house.tell()
        assert receiver.heard[0].id == receiver.heard[1].id
        assert len(receiver.taken("push.finished")) == len({i["push"] for i in receiver.taken("push.finished")}) == 4

    run(scene())


def test_after_three_days_a_person_is_asked_and_may_retry(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        receiver.answer = lambda _: 503
        await house.accept()
        while not (message := (await house.course()).message) or not message.gave_up:
            await house.tell()
            house.clock.ms += 3_600_000
            assert house.clock.ms - NOW <= GIVE_UP_MS + 7_200_000
        assert "three days" in says(house.callback, await house.course())
        tries = len(receiver.heard)
        house.clock.ms += 90_000_000
        await house.tell()
        assert len(receiver.heard) == tries
        receiver.answer = lambda _: 200
        again = replace(message, gave_up=False, due_at=house.clock.ms, since=house.clock.ms, attempts=0)
        await house.catalog.note(lambda tables: tables.courses.put(house.callback, again))
        await house.tell()
        assert len(receiver.taken("push.finished")) == 1

    run(scene())


def test_a_receiver_that_answers_410_is_told_nothing_more(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        receiver.answer = lambda _: 410
        await house.accept()
        await house.tell()
        [now] = await house.catalog.read(lambda tables: tables.callbacks.all())
        assert (now.enabled, now.version) == (False, 2)
        assert "410" in says(now, await house.course())

    run(scene())


def test_a_silent_receiver_delays_only_itself(receiver: Receiver, tmp_path: Path) -> None:
    async def scene(quick: Receiver) -> None:
        house = house_of(receiver)
        other = replace(house.callback, id="cb_2", url=quick.url)
        await house.enter()
        entry = AuditEntry(NOW, "alice", "callback.create", Scope("acme", "shop"))
        await house.catalog.change(entry, lambda tables: Changed(tables.callbacks.insert(other)))
        receiver.free.clear()
        await house.accept()
        slow = asyncio.create_task(house.tell())
        courier = Courier(other, house.bag)
        while not quick.taken("push.finished"):
            await courier.step()
        assert not slow.done()
        receiver.free.set()
        await slow
        assert len(receiver.taken("push.finished")) == 1

    with Receiver(tmp_path).up() as quick:
        run(scene(quick))


def test_only_chosen_events_and_environments_are_told(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver, events=(Event.PUSH_FINISHED,), environments=(Environment.SANDBOX,))
        await house.enter()
        await house.accept()
        wanted = await house.accept(environment=Environment.SANDBOX)
        await house.devices.invalidate(SHOP, "apns", [DeadToken(0, b"ab", NOW, "Unregistered")], NOW)
        await house.tell()
        assert [item["push"] for item in receiver.taken()] == [wanted]

    run(scene())


def test_nothing_from_before_the_callback_is_told(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.accept(accepted_at=NOW - 500)
        await house.devices.invalidate(SHOP, "apns", [DeadToken(0, b"ab", NOW, "Unregistered")], NOW - 500)
        await CatalogHolds(house.catalog).open(Hold("h0", "acme/shop/production/apns/bulk", "Old.", NOW - 500))
        await house.enter()
        await house.tell()
        assert receiver.heard == []

    run(scene())


def test_a_thousand_pushes_come_in_few_messages(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        pushes = [await house.accept() for _ in range(1100)]
        await house.tell()
        assert [item["push"] for item in receiver.taken("push.finished")] == pushes
        assert len(receiver.heard) == 3

    run(scene())


def test_a_test_event_goes_before_what_is_stuck_and_is_tried_once(receiver: Receiver) -> None:
    async def scene() -> None:
        house = house_of(receiver)
        await house.enter()
        receiver.answer = lambda _: 500
        await house.accept()
        await house.tell()
        trial = made(TEST, "shop", [], house.clock.ms, trial=True)
        await house.catalog.note(lambda tables: tables.courses.put(house.callback, trial))
        await house.tell()
        await house.tell()
        assert [one.said["type"] for one in receiver.heard] == ["push.finished", TEST]
        assert len((await house.course()).messages) == 1

    run(scene())
