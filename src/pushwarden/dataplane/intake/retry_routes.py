"""The route that sends a push again where it is safe, after it has said to how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Struct, json

from pushwarden.core.app import Snapshot
from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.errors import Conflict, Invalid, Trial
from pushwarden.core.principal import Permission
from pushwarden.core.push import Push, PushState, Source
from pushwarden.core.reasons import known
from pushwarden.core.scope import Scope
from pushwarden.core.shard import Failure, NewShard
from pushwarden.dataplane.intake.again import MOST, Choice, anew, choose
from pushwarden.dataplane.intake.authorize import app_of, hold_or_refuse
from pushwarden.dataplane.intake.equipped import Equipment
from pushwarden.dataplane.intake.parse import Kind, Target
from pushwarden.dataplane.intake.plan import plan_list, plan_tokens
from pushwarden.dataplane.intake.push import Intake
from pushwarden.dataplane.intake.record_routes import BASE, progress_of
from pushwarden.dataplane.intake.words import explained
from pushwarden.ports.journal import Acceptance, Accepts, Progress
from pushwarden.web.body import decode
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

PAGE = 1000


class Again(Struct, frozen=True, forbid_unknown_fields=True):
    """dry_run: only say to how many. reasons: only those who failed so."""

    dry_run: bool = False
    reasons: list[str] = []


_AGAIN = json.Decoder(Again)


@dataclass(frozen=True, slots=True)
class RetryRoutes:
    intake: Intake
    accepts: Accepts

    def routes(self) -> list[Route]:
        return [
            route("POST", BASE + "/{id}/retry", self.post, permission=Permission.PUSH_SEND, action="push.retry",
                  noted=True, shape=Shape(Again),
                  summary="Send a push again to those whom a second try may reach; dry_run counts them"),
        ]  # fmt: skip

    async def post(self, call: Call) -> Answer:
        asked = decode(_AGAIN, await call.read() or b"{}")
        progress = await progress_of(self.accepts, call)
        if progress.push.state is not PushState.DONE:
            raise Conflict("This push is still under way; send it again when it is done.")
        choice = choose(progress.push, await self._failures(call.where, progress), frozenset(asked.reasons))
        if asked.dry_run:
            return Answer(_said(choice, None))
        if not choice.again:
            raise Conflict("There is nobody whom a second try may reach.")
        if len(choice.again) > MOST:
            raise Conflict(f"More than {MOST} recipients failed; send a new push to them.")
        return Answer(_said(choice, await self._send(call, progress, choice)))

    async def _failures(self, where: Scope, progress: Progress) -> list[Failure]:
        """As many as decide it."""
        found: list[Failure] = []
        after = 0
        while len(found) <= 10 * MOST:
            page = await self.accepts.failures(where, progress.push.id, after=after, limit=PAGE)
            found += [one for _, one in page]
            if len(page) < PAGE:
                break
            after = page[-1][0]
        return found

    async def _send(self, call: Call, progress: Progress, choice: Choice) -> str:
        sources, where = self.intake.sources, call.where
        snapshot, now_ms = sources.snapshot(), sources.clock.now_ms()
        app = app_of(snapshot, where)
        if app.tries(where.environment):
            raise Trial(f"{app.id} is in trial; go live, or send a new test push.")
        hold_or_refuse(where, sources.stops.current(), "refuse")
        push = anew(progress.push, now_ms, len(choice.again))
        shards = await self._shards(push, where, snapshot, choice)
        note = f"{len(choice.again)} recipients of {progress.push.id} again"
        by = call.principal.id
        item = Acceptance(push, shards, note, choice.key, progress.push.id.encode(), by, source=Source.RETRY)
        return await self.intake.accept_planned(item)

    async def _shards(self, push: Push, where: Scope, snapshot: Snapshot, choice: Choice) -> tuple[NewShard, ...]:
        slots = Equipment(self.intake.sources.providers).of(snapshot, where, push.type).slots
        seqs: dict[int, list[int]] = {}
        for one in choice.again:
            if one.audience != RAW_AUDIENCE:
                seqs.setdefault(one.audience, []).append(one.seq)
        audiences = await self.intake.sources.recipients.audiences(where, seqs)
        found = {audience: sorted(set(own)) for audience, own in seqs.items()}
        return plan_list(push, found, audiences, slots).shards + _raw(push, slots, choice)


def _raw(push: Push, slots: Mapping[str, str], choice: Choice) -> tuple[NewShard, ...]:
    """Raw tokens go by the provider that gave their reason, or by the only one there is."""
    tokens: dict[str, list[str]] = {}
    for one in choice.again:
        if one.audience == RAW_AUDIENCE:
            provider = known(one.reason).provider or (next(iter(slots)) if len(slots) == 1 else "")
            tokens.setdefault(provider, []).append(one.token.decode())
    if not set(tokens) <= set(slots):
        raise Invalid("Whose tokens these are is not kept; send a new push and name the provider.", field="reasons")
    shards: tuple[NewShard, ...] = ()
    for provider, own in tokens.items():
        shards += plan_tokens(push, Target(Kind.TOKENS, tuple(own), provider=provider), slots).shards
    return shards


def _said(choice: Choice, push: str | None) -> dict[str, Any]:
    left = [
        {"fate": fate, "reason": reason, "title": known(reason).title if reason else "", "count": count,
         "meaning": explained(reason)[0]}
        for (fate, reason), count in choice.left.most_common()
    ]  # fmt: skip
    return {"again": len(choice.again), "left": left, "push": push}
