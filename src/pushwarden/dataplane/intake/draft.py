"""Steps 2 and 4: what `accept` would write of each request, for many requests at once. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pushwarden.core.app import App, Snapshot
from pushwarden.core.device import TOKEN_KINDS
from pushwarden.core.errors import PushwardenError
from pushwarden.core.push import Push, Source
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.authorize import Stops, app_of, hold_or_refuse, only_tests
from pushwarden.dataplane.intake.equipped import Equipment, Equipped
from pushwarden.dataplane.intake.parse import TOPICS, Parsed
from pushwarden.dataplane.intake.plan import Plan, push_of, token_kind
from pushwarden.dataplane.intake.recipients import Meant, Recipients
from pushwarden.ports.clock import Clock
from pushwarden.ports.journal import Acceptance
from pushwarden.providers.port import Facts, Provider


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends, to where. key: the idempotency key, empty when there is none. tests: to test devices alone."""

    where: Scope
    actor: str
    key: str = ""
    source: str = Source.API
    tests: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A push that may be accepted: everything is decided, nothing is written. doubts: what its sender should know."""

    push: Push
    app: App
    plan: Plan
    acceptance: Acceptance
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """What intake reads. snapshot: the configuration in effect now."""

    snapshot: Callable[[], Snapshot]
    stops: Stops
    recipients: Recipients
    providers: Mapping[str, Provider]
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Allowed:
    caller: Caller
    app: App
    held: bool
    meant: Meant
    doubts: tuple[str, ...]


class Drafting:
    """Authorizes each request by itself and asks once who is meant by all of them."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._equipment = Equipment(sources.providers)

    async def each(self, asked: Sequence[tuple[Parsed, Caller]]) -> list[Draft | PushwardenError]:
        """One answer a request, in order; a refused one does not hinder the others."""
        answers = [self._allowed(parsed, caller) for parsed, caller in asked]
        allowed = [one for one in answers if isinstance(one, _Allowed)]
        plans = iter(await self.sources.recipients.plan_each([one.meant for one in allowed]))
        return [_drafted(one, next(plans)) if isinstance(one, _Allowed) else one for one in answers]

    def _allowed(self, parsed: Parsed, caller: Caller) -> _Allowed | PushwardenError:
        try:
            return self._authorized(parsed, caller)
        except PushwardenError as error:
            return error

    def _authorized(self, parsed: Parsed, caller: Caller) -> _Allowed:
        sources, where, snapshot = self.sources, caller.where, self.sources.snapshot()
        app = app_of(snapshot, where)
        only = only_tests(app, where, parsed.target, caller.tests)
        held = hold_or_refuse(where, sources.stops.current(), parsed.request.when_stopped)
        equipped = self._equipped(parsed, where, snapshot)
        push = push_of(parsed, where, sources.clock.now_ms())
        doubts = equipped.doubts
        for name in _reached(parsed, equipped.slots):
            size = sources.providers[name].validate(push, app)
            doubts += _doubts(parsed, sources.providers[name].facts, size)
        return _Allowed(caller, app, held, Meant(push, parsed, where, equipped.slots, only), tuple(doubts))

    def _equipped(self, parsed: Parsed, where: Scope, snapshot: Snapshot) -> Equipped:
        request = parsed.request
        if request.credential:
            return self._equipment.canary(snapshot, where, request.type, request.credential)
        return self._equipment.of(snapshot, where, request.type)


def _reached(parsed: Parsed, providers: Collection[str]) -> Collection[str]:
    """The providers this push can go to: whose tokens it names, else those that have tokens for its type."""
    target, kind = parsed.target, token_kind(parsed)
    if target.provider:
        return {target.provider} & set(providers)
    return [name for name in providers if kind in TOKEN_KINDS.get(name, ())]


def _doubts(parsed: Parsed, facts: Facts, size: int) -> list[str]:
    if parsed.target.kind not in TOPICS or not 0 < facts.topic_limit < size:
        return []
    return [
        f"The message has {size} bytes; {facts.name} may refuse more than {facts.topic_limit} to a topic. "
        "See how the push ends, or send a shorter one."
    ]


def _drafted(allowed: _Allowed, plan: Plan | PushwardenError) -> Draft | PushwardenError:
    if isinstance(plan, PushwardenError):
        return plan
    caller, push, parsed = allowed.caller, allowed.meant.push, allowed.meant.parsed
    acceptance = Acceptance(
        push=push,
        shards=plan.shards,
        audience_note=parsed.target.note,
        idempotency_key=caller.key,
        fingerprint=parsed.fingerprint(caller.where.key) if caller.key else b"",
        actor=caller.actor,
        held=allowed.held,
        source=Source.TEST if parsed.request.test else caller.source,
    )
    return Draft(push, allowed.app, plan, acceptance, allowed.doubts)
