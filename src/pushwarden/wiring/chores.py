"""The chores process: checkpoints, retention, notices, and telling callbacks what became of pushes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from pushwarden.adapters.anchor_file import AnchorFile
from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.egress.addresses import Allowed
from pushwarden.adapters.egress.outbound import Outbound
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.ring_server import RingServer
from pushwarden.adapters.vault.keys import CALLBACKS
from pushwarden.control.anchoring import Anchoring
from pushwarden.control.emptying import empty
from pushwarden.control.notices import Notices
from pushwarden.control.postman import Postman
from pushwarden.control.proofs import ask, due
from pushwarden.control.retiring import retire
from pushwarden.control.tallying import forget
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.import_report import LIFE_MS
from pushwarden.core.mail import addresses_of
from pushwarden.core.probe import KEPT_MS
from pushwarden.dataplane.callbacks.courier import Bag
from pushwarden.dataplane.callbacks.office import Office
from pushwarden.dataplane.callbacks.sources import Audited, DeadTokens, Failures, Pushes
from pushwarden.dataplane.counting import Counting
from pushwarden.ports.fence import covered
from pushwarden.settings import Settings
from pushwarden.wiring.keyholders import Holder
from pushwarden.wiring.mailing import mailer_of
from pushwarden.wiring.run import ready, termination
from pushwarden.wiring.stores import keeping_of, require_current, stores_of

TIDY_SECONDS = 1.0
NOTICE_SECONDS = 1.0
MAIL_SECONDS = 2.0
PROOF_SECONDS = 30.0
RETAIN_SECONDS = 600.0
ANCHOR_SECONDS = 60.0
COUNT_SECONDS = 5.0
log = structlog.get_logger("chores")


class Chores:
    """Each chore on its own beat; one that finds a store locked waits for its next turn."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.clock = settings, SystemClock()
        self.keeping = keeping_of(settings)
        self.stores = stores_of(settings, "chores")
        self.fence = FenceFile(settings.fence_file)
        self.anchoring = Anchoring(self.stores.catalog, AnchorFile(settings.anchors_file))
        self.holder = Holder(settings, CALLBACKS)
        self.server = RingServer(settings.run, "chores", {"vault": self.holder.answer})

    async def run(self, ended: asyncio.Event) -> None:
        await self.server.start()
        beats = [
            asyncio.create_task(self.beat(TIDY_SECONDS, self.tidy)),
            asyncio.create_task(self.beat(RETAIN_SECONDS, self.retain)),
            asyncio.create_task(self.beat(ANCHOR_SECONDS, self.anchor)),
            asyncio.create_task(self.office().run()),
            asyncio.create_task(self.beat(PROOF_SECONDS, self.prove)),
            asyncio.create_task(self.beat(COUNT_SECONDS, self.count)),
            asyncio.create_task(self.beat(NOTICE_SECONDS, self.notices().look)),
            *(asyncio.create_task(self.beat(MAIL_SECONDS, postman.step)) for postman in self.postmen()),
        ]
        asked = asyncio.create_task(ended.wait())
        try:
            done, _ = await asyncio.wait({asked, *beats}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a chore that died must not go unseen: the supervisor starts all of them again
        finally:
            for task in (asked, *beats):
                task.cancel()
            await asyncio.gather(asked, *beats, return_exceptions=True)
            await self.server.close()
            await self.stores.close()

    def office(self) -> Office:
        """What tells callbacks; the only place where their secrets open."""
        settings, stores = self.settings, self.stores
        outbound = Outbound(Allowed.parse(settings.callbacks_allow), settings.callbacks_ca)
        sources = (
            Audited(stores.catalog),
            DeadTokens(stores.devices),
            Failures(stores.journal, stores.devices),
            Pushes(stores.journal),
        )
        return Office(Bag(stores.catalog, sources, self.holder.opening, outbound, self.clock))

    def notices(self) -> Notices:
        settings, stores = self.settings, self.stores
        return Notices(
            stores.catalog,
            self.clock,
            stores.devices.audiences,
            stores.journal.backlog,
            addresses_of(settings.contacts),
            mails=settings.mail_server is not None,
        )

    def postmen(self) -> list[Postman]:
        """None without a mail server."""
        mailer = mailer_of(self.settings)
        return [Postman(self.stores.catalog, mailer, self.clock)] if mailer else []

    async def beat(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        """For ever."""
        while True:
            with contextlib.suppress(Busy, StoreFull):
                await chore()
            await asyncio.sleep(seconds)

    async def tidy(self) -> None:
        await asyncio.to_thread(self.keeping.tidy)

    async def count(self) -> None:
        """The devices, by version and day."""
        await Counting(self.stores.devices, self.clock, asyncio.sleep).step()

    async def prove(self) -> None:
        """Asks for the daily proofs that are due."""
        now_ms, catalog = self.clock.now_ms(), self.stores.catalog
        found = partial(due, now_ms=now_ms, stopped=partial(covered, self.fence))
        if await catalog.browse(found):  # which holds nobody up; the write does
            asked = await catalog.note(lambda tables: [ask(tables, one, "chores", now_ms) for one in found(tables)])
            log.info("daily proofs", asked=[one.credential for one in asked])

    async def anchor(self) -> None:
        """The log has every head too: where it is kept elsewhere, so are they."""
        before = dict(self.anchoring.known)
        for sentence in await self.anchoring.step(self.clock.now_ms()):
            log.error("audit tampered with", sentence=sentence)
        for organisation, anchor in self.anchoring.known.items():
            if anchor != before.get(organisation):
                log.info("audit head", organisation=organisation, head=anchor.text)

    async def retain(self) -> None:
        now_ms = self.clock.now_ms()
        retired = await retire(self.stores.catalog, now_ms)
        apps = await empty(self.stores.catalog, self.stores.devices, now_ms)
        dropped = await self.stores.journal.retain(now_ms)
        tombstones = await self.stores.devices.retain(now_ms)
        invalidations = await self.stores.devices.forget(now_ms)
        await self.stores.devices.forget_churn(now_ms)
        await self.stores.devices.forget_imports(now_ms - LIFE_MS)
        await self.stores.catalog.note(lambda tables: tables.probes.forget(now_ms - KEPT_MS))
        tallies = await self.stores.catalog.note(partial(forget, now_ms=now_ms))
        gone = {
            "dropped": dropped,
            "tombstones": tombstones,
            "invalidations": invalidations,
            "credentials": retired,
            "apps": apps,
        }
        gone["tallies"] = tallies
        if any(gone.values()):
            log.info("retention", **gone)


async def main(settings: Settings, _: str) -> None:
    """The chores role: until SIGTERM."""
    require_current(settings)
    ended = termination()
    chores = Chores(settings)
    ready()
    await chores.run(ended)
