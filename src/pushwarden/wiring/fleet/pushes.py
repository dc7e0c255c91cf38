"""What was sent in the month: an hourly silent push, offers, single ones from the order service, tests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType, Source
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Failure, Mark, NewShard, ShardKind, Times
from pushwarden.core.signal import Signal, SignalKind, asks
from pushwarden.ports.journal import Acceptance
from pushwarden.settings import Settings
from pushwarden.wiring.fleet.devices import TESTERS
from pushwarden.wiring.fleet.teller import DAY, HOUR, MINUTE, ORGANISATION, Teller, ToldClock

SENDER = "bulk-0"
REFUSALS = (
    ("Unregistered", 410, 74),
    ("BadDeviceToken", 400, 18),
    ("TooManyRequests", 429, 5),
    ("InternalServerError", 500, 3),
)
LIVE, FOREIGN = Environment.PRODUCTION, "BadDeviceToken"
ORDERS = (
    ("Your order has left the house", "It arrives today between 16 and 18."),
    ("Your order is packed", "We tell you when it leaves."),
    ("Your parcel is here", "It stands at your door."),
    ("Your refund is on its way", "It takes two or three days."),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A push that has ended. at: Unix ms; note: its audience in words; reason: of a refusal, else by chance."""

    at: int
    app: str
    environment: Environment
    kind: PushType
    note: str
    recipients: int
    refused: int = 0
    message: Message = field(default_factory=Message)
    actor: str = "usr_omar"
    to: Device | None = None
    source: Source = Source.API
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A recipient of a push to one user."""

    audience: int
    seq: int
    token: bytes
    user: str


async def tell(story: Teller, settings: Settings, scale: float, singles: int = 0) -> None:
    clock, chance = ToldClock(story.now), random.Random(7)  # noqa: S311
    count = max(60, singles or round(1_400 * scale))
    to, sender = await _recipients(story, count, chance), await _order_service(story)
    tests = list(_tests(story.now, await _phones(story)))
    journal = SqliteJournal(settings.journal_db, clock.now_ms)
    try:
        for sent in sorted([*tests, *_all(story.now, scale, to, sender, chance)], key=lambda one: one.at):
            clock.ms = sent.at
            await record(journal, clock, sent, chance)
    finally:
        journal.close()


async def _recipients(story: Teller, count: int, chance: random.Random) -> list[Device]:
    """Live iPhones of the shop, drawn with their users."""
    found = await story.api.devices.audiences(Scope(ORGANISATION, "acme-shop", LIVE))
    audience = next(one for one in found if one.provider == "apns")
    seqs = sorted(chance.sample(range(audience.next_seq), min(count, audience.next_seq)))
    rows = await story.api.devices.pick(audience.id, seqs, ("user",))
    drawn = zip(rows.seqs, rows.tokens, rows.values["user"], strict=True)
    return [Device(audience.id, seq, token, user) for seq, token, user in drawn]


async def _order_service(story: Teller) -> str:
    """The id of its key."""
    keys = (await story.by("dana").get("/v1/keys")).keys
    return next(str(one.id) for one in keys if one.name == "Order service")


def _all(now: int, scale: float, to: Sequence[Device], sender: str, chance: random.Random) -> Iterator[Sent]:
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
    yield from _singles(now, to, sender, chance)


def _singles(now: int, to: Sequence[Device], sender: str, chance: random.Random) -> Iterator[Sent]:
    for device in to:
        at = now - int(chance.random() ** 2 * 3 * DAY) - MINUTE
        title, body = chance.choice(ORDERS)
        message = Message(title, body=body, link=f"/orders/{chance.randrange(20_000, 29_999)}")
        note, refused = f"user {device.user}", int(chance.random() < 0.04)
        yield Sent(at, "acme-shop", LIVE, PushType.ALERT, note, 1, refused, message, sender, device)
    for number in range(6):
        hello = Message("Hello from Acme Shop", body="If you can read this, pushes work.")
        at = now - 19 * HOUR - number * 7 * MINUTE
        yield Sent(
            at, "acme-shop", Environment.SANDBOX, PushType.ALERT, "device qa-iphone-15", 1, int(number == 2), hello,
            source=Source.TEST,
        )  # fmt: skip


def _tests(now: int, phones: Mapping[str, Device]) -> Iterator[Sent]:
    """Of the last half hour, to the shop's own phones in Production; one has the token of a build from Xcode."""
    leaving = Message(ORDERS[0][0], body=ORDERS[0][1])
    for minutes, name, reason in ((14, "qa-iphone-15", ""), (19, "danas-iphone", FOREIGN), (32, "qa-iphone-15", "")):
        at, note, refused = now - minutes * MINUTE, f"device {name}", int(bool(reason))
        yield Sent(at, "acme-shop", LIVE, PushType.ALERT, note, 1, refused, leaving, "usr_dana", phones[name],
                   Source.TEST, reason)  # fmt: skip


