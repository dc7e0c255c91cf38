"""Registering, rotating, opting out, importing and a provider's late words in any order, against a plain model."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from tests.devices_fixtures import (
    HOUR,
    SHOP,
    T0,
    Store,
    device,
    entry,
    everything,
    imported,
    made_postgres,
    made_sqlite,
)
from tests.interleavings import Play, Tally

from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.postgres.devices import PostgresDevices
from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.core.device import Device, DeviceState
from pushwarden.ports.devices import DeadToken

T = TypeVar("T")
NAMES = st.sampled_from([f"phone-{n}" for n in range(5)])
TOKENS = st.sampled_from(["aa", "bb", "cc", "dd", "ee", "abc"])


class History(RuleBasedStateMachine):
    """`told` is what the provider said of a token we sent to; it may arrive long after."""

    words = Bundle("words")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = T0
        self.store = self.make()
        self.model: dict[str, Device] = {}
        self.doubts: dict[str, int] = {}
        self.seqs: dict[int, str] = {}

    def make(self) -> Store:
        return MemoryDevices()

    def wait(self, scene: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(scene)

    def holds(self, name: str, token: str) -> None:
        for other in [n for n, d in self.model.items() if d.token == token and n != name]:
            del self.model[other]
            self.doubts.pop(other, None)

    @initialize()
    def first(self) -> None:
        self.register("phone-0", "aa")

    @rule(name=NAMES, token=TOKENS)
    def register(self, name: str, token: str) -> None:
        self.now += 10
        (done,) = self.wait(self.store.register(SHOP, [device(name, token)], self.now))
        self.holds(name, token)
        old = self.model.get(name)
        assert done.change == "created" if old is None else done.device.seq == old.seq
        self.model[name] = done.device
        self.doubts.pop(name, None)
        assert self.seqs.setdefault(done.device.seq, name) == name

    @rule(name=NAMES, token=TOKENS)
    def bring_in(self, name: str, token: str) -> None:
        self.wait(imported(self.store, SHOP, [entry(name, token)]))
        self.holds(name, token)
        (now,) = self.wait(self.store.get(SHOP, name))
        old = self.model.get(name)
        if old is not None and old.token == token:
            assert (now.state, now.registered_at) == (old.state, old.registered_at)
        else:
            assert (now.state, now.registered_at) == (DeviceState.LIVE, 0)
            self.doubts.pop(name, None)
        self.model[name] = now
        assert self.seqs.setdefault(now.seq, name) == name

    @rule(name=NAMES)
    def opt_out(self, name: str) -> None:
        assert self.wait(self.store.remove(SHOP, name)) == int(name in self.model)
        self.model.pop(name, None)
        self.doubts.pop(name, None)

    @rule(target=words, name=NAMES, ago=st.sampled_from([None, 0, 15, 100]))
    def hear(self, name: str, ago: int | None) -> tuple[str, DeadToken] | None:
        found = self.model.get(name)
        if found is None:
            return None
        gone = None if ago is None else self.now - ago
        return name, DeadToken(found.seq, found.token.encode(), gone, "Unregistered")

    @rule(told=consumes(words), later=st.sampled_from([1, HOUR]))
    def bury(self, told: tuple[str, DeadToken] | None, later: int) -> None:
        if told is None:
            return
        name, word = told
        self.now += later
        audience = self.wait(self.store.audiences(SHOP))[0].id
        buried = self.wait(self.store.bury(audience, [word], self.now))
        old = self.model.get(name)
        same = old is not None and old.seq == word.seq and old.token.encode() == word.token
        if old is None or not same or old.state is DeviceState.GONE:
            assert buried == []
            return
        if word.gone_ms is None:
            dead = self.doubts.setdefault(name, self.now) <= self.now - HOUR
        else:
            dead = old.registered_at <= word.gone_ms
        assert buried == ([word.seq] if dead else [])
        (self.model[name],) = self.wait(self.store.get(SHOP, name))
        if dead:
            self.doubts.pop(name, None)

    @rule()
    def dig_up(self) -> None:
        audience = self.wait(self.store.audiences(SHOP))[0].id
        gone = [name for name, d in self.model.items() if d.state is DeviceState.GONE]
        assert self.wait(self.store.exhume(audience, since_ms=0, now_ms=0)) == len(gone)
        for name in gone:
            (self.model[name],) = self.wait(self.store.get(SHOP, name))

    @invariant()
    def no_live_token_is_lost_and_no_dead_one_is_sent_to(self) -> None:
        assert self.wait(everything(self.store, SHOP)) == sorted(self.model.values(), key=lambda d: d.seq)
        audiences = self.wait(self.store.audiences(SHOP))
        live = {d.seq: d.token.encode() for d in self.model.values() if d.state is DeviceState.LIVE}
        for audience in audiences:
            rows = self.wait(self.store.page(audience.id, 0, audience.next_seq))
            assert dict(zip(rows.seqs, rows.tokens, strict=True)) == live
            assert audience.size == len(live)
            assert list(self.wait(self.store.members(audience.id, 0, audience.next_seq))) == sorted(live)

    def teardown(self) -> None:
        self.loop.close()


class SqliteHistory(History):
    def make(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return made_sqlite(Path(self.folder.name))

    def teardown(self) -> None:
        assert isinstance(self.store, SqliteDevices)
        self.store.close()
        self.folder.cleanup()
        super().teardown()


class PostgresHistory(History):
    def make(self) -> Store:
        return made_postgres()

    def teardown(self) -> None:
        assert isinstance(self.store, PostgresDevices)
        self.wait(self.store.close())
        super().teardown()


LIMITS = settings(
    max_examples=40, stateful_step_count=30, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
TestMemoryHistory = seed(5)(History).TestCase
TestMemoryHistory.settings = LIMITS
TestSqliteHistory = seed(5)(SqliteHistory).TestCase
TestSqliteHistory.settings = settings(LIMITS, max_examples=25)
TestPostgresHistory = seed(5)(PostgresHistory).TestCase
TestPostgresHistory.settings = settings(LIMITS, max_examples=10)


STEPS = 20_000
"""Of each store; `./dev soak interleavings` plays a million."""


def test_no_interleaving_loses_a_live_token_or_sends_after_an_opt_out_in_memory() -> None:
    store = MemoryDevices()
    tally = asyncio.run(Play(store, store, seed=11).run(STEPS))
    assert tally.broken == 0, tally
    assert min(tally.done.values()) > STEPS // 100


def test_no_interleaving_of_two_processes_loses_a_live_token_or_sends_after_an_opt_out(tmp_path: Path) -> None:
    api, sender = made_sqlite(tmp_path), made_sqlite(tmp_path)

    async def scene() -> Tally:
        try:
            return await Play(api, sender, seed=12).run(STEPS)
        finally:
            api.close()
            sender.close()

    tally = asyncio.run(scene())
    assert tally.broken == 0, tally
    assert min(tally.done.values()) > STEPS // 100
