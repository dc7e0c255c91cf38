"""What was sent in the month: an hourly silent push, offers, single ones from the order service, tests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.shard import Failure, Mark, NewShard, ShardKind
from pushwarden.ports.journal import Acceptance
from pushwarden.settings import Settings
from pushwarden.wiring.fleet.teller import DAY, HOUR, MINUTE, ORGANISATION, Teller, ToldClock

SENDER = "bulk-0"
REFUSALS = (
    ("Unregistered", 410, 74),
    ("BadDeviceToken", 400, 18),
    ("TooManyRequests", 429, 5),
    ("InternalServerError", 500, 3),
)
LIVE = Environment.PRODUCTION
ORDERS = (
    ("Your order has left the house", "It arrives today between 16 and 18."),
    ("Your order is packed", "We tell you when it leaves."),
    ("Delivered", "It stands at your door."),
    ("Your refund is on its way", "It takes two or three days."),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A push that has ended. at: Unix milliseconds; note: its audience in words."""

    at: int
    app: str
    environment: Environment
    kind: PushType
    note: str
    recipients: int
    refused: int = 0
    message: Message = field(default_factory=Message)
    actor: str = "usr_omar"


async def tell(story: Teller, settings: Settings, scale: float, singles: int = 0) -> None:
    clock, chance = ToldClock(story.now), random.Random(7)  # noqa: S311
    journal = SqliteJournal(settings.journal_db, clock.now_ms)
    try:
        for sent in sorted(_all(story.now, scale, singles or round(1_400 * scale), chance), key=lambda one: one.at):
            clock.ms = sent.at
            await _record(journal, clock, sent, chance)
    finally:
        journal.close()


def _all(now: int, scale: float, singles: int, chance: random.Random) -> Iterator[Sent]:
    hour, shop, drivers = now - now % HOUR, "acme-shop", "acme-drivers"
    for number in range(max(48, round(720 * scale))):
        at, size = hour + 5 * MINUTE - number * HOUR, round(scale * (84_210 - 13 * number))
        if at < now - 20 * MINUTE:
            silent = Message(data={"sync": "catalogue"})
            yield Sent(at, shop, LIVE, PushType.BACKGROUND, "every device", size, size // 900, silent)
    for number in range(30):
        at, size = now - now % DAY - number * DAY + 18 * HOUR, round(scale * (9_120 + 31 * number))
        if at < now - HOUR:
            offer = Message("The evening offer", body="Two for one until midnight.", link="/offers/evening")
            yield Sent(at, shop, LIVE, PushType.ALERT, "tags plan:plus", size, size // 300, offer)
            shift = Message("Your shift", body="Your route for today is ready.")
            yield Sent(
                at - 12 * HOUR,
                drivers,
                Environment.PRODUCTION,
                PushType.ALERT,
                "every device",
                round(6_402 * scale),
                6,
                shift,
            )
    yield from _singles(now, singles, chance)


def _singles(now: int, count: int, chance: random.Random) -> Iterator[Sent]:
    for _ in range(max(60, count)):
        at = now - int(chance.random() ** 2 * 3 * DAY) - MINUTE
        title, body = chance.choice(ORDERS)
        message = Message(title, body=body, link=f"/orders/{chance.randrange(20_000, 29_999)}")
        note, refused = f"user user-{chance.randrange(60_000)}", int(chance.random() < 0.04)
        yield Sent(at, "acme-shop", LIVE, PushType.ALERT, note, 1, refused, message, "key_orders")
    for number in range(6):
        hello = Message("Hello from Acme Shop", body="If you can read this, pushes work.")
        at = now - 19 * HOUR - number * 7 * MINUTE
        yield Sent(
            at, "acme-shop", Environment.SANDBOX, PushType.ALERT, "device qa-iphone-15", 1, int(number == 2), hello
        )


async def _record(journal: SqliteJournal, clock: ToldClock, sent: Sent, chance: random.Random) -> None:
    """Accepted, claimed and marked as a sender does it, one shard for all."""
    klass = Class.NORMAL if sent.recipients == 1 else Class.BULK
    push = Push(
        f"{chance.getrandbits(80):020x}", ORGANISATION, sent.app, sent.environment, sent.kind, klass, sent.message,
        sent.at, sent.at + HOUR,
    )  # fmt: skip
    lane = Lane(ORGANISATION, sent.app, sent.environment, "apns", klass).key
    shard = NewShard(push.id, ORGANISATION, ShardKind.RANGE, 1, lane, sent.at, 0, 1)
    await journal.accept([Acceptance(push, (shard,), sent.note, actor=sent.actor)])
    ((claimed, _),) = await journal.claim(SENDER, {lane: 1}, sent.at)
    clock.ms = sent.at + (190 if sent.recipients == 1 else 40_000 + sent.recipients // 2)
    failures = tuple(_failure(push.id, clock.ms, chance) for _ in range(sent.refused))
    counts = {Fate.ACCEPTED: sent.recipients - sent.refused, Fate.REFUSED: sent.refused}
    await journal.mark([Mark(push.id, claimed.no, claimed.fence, 1, b"\x01", counts, 0, failures, finished=True)])


def _failure(push: str, at: int, chance: random.Random) -> Failure:
    reason, status, _ = chance.choices(REFUSALS, [weight for *_, weight in REFUSALS])[0]
    return Failure(push, 1, chance.randrange(50_000), Fate.REFUSED, reason, status, at, chance.randbytes(16))
