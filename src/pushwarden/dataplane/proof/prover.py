"""A sender's proofs: it claims what was asked for, a few at a time, beside the sending and never on its connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.health import Event
from pushwarden.core.lane import Class, Lane
from pushwarden.core.messages import Result
from pushwarden.core.names import called
from pushwarden.core.probe import Finding, found
from pushwarden.core.scope import Scope
from pushwarden.dataplane.proof.live import Proof, Ways
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.ports.clock import Clock
from pushwarden.ports.health import Healths
from pushwarden.ports.probes import Probes, Task
from pushwarden.providers.port import Provider

BEAT = 0.25
"""Seconds between two looks for what was asked."""
AT_ONCE = 4
LEFT_TO_OTHERS_MS = 2000
"""One sender takes what is asked at once; the others what it has left for so long."""
EVENTS = {Finding.PROVEN: Event.PROVEN, Finding.REFUSED: Event.REFUSED, Finding.UNPROVEN: Event.UNREACHED}
log = structlog.get_logger("proof")


@dataclass(frozen=True, slots=True)
class Tools:
    """What proofs are made with. entry: as the pump's; stopped: whether a stop covers this scope, as of now."""

    probes: Probes
    healths: Healths
    clock: Clock
    providers: Mapping[str, Provider]
    entry: Callable[[Lane, Credential], Entry]
    anew: Callable[[Credential], None]
    stopped: Callable[[Scope], bool]


class Prover:
    """name: the sender's. first: it takes what is asked at once."""

    def __init__(self, name: str, tools: Tools, *, first: bool) -> None:
        self._name, self._tools = name, tools
        self._idle_ms = 0 if first else LEFT_TO_OTHERS_MS
        self._running: set[asyncio.Task[None]] = set()
        self._proofs: set[Proof] = set()

    def __repr__(self) -> str:
        return f"<prover of {self._name}: {len(self._proofs)} under way>"

    async def keep(self) -> None:
        """For ever; ends what is under way when it is cancelled."""
        try:
            while True:
                with contextlib.suppress(Busy, StoreFull):
                    await self.look()
                await asyncio.sleep(BEAT)
        finally:
            for task in self._running:
                task.cancel()

    async def look(self) -> None:
        """Takes what waits, as long as there is room."""
        while len(self._running) < AT_ONCE:
            task = await self._tools.probes.claim(self._name, self._tools.clock.now_ms(), idle_ms=self._idle_ms)
            if task is None:
                return
            running = asyncio.create_task(self._make(task))
            self._running.add(running)
            running.add_done_callback(self._running.discard)

    def halt(self) -> None:
        """A stop came: proofs it covers ask nothing more."""
        for proof in self._proofs:
            proof.halt()

    async def _make(self, task: Task) -> None:
        proof = self._proof(task)
        self._proofs.add(proof)
        try:
            checks = await proof.make()
        except Exception as error:  # ours or a provider's: it must not end the sending
            log.exception("proof failed", credential=task.credential.id)
            people = called(task.credential.provider)
            checks = (Check.of("live.unclear", type(error).__name__, provider=people, answer="what we can't read"),)
        finally:
            self._proofs.discard(proof)
        with contextlib.suppress(Busy, StoreFull):  # then it is made again when the claim is over
            await self._write(task, checks)

    def _proof(self, task: Task) -> Proof:
        tools, credential = self._tools, task.credential
        lane = Lane(credential.organisation, credential.app, credential.environment, credential.provider, Class.NORMAL)
        ways = Ways(lambda one: tools.entry(lane, one), lambda: tools.stopped(lane.scope))
        tools.anew(credential)
        return Proof(task, tools.providers[credential.provider], ways)

    async def _write(self, task: Task, checks: tuple[Check, ...]) -> None:
        """The probe's own checks, and what they mean for the credential's health."""
        now_ms = self._tools.clock.now_ms()
        if not await self._tools.probes.finish(task.probe, checks, now_ms):
            return
        finding = found(checks)
        log.info("proof", credential=task.credential.id, finding=str(finding), said=[one.sentence for one in checks])
        await self._tools.healths.heard(
            task.credential, EVENTS[finding], now_ms, reason=_reason(finding, checks), checks=checks
        )


def _reason(finding: Finding, checks: tuple[Check, ...]) -> str:
    """The check that explains it."""
    if finding is Finding.PROVEN:
        return ""
    weight = Result.FAILED if finding is Finding.REFUSED else Result.UNPROVEN
    ids = [check.id for check in checks if check.result == weight] + [check.id for check in checks]
    return next(iter(ids), "")
