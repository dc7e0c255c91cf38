"""The api process: the HTTP door, the stop, and the configuration it publishes. It seals credentials and opens none."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import structlog
import uvicorn

from pushwarden import __version__
from pushwarden.adapters.anchor_file import AnchorFile
from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.processes import LocalProcesses
from pushwarden.adapters.ring import Ring, RingServer
from pushwarden.adapters.stop_diary import StopFolder
from pushwarden.adapters.vault.chest import chest_of
from pushwarden.adapters.vault.hpke import Sealing
from pushwarden.adapters.vault.keys import CALLBACKS, PAIRS, VAULT, public_key
from pushwarden.adapters.vault.signing import signer_of
from pushwarden.control import access, versions
from pushwarden.control.api import receipts as receipt_routes
from pushwarden.control.api import stops as stop_routes
from pushwarden.control.api.app import build
from pushwarden.control.api.receipts import Shown
from pushwarden.control.api.stops import Known
from pushwarden.control.brake import Brake
from pushwarden.control.console import app as console
from pushwarden.control.console.desk import Desk, Pulse
from pushwarden.control.console.sessions import SignedIn
from pushwarden.control.guard import Guard
from pushwarden.control.machine import Installation
from pushwarden.control.outlook import Outlook
from pushwarden.control.people import links
from pushwarden.control.people.desk import Desk as People
from pushwarden.control.people.roll import Roll
from pushwarden.control.services import Services
from pushwarden.control.situation import Situation, seen
from pushwarden.control.stop_book import StopBook
from pushwarden.control.stops import Parts, Stops
from pushwarden.core.app import Credential, Snapshot
from pushwarden.core.errors import Busy, Invalid, StoreFull
from pushwarden.core.health import Health, record_of, standing
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.intake.accept import GroupCommit
from pushwarden.dataplane.intake.authorize import Stops as StopView
from pushwarden.dataplane.intake.census_routes import CensusRoutes
from pushwarden.dataplane.intake.device_routes import DeviceRoutes
from pushwarden.dataplane.intake.directory_routes import DirectoryRoutes
from pushwarden.dataplane.intake.import_book import ImportBook
from pushwarden.dataplane.intake.invalidation_routes import InvalidationRoutes
from pushwarden.dataplane.intake.phone_routes import PhoneRoutes
from pushwarden.dataplane.intake.push import Intake, Sources
from pushwarden.dataplane.intake.recipients import Recipients
from pushwarden.dataplane.intake.record_routes import RecordRoutes
from pushwarden.dataplane.intake.retry_routes import RetryRoutes
from pushwarden.dataplane.intake.routes import PushRoutes
from pushwarden.dataplane.intake.signal_routes import SignalRoutes
from pushwarden.dataplane.intake.why_routes import WhyRoutes
from pushwarden.dataplane.lanes.pacing import MOST_GROWTH
from pushwarden.observe.metrics import Observed, page
from pushwarden.ports.clock import Clock
from pushwarden.ports.fence import covered, stopped_at
from pushwarden.ports.journal import Waiting
from pushwarden.settings import Settings
from pushwarden.web.access import KeyRing
from pushwarden.web.frame import Frame
from pushwarden.wiring.announcing import AnnouncingCatalog
from pushwarden.wiring.doors import Doors
from pushwarden.wiring.entrance import address
from pushwarden.wiring.inspect import Inspector
from pushwarden.wiring.keyholders import API, seals
from pushwarden.wiring.machine import Looking
from pushwarden.wiring.mailing import post_of
from pushwarden.wiring.patience import Patient, keep_clear
from pushwarden.wiring.pocket import Pocket
from pushwarden.wiring.providers import PROVIDERS
from pushwarden.wiring.reach import hosts, reach
from pushwarden.wiring.run import ready, termination
from pushwarden.wiring.seclusion import in_sight
from pushwarden.wiring.stores import require_current, stores_of
from pushwarden.wiring.tallying import Tallying
from pushwarden.wiring.watchdog import Watchdog

LOOK_SECONDS = 0.25
OBSERVE_SECONDS = 1.0
COLLECT = (50_000, 50, 100)
"""Python's collector would look at every request that waits for its commit again and again; hardly any has a cycle."""
log = structlog.get_logger("api")


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the role decides when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class Api:
    """The parts of the api process and the loops beside it. clock: another than the machine's, for a told story."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings, self.clock = settings, clock or SystemClock()
        self.stores = stores_of(settings, "api")
        self.catalog = AnnouncingCatalog(self.stores.catalog, self.adopt)
        self.devices, self.journal = self.stores.devices, self.stores.journal
        self.fence = FenceFile(settings.fence_file)
        self.ring = Ring(settings.run, settings.stop_patience_ms / 1000)
        self.keys = KeyRing(self.clock)
        self.roll = Roll(self.clock, secure=settings.secure)
        self.snapshot = Snapshot(0)
        self.looked = self.closing = False
        self.observed = Observed()
        self.situation = Situation()
        self.outlook = Outlook()
        self.inspector = Inspector(self.clock.now_ms)
        self.stops = self._stops()
        self.pocket = Pocket(settings, self.clock)
        self.sealing = {pair: Sealing(partial(public_key, settings.keys, pair)) for pair in PAIRS}
        self.server = RingServer(settings.run, API, {"vault": self.on_vault})

    def _stops(self) -> Stops:
        diary = StopFolder(self.settings.data / "stops")
        processes = LocalProcesses()
        most = MOST_GROWTH * self.settings.unknown_window
        brake = Brake(self.fence, self.ring, processes, diary, self.clock, most)
        book = StopBook(self.catalog, diary)
        return Stops(Parts(self.fence, self.ring, brake, book, self.catalog, self.journal, self.clock))

    @cached_property
    def services(self) -> Services:
        """What the control plane works with."""
        return Services(
            catalog=self.catalog,
            ring=self.keys,
            roll=self.roll,
            clock=self.clock,
            vault=self.sealing[VAULT],
            callback_vault=self.sealing[CALLBACKS],
            providers=PROVIDERS,
            inspect=self.inspector,
            metrics=lambda: page(self.observed),
            health=self.health,
            senders=self.senders,
            audiences=self.devices.audiences,
            stopped=partial(covered, self.fence),
            anchors=AnchorFile(self.settings.anchors_file).of,
            sizes=self.devices.sizes,
            snapshot=lambda: self.snapshot,
            situation=lambda: self.situation,
            installation=self.installation(),
            post=post_of(self.settings),
        )

    def frame(self) -> Frame:
        """The API over everything."""
        sources = Sources(lambda: self.snapshot, StopView(self.fence), Recipients(self.devices), PROVIDERS, self.clock)
        intake = Intake(sources, GroupCommit(self.journal), self.ring)
        more = (
            *PushRoutes(intake, self.journal, self.devices, self.stops.cancel).routes(),
            *DirectoryRoutes(self.devices, self.devices, lambda: self.snapshot, self.clock).routes(),
            *CensusRoutes(self.devices, lambda: self.snapshot, self.clock).routes(),
            *SignalRoutes(self.journal, self.devices, self.clock).routes(),
            *WhyRoutes(self.journal, self.devices, lambda: self.snapshot, self.clock).routes(),
            *RetryRoutes(intake, self.journal).routes(),
            *RecordRoutes(self.journal, self.devices, lambda: self.snapshot, self.clock).routes(),
            *DeviceRoutes(
                self.devices, self.devices, lambda: self.snapshot, self.clock, ImportBook(self.devices, self.clock)
            ).routes(),
            *PhoneRoutes(self.devices, self.pocket, lambda: self.snapshot, self.clock).routes(),
            *InvalidationRoutes(self.devices, lambda: self.snapshot, self.clock).routes(),
            *stop_routes.routes(self.stops, self._known()),
            *receipt_routes.routes(self.stops, self._shown()),
        )
        return build(self.services, more)

    @cached_property
    def people(self) -> People:
        """What signing in works with."""
        return People(self.services, chest_of(self.settings.keys), self.settings.public_url)

    def doors(self) -> Doors:
        """The API and the console behind one socket."""
        frame = self.frame()
        desk = Desk(
            frame=frame,
            sessions=SignedIn(self.roll),
            snapshot=lambda: self.snapshot,
            senders=lambda: {name: stats["snapshot"] for name, stats in self.observed.senders.items()},
            clock=self.clock,
            version=__version__,
            simulated_only=self.settings.simulated_only,
            pulse=self.pulse,
        )
        return Doors(frame, console.build(desk, self.people))

    def _known(self) -> Known:
        """What stops and resumes are told of the sending."""
        return Known(lambda: self.snapshot, self.outlook, self._waiting, self._tests, self._name)

    def _shown(self) -> Shown:
        """What receipts are shown with."""
        signer = signer_of(self.settings.keys)
        return Shown(self.catalog, self.clock, lambda: self.snapshot, self.outlook, self._name, signer)

    async def _backlog(self) -> list[dict[str, Any]]:
        try:
            backlog = await self.journal.backlog()
        except (Busy, StoreFull):
            self.outlook.see_backlog(None)
            raise
        self.outlook.see_backlog(backlog)
        return backlog

    def _name(self, actor: str) -> str:
        return self.roll.name(actor) or self.keys.name(actor)

    def pulse(self) -> Pulse | None:
        """What pages show around them, in short; None when this process ends."""
        senders = tuple(sorted((name, stats["snapshot"]) for name, stats in self.observed.senders.items()))
        ramps = tuple((one.id, one.step) for one in self.stops.ramps.known())
        return None if self.closing else (self.fence.generation(), self.snapshot.version, senders, ramps)

    async def _waiting(self, where: Scope) -> Waiting:
        return await self.journal.waiting(where, self.clock.now_ms())

    async def _tests(self, where: Scope) -> int:
        """Devices marked as test."""
        places = [Scope(app.organisation, app.id, one) for app in self.snapshot.apps.values() for one in Environment]
        return sum([(await self.devices.counts(place))["test"] for place in places if where.covers(place)])

    def guard(self) -> Guard:
        """What makes resumes in steps go on."""
        stopped = partial(stopped_at, self.fence)
        return Guard(self.stops.ramps, self.stops.stop, self.ring.stats, stopped, self.clock)

    def installation(self) -> Installation:
        """What the system page shows."""
        return Installation(
            machine=Looking(self.settings, self.clock.now_ms()).machine,
            reach=lambda: reach(hosts(self.settings)),
            stats=lambda: self.observed.senders,
            backlog=lambda: self.observed.backlog,
        )

    def health(self) -> Mapping[str, bool]:
        """Whether pushes can be taken and sent."""
        return {"configuration": self.looked, "senders": bool(self.observed.senders)}

    def senders(self, where: Scope) -> Sequence[Mapping[str, Any]]:
        """What each sender has loaded, and the troubles of its lanes within the scope, as of a second ago."""
        here = f"{where.organisation}/{where.app}/{where.environment}/"
        return [
            {
                "sender": name,
                "snapshot": stats["snapshot"],
                "troubles": {lane: words for lane, words in stats["troubles"].items() if lane.startswith(here)},
                "window": stats["window"],
            }
            for name, stats in self.observed.senders.items()
        ]

    async def adopt(self) -> None:
        """The configuration in effect, here and at the senders. A locked store leaves what is known in effect."""
        with contextlib.suppress(Busy, StoreFull):
            newer = await self.stores.snapshots.load_if_newer(self.snapshot.version)
            self.looked = True
            if newer is not None:
                self.snapshot = newer
                await self.ring.snapshot()

    async def on_vault(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return seals(self.sealing, in_sight(self.settings))

    async def watch(self) -> None:
        """For ever: what another process changed."""
        while True:
            await self.adopt()
            await asyncio.sleep(LOOK_SECONDS)

    async def observe(self) -> None:
        """What /metrics and `effective` show, gathered once a second."""
        watchdog = Watchdog(self.settings.run, LocalProcesses())
        tallying = Tallying(self.catalog, self.clock)
        while True:
            with contextlib.suppress(Busy, StoreFull):
                senders = await self.ring.stats()
                self.outlook.see(senders, self.clock.monotonic(), self.clock.now_ms())
                for seat in await watchdog.look(senders):
                    log.error("silent sender ended", sender=seat.sender, pid=seat.pid)
                self.situation = seen(self.situation, self.snapshot.version, senders, self.clock.now_ms())
                backlog = await self._backlog()
                self.observed = Observed(
                    senders=senders,
                    backlog=backlog,
                    credentials=await self.standings(),
                    stops=len(self.fence.stops()),
                    now_ms=self.clock.now_ms(),
                )
                await tallying.look(senders)
            await asyncio.sleep(OBSERVE_SECONDS)

    async def standings(self) -> list[tuple[Credential, Health]]:
        """The active credentials, each with how it stands now."""
        now_ms = self.clock.now_ms()
        records = await self.catalog.read(lambda tables: tables.healths.all())
        kept = {(one.organisation, one.credential): one for one in records}
        return [
            (one, standing(one, kept.get((one.organisation, one.id)) or record_of(one), now_ms).health)
            for one in self.snapshot.active
        ]

    async def run(self, ended: asyncio.Event) -> None:
        """Serves until `ended`; then takes no more and finishes what it has."""
        listening = listen(self.settings)
        await access.bootstrap(self.catalog, self.clock, self.settings.keys / "admin.key")
        await versions.begin(self.catalog, self.clock.now_ms())
        await access.load(self.catalog, self.keys, self.roll)
        await self.ring.open()
        await self.server.start()
        for sentence in await self.stops.start():
            log.warning("stop mended", sentence=sentence)
        await self.adopt()
        self.pocket.open()
        following = access.follow(self.catalog, self.keys, self.roll)
        works = (following, self.watch(), self.observe(), self.guard().keep())
        loops = [asyncio.create_task(work) for work in works]
        config = uvicorn.Config(
            self.doors(), log_config=None, access_log=False, lifespan="off", http=Patient, ws="none",
            server_header=False,
            timeout_graceful_shutdown=10, backlog=2048,
        )  # fmt: skip
        server = Server(config)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        loops.append(asyncio.create_task(keep_clear(server.server_state.connections)))
        announce(self.settings, listening.getsockname()[1])
        await self.invite_first()
        ready()
        await asyncio.wait({serving, asyncio.create_task(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        self.closing = server.should_exit = True
        await serving
        for loop in loops:
            loop.cancel()
        await self.close()

    async def invite_first(self) -> None:
        """Where nobody can sign in yet, says once where to begin."""
        end = await links.first(self.catalog, self.clock.now_ms())
        if end:
            log.info("first sign-in", url=f"{address(self.settings)}{links.PATH}{end}")

    async def close(self) -> None:
        self.inspector.close()
        await self.pocket.close()
        await self.stops.close()
        await self.server.close()
        await self.ring.close()
        await self.people.written()
        await self.stores.close()


def listen(settings: Settings) -> socket.socket:
    """The door. Invalid when the address is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.listen_host, settings.listen_port))
    except OSError as error:
        where = f"{settings.listen_host}:{settings.listen_port}"
        raise Invalid(f"{where} cannot be listened on ({error.strerror}); set PUSHWARDEN_LISTEN_PORT.") from error
    return sock


def announce(settings: Settings, port: int) -> None:
    """Where this installation answers, for the command line on this machine."""
    settings.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = settings.run / ".api.json"
    draft.write_text(json.dumps({"host": settings.listen_host, "port": port}))
    draft.replace(settings.run / "api.json")
    log.info("serving", url=f"http://{settings.listen_host}:{port}")


async def main(settings: Settings, _: str) -> None:
    """The api role: serves until SIGTERM, then finishes what it has."""
    require_current(settings)
    ended = termination()
    await Api(settings).run(ended)
