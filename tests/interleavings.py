"""Register, rotate, opt out, return, push and a provider's late words in any order, against a plain model; seeded.

One store registers, as the api does; another reads slices and buries, as a sender does.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.device import Rows
from pushwarden.ports.devices import DeadToken
from tests.devices_fixtures import HOUR, SHOP, T0, Store, device

PHONES, TOKENS = 24, 120
LATEST = 200
"""Words of a provider that are on their way at once, at most."""


@dataclass(slots=True)
class Phone:
    seq: int
    token: str
    registered_at: int
    live: bool = True
    doubt_at: int | None = None


@dataclass(slots=True)
class Tally:
    """What was done, and what must be zero."""

    steps: int = 0
    done: Counter[str] = field(default_factory=Counter)
    live_lost: int = 0
    sent_after_opt_out: int = 0
    wrongly_dead: int = 0

    @property
    def broken(self) -> int:
        return self.live_lost + self.sent_after_opt_out + self.wrongly_dead


class Play:
    """`registry` and `sender` are the same store, or two that share a file."""

    def __init__(self, registry: Store, sender: Store, seed: int) -> None:
        self.registry, self.sender = registry, sender
        self.chance = random.Random(seed)
        self.now = T0
        self.phones: dict[str, Phone] = {}
        self.names: dict[int, str] = {}  # every number ever given
        self.words: list[DeadToken] = []
        self.tally = Tally()
        self.audience = 0

    async def run(self, steps: int, seconds: float = math.inf) -> Tally:
        """So many steps, or as many as fit into the time."""
        until = time.monotonic() + seconds
        await self.register()
        self.audience = (await self.sender.audiences(SHOP))[0].id
        acts = (self.register, self.rotate, self.come_back, self.opt_out, self.push, self.hear, self.hear)
        while self.tally.steps < steps and time.monotonic() < until:
            self.tally.steps += 1
            self.now += self.chance.choice((1, 1, 1, 50, HOUR))
            await self.chance.choice(acts)()
        await self.push()
        return self.tally

    # --- the app

    async def register(self) -> None:
        """Any phone with any token: a new one, a known one, another phone's."""
        await self._register(f"phone-{self.chance.randrange(PHONES)}", self._token())

    async def rotate(self) -> None:
        if self.phones:
            await self._register(self.chance.choice([*self.phones]), self._token())

    async def come_back(self) -> None:
        """The same phone with the same token, as an app does at each start."""
        if self.phones:
            name = self.chance.choice([*self.phones])
            await self._register(name, self.phones[name].token)

    async def _register(self, name: str, token: str) -> None:
        self.tally.done["registered"] += 1
        (made,) = await self.registry.register(SHOP, [device(name, token)], self.now)
        for other in [one for one, phone in self.phones.items() if phone.token == token and one != name]:
            del self.phones[other]
        before = self.phones.get(name)
        if before is not None and before.seq != made.device.seq:
            self.tally.live_lost += 1
        if self.names.setdefault(made.device.seq, name) != name:
            self.tally.live_lost += 1
        self.phones[name] = Phone(made.device.seq, token, self.now)

    async def opt_out(self) -> None:
        name = f"phone-{self.chance.randrange(PHONES)}"
        removed = await self.registry.remove(SHOP, name)
        self.tally.done["opted out"] += removed
        if removed != int(self.phones.pop(name, None) is not None):
            self.tally.live_lost += 1

    # --- the sender

    async def push(self) -> None:
        """Reads a slice: all that live are in it, nobody else; the provider will call some of it dead, later."""
        self.tally.done["slices"] += 1
        stop = max(self.names, default=0) + 1
        lo, hi = sorted(max(0, stop - self.chance.randrange(4 * PHONES)) for _ in range(2))
        rows = await self._slice(lo, hi)
        found = dict(zip(rows.seqs, rows.tokens, strict=True))
        wanted = {p.seq: p.token.encode() for p in self.phones.values() if p.live and lo <= p.seq < hi}
        self.tally.live_lost += len(wanted.keys() - found.keys())
        self.tally.sent_after_opt_out += sum(found[seq] != wanted.get(seq) for seq in found)
        self.tally.done["pushed"] += len(found)
        for seq, token in found.items():
            if self.chance.random() < 0.6:
                gone = self.chance.choice((None, self.now, self.now - 40, self.now - HOUR, self.now + 30))
                self.words.append(DeadToken(seq, token, gone, "Unregistered"))
        del self.words[:-LATEST]

    async def _slice(self, lo: int, hi: int) -> Rows:
        if self.chance.random() < 0.5:
            return await self.sender.page(self.audience, lo, hi)
        return await self.sender.pick(self.audience, range(lo, hi))

    async def hear(self) -> None:
        """A word that was said of a token as it was when it was read arrives now."""
        if not self.words:
            return
        word = self.words.pop(self.chance.randrange(len(self.words)))
        self.tally.done["words"] += 1
        buried = await self.sender.bury(self.audience, [word], self.now)
        phone = self.phones.get(self.names[word.seq])
        dead = phone is not None and self._dies(phone, word)
        self.tally.done["buried"] += len(buried)
        if buried != ([word.seq] if dead else []):
            self.tally.wrongly_dead += 1
        if phone is not None and dead:
            phone.live, phone.doubt_at = False, None

    def _dies(self, phone: Phone, word: DeadToken) -> bool:
        if phone.seq != word.seq or phone.token.encode() != word.token or not phone.live:
            return False
        if word.gone_ms is not None:
            return phone.registered_at <= word.gone_ms
        phone.doubt_at = self.now if phone.doubt_at is None else phone.doubt_at
        return phone.doubt_at <= self.now - HOUR

    def _token(self) -> str:
        return f"{self.chance.randrange(TOKENS):064x}"


def told(tally: Tally) -> dict[str, Any]:
    return {
        "steps": tally.steps, **tally.done, "live_lost": tally.live_lost,
        "sent_after_opt_out": tally.sent_after_opt_out, "wrongly_dead": tally.wrongly_dead,
    }  # fmt: skip
