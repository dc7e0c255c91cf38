"""What a sender writes down of the credential it uses, and what becomes of the pushes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fault.pump_stage import PumpStage, pump_stage, shared, simulator
from tests.simulator_fixtures import Simulator

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.health import CatalogHealths
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.core.audit import AuditEntry
from pushwarden.core.health import Event, Health, Record
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushType
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.feedback.refusals import QUIET
from pushwarden.dataplane.feedback.watch import Watching
from pushwarden.ports.catalog import Changed

__all__ = ["shared", "simulator"]
FLEET = 600
REFUSED = {"do": "refuse", "share": 1.0, "status": 403, "reason": "InvalidProviderToken"}


@dataclass
class Watched:
    """A pump and what is written down of its credential."""

    pump: PumpStage
    catalog: MemoryCatalog
    healths: CatalogHealths
    watching: Watching

    async def record(self) -> Record:
        return await self.healths.get(self.pump.credential)

    async def until(self, health: Health) -> Record:
        async with asyncio.timeout(20):
            while (record := await self.record()).health is not health:
                await self.look()
                await asyncio.sleep(0.01)
        return record

    async def idle(self) -> None:
        """What is under way is answered."""
        async with asyncio.timeout(20):
            while any(station.connections.in_flight for station in self.pump.pump.stations.values()):
                await asyncio.sleep(0.01)

    async def look(self, ahead: float = 0.0) -> None:
        await self.watching.look(asyncio.get_running_loop().time() + ahead)


@contextlib.asynccontextmanager
async def watched(simulator: Simulator, folder: Path) -> AsyncIterator[Watched]:
    async with pump_stage(simulator, folder) as stage:
        catalog, now_ms = MemoryCatalog(), SystemClock().now_ms()
        where = Scope("acme", "shop", Environment.SIMULATED)
        entry = AuditEntry(now_ms, "k1", "credential.activate", where, extra={"actor_name": "Omar"})
        add = stage.credential
        await catalog.change(entry, lambda tables: Changed(tables.credentials.insert(add), target=add.id))
        healths = CatalogHealths(catalog, "sender-bulk-0")
        watching = Watching(stage.pump.answers.watch, healths, SystemClock(), stage.pump.stations.values)
        await stage.register(FLEET)
        yield Watched(stage, catalog, healths, watching)


def test_a_credential_that_is_refused_waits_and_a_proof_lets_its_lane_go(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(REFUSED)

    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            push = await house.pump.accept(PushType.BACKGROUND)
            record = await house.until(Health.FAILING)
            [check] = record.checks
            assert (record.reason, check.id, check.result) == ("run.refused_rate", "run.refused_rate", "failed")
            assert check.title.startswith("Apple started refusing pushes at ")
            assert "(InvalidProviderToken)" in check.message
            assert f"Last change: activation of {house.pump.credential.id} by Omar" in check.message
            assert sum((await house.pump.progress(push)).fates.values()) == 0
            await house.idle()
            simulator.script()
            await house.healths.proven(house.pump.credential, SystemClock().now_ms() + 1)  # as a probe would
            await house.look()
            assert await house.pump.until_done(push) == fates_of(FLEET)
            await house.look()
            assert (await house.record()).health is Health.READY

    asyncio.run(scene())


def fates_of(accepted: int) -> dict[Fate, int]:
    return dict.fromkeys(Fate, 0) | {Fate.ACCEPTED: accepted}


def test_the_first_real_push_that_passes_repairs_it_by_itself(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(REFUSED)

    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            push = await house.pump.accept(PushType.BACKGROUND)
            await house.until(Health.FAILING)
            await house.idle()
            simulator.script()
            for station in house.pump.pump.stations.values():
                station.pace.credential.until = 0.0  # its wait is over
            await house.pump.until_done(push)
            await house.look(QUIET)
            record = await house.record()
            assert (record.health, record.reason, record.checks) == (Health.READY, "", ())

    asyncio.run(scene())


def test_a_part_of_the_answers_makes_it_doubtful_and_says_how_many(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({**REFUSED, "share": 0.1})

    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            push = await house.pump.accept(PushType.BACKGROUND)
            record = await house.until(Health.ATTENTION)
            assert record.checks[0].result == "warning"
            assert " in 10 min: " in record.checks[0].message
            assert (await house.pump.progress(push)).fates[Fate.REFUSED] == 0

    asyncio.run(scene())


def test_a_providers_outage_is_not_the_credentials_fault(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 1.0, "status": 503, "reason": "ServiceUnavailable"})

    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            await house.healths.proven(house.pump.credential, 5)
            push = await house.pump.accept(PushType.BACKGROUND)
            async with asyncio.timeout(20):
                while not any(one.pace.provider.sentence for one in house.pump.pump.stations.values()):
                    await asyncio.sleep(0.01)
            await house.look()
            await house.look(QUIET)
            assert (await house.record()).health is Health.READY
            assert len(house.pump.frames(push)) > 0

    asyncio.run(scene())


def test_late_refusals_of_the_old_credential_do_not_blame_the_new_one(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(REFUSED, {"do": "delay", "ms": 300})

    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            old = house.pump.credential
            push = await house.pump.accept(PushType.BACKGROUND)
            async with asyncio.timeout(20):
                while not any(one.connections.in_flight for one in house.pump.pump.stations.values()):
                    await asyncio.sleep(0.001)
            fresh = replace(old, id="fresh", fingerprint="SHA256:other")
            await house.catalog.note(lambda tables: tables.credentials.insert(fresh))
            house.pump.configure(fresh)
            simulator.script()
            assert await house.pump.until_done(push) == fates_of(FLEET)
            await house.look()
            assert (await house.healths.get(fresh)).health is Health.READY
            assert (await house.healths.get(old)).health in (Health.FAILING, Health.ATTENTION, Health.UNPROVEN)

    asyncio.run(scene())


def test_what_waits_for_a_refused_credential_ends_with_its_ttl(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(REFUSED)

    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            push: Push = await house.pump.accept(PushType.BACKGROUND, ttl_ms=1500)
            await house.until(Health.FAILING)
            fates = await house.pump.until_done(push)
            assert fates == dict.fromkeys(Fate, 0) | {Fate.EXPIRED: FLEET}

    asyncio.run(scene())


def test_a_credential_that_ended_or_does_not_open_here_was_refused_by_nobody(
    simulator: Simulator, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            push = await house.pump.accept(PushType.BACKGROUND)
            await house.pump.until_done(push)
            await house.until(Health.READY)
            [station] = house.pump.pump.stations.values()
            answers = house.pump.pump.answers
            answers.troubled(station.lane, "It does not open.", credential=True, certain=True, ours=True)
            assert station.pace.credential.sentence
            await house.look()
            assert (await house.record()).health is Health.READY

    asyncio.run(scene())


def test_a_certain_word_of_a_token_endpoint_needs_no_second(simulator: Simulator, tmp_path: Path) -> None:
    async def scene() -> None:
        async with watched(simulator, tmp_path) as house:
            push = await house.pump.accept(PushType.BACKGROUND)
            await house.pump.until_done(push)
            await house.until(Health.READY)
            answers = house.pump.pump.answers
            [station] = house.pump.pump.stations.values()
            answers.troubled(station.lane, "invalid_grant: the key was deleted", credential=True, certain=True)
            record = await house.until(Health.FAILING)
            assert "invalid_grant" in record.checks[0].message
            heard = await house.healths.heard(station.credential, Event.OUTAGE, SystemClock().now_ms())
            assert heard.health is Health.FAILING

    asyncio.run(scene())