async def _phones(story: Teller) -> dict[str, Device]:
    """The shop's test iPhones, by installation."""
    where, found = Scope(ORGANISATION, "acme-shop", LIVE), dict[str, Device]()
    for name, provider, user in TESTERS:
        if provider == "apns":
            ((audience, (seq, *_)),) = (await story.api.devices.find(where, installations=[name])).items()
            (token,) = (await story.api.devices.pick(audience, [seq])).tokens
            found[name] = Device(audience, seq, token, user)
    return found


async def record(journal: SqliteJournal, clock: ToldClock, sent: Sent, chance: random.Random) -> None:
    """Accepted, claimed and marked as a sender does it, one shard for all."""
    klass = Class.NORMAL if sent.recipients == 1 else Class.BULK
    name = f"{chance.getrandbits(80):020x}"
    message = replace(sent.message, data=asks(name)) if sent.to else sent.message
    push = Push(
        name, ORGANISATION, sent.app, sent.environment, sent.kind, klass, message, sent.at, sent.at + HOUR
    )  # fmt: skip
    lane = Lane(ORGANISATION, sent.app, sent.environment, "apns", klass).key
    accepted = Acceptance(push, (_shard(push, lane, sent),), sent.note, actor=sent.actor, source=sent.source)
    await journal.accept([accepted])
    ((claimed, _),) = await journal.claim(SENDER, {lane: 1}, sent.at)
    handed = sent.at + chance.randrange(5, 14)
    last = handed + (chance.randrange(90, 260) if sent.recipients == 1 else 40_000 + sent.recipients // 2)
    clock.ms = last + 2
    failures = tuple(_failure(push.id, sent, clock.ms, chance) for _ in range(sent.refused))
    counts = {Fate.ACCEPTED: sent.recipients - sent.refused, Fate.REFUSED: sent.refused}
    times = Times(handed, last if sent.recipients == 1 else handed + 96, last)
    await journal.mark(
        [Mark(push.id, claimed.no, claimed.fence, 1, b"\x01", counts, 0, failures, finished=True, times=times)]
    )
    if sent.to and not sent.refused and chance.random() < 0.63:
        woken = last + chance.randrange(400, 1800)
        signal = Signal(push.id, sent.to.audience, sent.to.seq, SignalKind.RECEIVED, woken, apart=True)
        await journal.signal([signal])


def _shard(push: Push, lane: str, sent: Sent) -> NewShard:
    if sent.to is None:
        return NewShard(push.id, ORGANISATION, ShardKind.RANGE, 1, lane, sent.at, 0, 1)
    members = sent.to.seq.to_bytes(8, "little")
    return NewShard(push.id, ORGANISATION, ShardKind.LIST, sent.to.audience, lane, sent.at, 0, 1, members)


def _failure(push: str, sent: Sent, at: int, chance: random.Random) -> Failure:
    told = [one for one in REFUSALS if one[0] == sent.reason] or REFUSALS
    reason, status, _ = chance.choices(told, [weight for *_, weight in told])[0]
    if (to := sent.to) is not None:
        return Failure(push, to.audience, to.seq, Fate.REFUSED, reason, status, at, to.token)
    return Failure(push, 1, chance.randrange(50_000), Fate.REFUSED, reason, status, at, chance.randbytes(16))
