"""Beginning, changing and ending ramps. What senders go by is on disk and read by each of them before a fence lifts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pushwarden.control.outlook import answers
from pushwarden.control.stop_parts import Parts
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Busy, Conflict, NotFound
from pushwarden.core.ramp import LAST, Outcome, Ramp
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Steps:
    """How a resume goes on: each step so long, while at most so many of ten thousand answers are refusals."""

    step_ms: int = 10 * MINUTE_MS
    most_refused: int = 500
    first: int = 0  # 1 where no device is marked as test


class Ramps:
    """The ramps of this installation."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[str, Ramp] = {}
        self._before: dict[str, dict[str, tuple[int, int]]] = {}

    async def open(self, organisation: str = "") -> list[Ramp]:
        """Newest first; with an organisation, its own and the installation's."""
        found = await self._parts.catalog.read(lambda tables: tables.ramps.open())
        self._known = {ramp.id: ramp for ramp in found}
        return self.known(organisation)

    def known(self, organisation: str = "") -> list[Ramp]:
        """The same from memory, as of the last look: it needs no database."""
        return [one for one in self._known.values() if not organisation or one.scope.organisation in (organisation, "")]

    async def begin(self, scope: Scope, steps: Steps, actor: str, since: int) -> Ramp:
        """Every sender goes by it on return. Busy, and nothing begun, when one of them does not say so."""
        now = self._parts.clock.now_ms()
        ramp = Ramp(
            f"ramp-{secrets.token_hex(8)}", scope, steps.first, steps.step_ms, steps.most_refused, now, actor, now,
            since,
        )  # fmt: skip

        def work(tables: Tables) -> Changed[None]:
            tables.ramps.put(ramp)
            return Changed(None, target=ramp.id, after=_said(ramp))

        await self._parts.catalog.change(AuditEntry(now, actor, "ramp.begin", scope), work)
        self._known = {ramp.id: ramp} | self._known
        self._before[ramp.id] = answers(await self._parts.ring.stats(), scope)
        silent = await self.tell(ramp)
        if silent:
            await self.end(ramp, Outcome.REPLACED, actor)
            raise Busy(f"{', '.join(silent)} did not take the steps over; nothing was resumed. Try again in a moment.")
        return ramp

    def before(self, ramp: Ramp, sender: str, now: tuple[int, int]) -> tuple[int, int]:
        """What a sender had counted as the ramp began; `now` when this process was not there to see it."""
        seen = self._before.get(ramp.id)
        return now if seen is None else seen.get(sender, (0, 0))

    async def end_within(self, scope: Scope, actor: str) -> None:
        """Ramps that a resume of this scope takes the place of. Busy when a sender still goes by one of them."""
        old = [ramp for ramp in await self.open() if scope.covers(ramp.scope)]
        for ramp in old:
            await self.end(ramp, Outcome.REPLACED, actor)
        if old:
            gone = {ramp.id for ramp in old}
            said = await self._parts.ring.ramps()
            late = [sender for sender, known in said.items() if known is None or gone & set(known)]
            if late:
                raise Busy(f"{', '.join(late)} did not answer; nothing was resumed. Try again in a moment.")

    async def tell(self, ramp: Ramp) -> list[str]:
        """Has the senders read it; those that do not go by this step."""
        said = await self._parts.ring.ramps()
        return [sender for sender, known in said.items() if known is None or known.get(ramp.id) != ramp.step]

    async def skip(self, organisation: str, ramp_id: str, actor: str, allowed: Callable[[Scope], None]) -> Ramp:
        """To everybody at once. NotFound when there is none or `allowed` says so; Conflict when it has ended."""
        ramp = await self._parts.catalog.read(lambda tables: tables.ramps.get(ramp_id))
        if ramp is None or ramp.scope.organisation not in ("", organisation):
            raise NotFound(f"There is no resume in steps called `{ramp_id[:64]}` here.")
        allowed(ramp.scope)
        return await self.advance(ramp, LAST, actor)

    async def advance(self, ramp: Ramp, step: int, actor: str) -> Ramp:
        """At another step, from now on. Conflict when it has ended, or is at another step by now."""
        now = self._parts.clock.now_ms()
        made = await self._change(ramp, "ramp.advance", actor, lambda kept: kept.at_step(step, now))
        await self.tell(made)
        await self.let_go(made)
        return made

    async def end(self, ramp: Ramp, outcome: Outcome, actor: str) -> None:
        now = self._parts.clock.now_ms()
        await self._change(ramp, "ramp.end", actor, lambda kept: kept.ended(outcome, actor, now))
        self._before.pop(ramp.id, None)

    async def count(self, ramp: Ramp, accepted: int, refused: int) -> Ramp:
        """With these many more answers; as it stands when it changed meanwhile."""

        def work(tables: Tables) -> Ramp:
            kept = tables.ramps.get(ramp.id) or ramp
            if kept.ended_at is not None or kept.step != ramp.step:
                return kept
            made = replace(kept, accepted=kept.accepted + accepted, refused=kept.refused + refused)
            tables.ramps.put(made)
            return made

        return self._keep(await self._parts.catalog.note(work))

    async def let_go(self, ramp: Ramp) -> None:
        """What is held is looked through again, for those whose turn has come."""
        if await self._parts.accepts.release(ramp.scope, ramp.since):
            self._parts.ring.doorbell(["bulk", "suspect", "alone", "normal", "urgent"])

    async def _change(self, ramp: Ramp, action: str, actor: str, change: Callable[[Ramp], Ramp]) -> Ramp:
        def work(tables: Tables) -> Changed[Ramp]:
            kept = tables.ramps.get(ramp.id)
            if kept is None or kept.ended_at is not None or kept.step != ramp.step:
                raise Conflict("These steps have ended or gone on meanwhile; look again.")
            made = change(kept)
            tables.ramps.put(made)
            return Changed(made, before=_said(kept), after=_said(made))

        entry = AuditEntry(self._parts.clock.now_ms(), actor, action, ramp.scope, ramp.id)
        return self._keep(await self._parts.catalog.change(entry, work))

    def _keep(self, ramp: Ramp) -> Ramp:
        if ramp.ended_at is not None:
            self._known.pop(ramp.id, None)
        elif ramp.id in self._known:
            self._known[ramp.id] = ramp
        return ramp


def _said(ramp: Ramp) -> dict[str, Any]:
    said = asdict(ramp) | {"scope": ramp.scope.key}
    return {name: said[name] for name in ("step", "accepted", "refused", "outcome", "step_ms", "most_refused")}
