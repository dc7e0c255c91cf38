"""The sender process: the pump with its parts, the only place where the vault opens."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from typing import Any

import structlog

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.health import CatalogHealths
from pushwarden.adapters.holds import CatalogHolds
from pushwarden.adapters.probes import CatalogProbes
from pushwarden.adapters.ring_server import RingServer
from pushwarden.adapters.vault.keys import VAULT
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.hold import Hold
from pushwarden.core.lane import Class, Lane
from pushwarden.core.scope import Scope
from pushwarden.dataplane.feedback.burial import Burial
from pushwarden.dataplane.feedback.ledger import Ledger
from pushwarden.dataplane.feedback.proving import Proving
from pushwarden.dataplane.feedback.watch import Watching
from pushwarden.dataplane.lanes.gate import Gate, held_name
from pushwarden.dataplane.lanes.pump import Pump, Tools
from pushwarden.dataplane.proof.prover import Prover
from pushwarden.dataplane.proof.prover import Tools as Proofs
from pushwarden.settings import Settings
from pushwarden.wiring.entries import Entries
from pushwarden.wiring.keyholders import Holder
from pushwarden.wiring.providers import PROVIDERS
from pushwarden.wiring.roles import kind, names
from pushwarden.wiring.run import ready
from pushwarden.wiring.stores import require_current, stores_of

POLL = 0.25
"""Seconds between looks at the configuration and the holds; the ring makes it quicker."""
LATE_MS = 25_000
"""A shard whose last answer is still awaited goes back to the store within this time."""
PATIENCE = 15.0
"""Seconds a drain waits for answers under way."""
FIRST_TO_PROVE = "sender-normal"
"""Which one looks whether a credential is good; the others have calls and fan-outs to think of."""
log = structlog.get_logger("sender")


def classes_of(name: str) -> tuple[Class, ...]:
    """A seat serves one class alone, so that nothing stands before a call, nor a fan-out before a single push.

    Unproven devices have one seat, so that a sample is one sample; so has what senders died at, so that it is one
    that dies.
    """
    match name:
        case "sender-urgent":
            return (Class.URGENT,)
        case "sender-normal":
            return (Class.NORMAL,)
        case "sender-bulk-0":
            return (Class.BULK, Class.SUSPECT, Class.ALONE)
        case _:
            return (Class.BULK,)


def quotas(settings: Settings, name: str) -> dict[str, float]:
    """Provider → requests a minute for this sender, whichever of them has work: fan-outs get twice the others' part."""
    parts = {one: 2 if Class.BULK in classes_of(one) else 1 for one in names(settings) if kind(one) == "sender"}
    return {"fcm": settings.fcm_quota * parts.get(name, 1) / sum(parts.values())}


