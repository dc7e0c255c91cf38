"""The door every push enters by: parse → authorize → plan → accept → hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from pushwarden.core.app import App, Snapshot
from pushwarden.core.errors import PushwardenError
from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.accept import GroupCommit
from pushwarden.dataplane.intake.authorize import Credentialed, Stops, app_of, hold_or_refuse
from pushwarden.dataplane.intake.parse import Parsed, parse
from pushwarden.dataplane.intake.plan import Plan, push_of
from pushwarden.dataplane.intake.recipients import Recipients
from pushwarden.ports.clock import Clock
from pushwarden.ports.doorbell import Doorbell
from pushwarden.ports.journal import Acceptance, Accepted
from pushwarden.providers.port import Provider


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends, to where. key: the idempotency key, empty when there is none."""

    where: Scope
    actor: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A push that may be accepted: everything is decided, nothing is written."""

    push: Push
    app: App
    plan: Plan
    acceptance: Acceptance


class Receipt(Struct, frozen=True, omit_defaults=True):
    """The answer to an accepted push. estimated: recipients as far as intake can know.

    A replayed one has only the earlier push's id and links: ask there how it stands.
    """

    id: str
    links: dict[str, str]
    state: str = ""
    estimated: int | None = None
    replayed: bool = False
    warnings: list[str] = []


@dataclass(frozen=True, slots=True)
class Sources:
    """What intake reads. snapshot: the configuration in effect now."""

    snapshot: Callable[[], Snapshot]
    stops: Stops
    recipients: Recipients
    providers: Mapping[str, Provider]
    clock: Clock


class Intake:
    """Takes pushes. Everything it gives to others stands in `sources`, `commits` and the doorbell."""

    def __init__(self, sources: Sources, commits: GroupCommit, doorbell: Doorbell) -> None:
        self.sources = sources
        self._commits = commits
        self._doorbell = doorbell
        self._credentialed = Credentialed()

    async def push(self, body: bytes, caller: Caller) -> Receipt:
        """One push. Returns after it is durable; every refusal is a PushwardenError and leaves nothing behind."""
        parsed = parse(body)
        draft = await self.draft(parsed, caller)
        accepted = await self._commits.accept(draft.acceptance)
        self._hand_over([(draft, accepted)])
        return receipt(draft, accepted)

    async def push_many(self, bodies: Sequence[bytes], callers: Sequence[Caller]) -> list[Receipt | PushwardenError]:
        """Many pushes in one commit; one answer each, in order. A refused one does not hinder the others."""
        answers: list[Receipt | PushwardenError] = []
        drafts: list[tuple[int, Draft]] = []
        for body, caller in zip(bodies, callers, strict=True):
            drafted = await self._try_draft(body, caller)
            if isinstance(drafted, Draft):
                drafts.append((len(answers), drafted))
                answers.append(PushwardenError())
            else:
                answers.append(drafted)
        accepted = await self._commit(drafts)
        for (at, draft), answer in zip(drafts, accepted, strict=True):
            answers[at] = receipt(draft, answer) if isinstance(answer, Accepted) else answer
        return answers

    async def draft(self, parsed: Parsed, caller: Caller) -> Draft:
        """authorize and plan: what `accept` would write. Nothing is written."""
        where, snapshot = caller.where, self.sources.snapshot()
        app = app_of(snapshot, where)
        held = hold_or_refuse(where, self.sources.stops.current(), parsed.request.when_stopped)
        providers = self._credentialed.providers(snapshot, where)
        push = push_of(parsed, where, self.sources.clock.now_ms())
        for name in providers & self.sources.providers.keys():
            self.sources.providers[name].validate(push, app)
        plan = await self.sources.recipients.plan(push, parsed, where, providers)
        acceptance = Acceptance(
            push=push,
            shards=plan.shards,
            audience_note=parsed.target.note,
            idempotency_key=caller.key,
            fingerprint=parsed.fingerprint(where.key) if caller.key else b"",
            actor=caller.actor,
            held=held,
        )
        return Draft(push, app, plan, acceptance)

    async def _try_draft(self, body: bytes, caller: Caller) -> Draft | PushwardenError:
        try:
            return await self.draft(parse(body), caller)
        except PushwardenError as error:
            return error

    async def _commit(self, drafts: Sequence[tuple[int, Draft]]) -> list[Accepted | PushwardenError]:
        try:
            answers = await self._commits.accept_all([draft.acceptance for _, draft in drafts])
        except PushwardenError as error:
            return [error] * len(drafts)
        self._hand_over([(draft, answer) for (_, draft), answer in zip(drafts, answers, strict=True)])
        return answers

    def _hand_over(self, pairs: Sequence[tuple[Draft, Accepted | PushwardenError]]) -> None:
        """Rings for what a sender could take now; what is held or due later it finds by itself."""
        classes: set[Class] = set()
        for draft, answer in pairs:
            if isinstance(answer, Accepted) and not answer.replayed and draft.plan.shards and not draft.acceptance.held:
                classes.add(draft.push.klass)
        if classes:
            self._doorbell.doorbell(classes)


def receipt(draft: Draft, accepted: Accepted) -> Receipt:
    push = draft.push
    base = f"/v1/apps/{push.app}/{push.environment}/pushes/{accepted.push_id}"
    links = {"self": base, "failures": f"{base}/failures", "cancel": f"{base}/cancel"}
    if accepted.replayed:
        return Receipt(accepted.push_id, links, replayed=True)
    state = "done" if not draft.plan.shards else "held" if draft.acceptance.held else "open"
    return Receipt(accepted.push_id, links, state, draft.plan.estimated, warnings=warnings(draft))


def warnings(draft: Draft) -> list[str]:
    """What the caller should know though the push was taken."""
    said = [
        f"{count} devices of {provider} are left out: it has no active credential here."
        for provider, count in draft.plan.left_out.items()
        if count
    ]
    if not draft.plan.shards:
        said.append("Nobody gets this push: no live device matches.")
    return said