class Sender:
    """One seat: what it is made of, and what the ring may ask of it."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.settings, self.name = settings, name
        clock = SystemClock()
        self.clock = clock
        self.stores = stores_of(settings, name)
        self.journal, self.devices = self.stores.journal, self.stores.devices
        self.holds = CatalogHolds(self.stores.catalog)
        self.holder = Holder(settings, VAULT)
        self.entries = entries = Entries(settings, self.holder.opening, PROVIDERS)
        self.ledger = Ledger(self.journal, settings.unknown_window)
        limits, patience = quotas(settings, name), settings.stop_patience_ms / 1000
        tools = Tools(self.journal, self.devices, clock, PROVIDERS, entries, limits, patience)
        self.pump = Pump(name, classes_of(name), tools, Gate(FenceFile(settings.fence_file)), self.ledger)
        self.burial = Burial(self.devices, self.holds, clock, self.on_hold)
        self.proving = Proving(self.pump.trials, self.devices, self.journal, self.burial)
        healths = CatalogHealths(self.stores.catalog, name)
        self.watching = Watching(self.pump.answers.watch, healths, clock, self.pump.stations.values)
        probes, stopped = CatalogProbes(self.stores.catalog), self.pump.gate.stops
        proofs = Proofs(probes, healths, clock, PROVIDERS, entries, entries.anew, stopped)
        self.prover = Prover(name, proofs, first=name == FIRST_TO_PROVE)
        self.held: dict[str, Hold] = {}
        self._applied: set[str] = set()
        self._letting_go: list[tuple[Scope, int]] = []
        self._since = clock.now_ms()
        handlers = {
            "fence": self.on_fence,
            "doorbell": self.on_doorbell,
            "snapshot": self.on_snapshot,
            "ramps": self.on_ramps,
            "stats": self.on_stats,
            "drain": self.on_drain,
            "vault": self.on_vault,
        }
        self.server = RingServer(settings.run, name, handlers)

    async def run(self) -> None:
        """Until SIGTERM or a `drain`."""
        await self.server.start()
        await self.journal.enlist(self.name, self.clock.now_ms())
        await self.look()
        pump = self.pump
        burying = self.burial.keep(pump.settled_stations, pump.answers.suspected)
        proving = self.proving.keep(pump.works, pump.stations, pump.doorbell)
        works = (self.watch(), burying, proving, self.watching.keep(), self.prover.keep())
        beside = [asyncio.create_task(work) for work in works]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: asyncio.ensure_future(self.pump.drain(PATIENCE)))
        gc.collect()
        gc.freeze()
        ready()
        log.info("sending", sender=self.name, classes=[str(klass) for klass in self.pump.classes])
        sending = asyncio.create_task(pump.run())
        try:
            ended, _ = await asyncio.wait({sending, *beside}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()  # a sender without its burials or its look at the holds must not go on
        finally:
            for task in (sending, *beside):
                task.cancel()
            await asyncio.gather(sending, *beside, return_exceptions=True)
            await self.server.close()
            await self.stores.close()

    # --- configuration and holds

    async def watch(self) -> None:
        """Looks for a new configuration and for released holds a few times a second."""
        while True:
            await asyncio.sleep(POLL)
            with contextlib.suppress(Busy, StoreFull):
                await self.look()

    async def look(self) -> None:
        self.pump.go_by(await self.stores.catalog.read(lambda tables: tables.ramps.open()))
        snapshot = await self.stores.snapshots.load_if_newer(self.pump.gate.snapshot.version)
        held = {hold.id: hold for hold in await self.holds.held()}
        if snapshot is not None or held.keys() != self.held.keys():
            self.held = held
            self._configure(snapshot)
        for hold in await self.holds.released(self._since):
            if hold.id not in self._applied:
                whole = await self.holds.whole(hold)
                buried = await self.burial.released(whole, self.pump.stations)
                await self.proving.released(whole)
                self._applied.add(hold.id)
                self._letting_go.append((Lane.parse(hold.lane).scope, self.clock.now_ms() + LATE_MS))
                log.info("hold released", lane=hold.lane, release=hold.release, buried=buried)

        await self._let_go()

    async def _let_go(self) -> None:
        """Shards of a released lane become ready, those too that still waited for answers when it was released."""
        for scope, _ in self._letting_go:
            if await self.journal.release(scope):
                self.pump.doorbell()
        self._letting_go = [entry for entry in self._letting_go if entry[1] > self.clock.now_ms()]

    def on_hold(self, hold: Hold) -> None:
        log.warning("lane held", lane=hold.lane, reason=hold.reason)
        self.held[hold.id] = hold
        self._configure(None)

    def _configure(self, snapshot: Any) -> None:
        names = [held_name(Lane.parse(hold.lane)) for hold in self.held.values()]
        self.pump.configure(snapshot or self.pump.gate.snapshot, names)
        self.entries.keep(self.pump.gate.snapshot.credentials.values())

    # --- the ring

    async def on_fence(self, request: dict[str, Any]) -> dict[str, Any]:
        self.prover.halt()
        confirmation, named, lanes = await self.pump.fence()
        return {"confirmation": confirmation, "named": named, "lanes": lanes}

    async def on_doorbell(self, request: dict[str, Any]) -> None:
        if set(request.get("classes", ())) & set(self.pump.classes):
            self.pump.doorbell()

    async def on_snapshot(self, request: dict[str, Any]) -> None:
        await self.look()

    async def on_ramps(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """At which step it goes by each ramp now; None when the store cannot be read."""
        try:
            await self.look()
        except (Busy, StoreFull):
            return None
        return {"ramps": {ramp.id: ramp.step for ramp in self.pump.ramps.open}}

    async def on_drain(self, request: dict[str, Any]) -> None:
        await self.pump.drain(PATIENCE)

    async def on_vault(self, request: dict[str, Any]) -> dict[str, Any]:
        """The newest configuration first: what it names opens with the keys that are read then."""
        try:
            await self.look()
        except (Busy, StoreFull) as error:
            return {"says": error.detail}
        return await self.holder.answer(request)

    async def on_stats(self, request: dict[str, Any]) -> dict[str, Any]:
        pump, loop = self.pump, asyncio.get_running_loop()
        return {
            "snapshot": pump.gate.snapshot.version,
            "window": self.ledger.window,
            "shards": len(pump.works),
            "in_flight": sum(station.connections.in_flight for station in pump.stations.values()),
            "connections": {key: len(station.connections.links) for key, station in pump.stations.items()},
            "lanes": {key: station.report(loop.time()) for key, station in pump.stations.items()},
            "troubles": self.ledger.troubles
            | {s.lane.family: s.pace.sentence for s in pump.stations.values() if s.pace.sentence},
            "counters": self.ledger.counters.as_dict(),
        }


async def main(settings: Settings, name: str) -> None:
    """Runs one sender seat until it is told to end."""
    require_current(settings)
    await Sender(settings, name).run()
