"""The door every push enters by: parse → authorize → plan → accept → hand over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from pushwarden.core.errors import PushwardenError
from pushwarden.core.lane import Class
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.accept import GroupCommit
from pushwarden.dataplane.intake.draft import Caller, Draft, Drafting, Sources
from pushwarden.dataplane.intake.parse import Parsed, parse
from pushwarden.dataplane.intake.receipts import receipt, receipt_of, replayed
from pushwarden.dataplane.intake.singles import Singles
from pushwarden.ports.doorbell import Doorbell
from pushwarden.ports.journal import Acceptance, Accepted, Sheet

__all__ = ["Caller", "Draft", "Intake", "Sources"]

_Asked = tuple[bytes, Caller]
_Answer = bytes | PushwardenError
_Accept = Callable[[Sequence[Acceptance]], Awaitable[list[Accepted | PushwardenError]]]


class Intake:
    """Takes pushes. Everything it gives to others stands in `sources`, `commits` and the doorbell.

    Plain pushes to one user go through as rows of a sheet, all others one by one; the answers are the same.
    """

    def __init__(self, sources: Sources, commits: GroupCommit, doorbell: Doorbell) -> None:
        self.sources = sources
        self._commits = commits
        self._doorbell = doorbell
        self._drafting = Drafting(sources)
        self._singles = Singles(sources)
        self._arrived: list[tuple[_Asked, asyncio.Future[bytes]]] = []
        self._turns: set[asyncio.Task[None]] = set()

    async def push(self, body: bytes, caller: Caller) -> bytes:
        """One push; its receipt as JSON. Returns after it is durable; a refusal is raised and leaves nothing behind.

        What arrives in one turn of the event loop goes on together: one look-up, one wait for the commit.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        if not self._arrived:
            loop.call_soon(self._begin_turn)
        self._arrived.append(((body, caller), future))
        return await future

    async def push_many(self, bodies: Sequence[bytes], caller: Caller, first: int) -> list[_Answer]:
        """Many pushes in one commit; one answer each, in order. A refused one does not hinder the others.

        first: the first one's place in the request; an idempotency key becomes `key#place`.
        """
        keys = [f"{caller.key}#{first + at}" for at in range(len(bodies))] if caller.key else []
        classes: set[str] = set()
        answers = await self._take(caller, bodies, keys, self._commits.accept_all, classes)
        self._ring(classes)
        return answers

    async def accept_planned(self, item: Acceptance) -> str:
        """A push that was planned by others; its id, or that of the one its key has sent before."""
        accepted = await self._commits.accept(item)
        if not accepted.replayed:
            self._ring({str(item.push.klass)})
        return accepted.push_id

    async def draft(self, parsed: Parsed, caller: Caller) -> Draft:
        """authorize and plan: what `accept` would write. Nothing is written."""
        (drafted,) = await self._drafting.each([(parsed, caller)])
        if isinstance(drafted, PushwardenError):
            raise drafted
        return drafted

    # --- a turn of the event loop

    def _begin_turn(self) -> None:
        arrived, self._arrived = self._arrived, []
        turn = asyncio.create_task(self._turn(arrived), name="intake-turn")
        self._turns.add(turn)
        turn.add_done_callback(lambda done: self._end_turn(done, arrived))

    async def _turn(self, arrived: Sequence[tuple[_Asked, asyncio.Future[bytes]]]) -> None:
        groups: dict[tuple[Scope, str, bool], list[tuple[_Asked, asyncio.Future[bytes]]]] = {}
        for one in arrived:
            caller = one[0][1]
            groups.setdefault((caller.where, caller.actor, caller.tests), []).append(one)
        classes: set[str] = set()
        for group in groups.values():
            asked = [asked for asked, _ in group]
            keys = [caller.key for _, caller in asked]
            bodies, caller = [body for body, _ in asked], asked[0][1]
            answers = await self._take(caller, bodies, keys if any(keys) else [], self._commits.accept_each, classes)
            _tell([future for _, future in group], answers)
        self._ring(classes)

    def _end_turn(self, turn: asyncio.Task[None], arrived: Sequence[tuple[_Asked, asyncio.Future[bytes]]]) -> None:
        """A turn that broke must leave nobody waiting."""
        self._turns.discard(turn)
        error = asyncio.CancelledError() if turn.cancelled() else turn.exception()
        for _, future in arrived if error is not None else ():
            if error is not None and not future.done():
                future.set_exception(error)

    # --- plan → accept → hand over

    async def _take(
        self, caller: Caller, bodies: Sequence[bytes], keys: Sequence[str], accept: _Accept, classes: set[str]
    ) -> list[_Answer]:
        """One answer a body. classes: those for which something was accepted are added."""
        drawn = None if caller.tests else await self._singles.draw(caller, bodies, keys)
        if drawn is not None and len(drawn.at) == len(bodies):
            return await self._take_sheet(drawn.sheet, classes)
        plain = set() if drawn is None else set(drawn.at)
        rest = [at for at in range(len(bodies)) if at not in plain]
        asked = [(bodies[at], replace(caller, key=keys[at]) if keys else caller) for at in rest]
        if drawn is None:
            return await self._take_each(asked, accept, classes)
        answers, others = await asyncio.gather(
            self._take_sheet(drawn.sheet, classes), self._take_each(asked, accept, classes)
        )
        merged = dict(zip(drawn.at, answers, strict=True)) | dict(zip(rest, others, strict=True))
        return [merged[at] for at in range(len(bodies))]

    async def _take_sheet(self, sheet: Sheet, classes: set[str]) -> list[_Answer]:
        try:
            unusual = await self._commits.accept_sheet(sheet)
        except PushwardenError as error:
            return [error] * len(sheet.singles)
        classes |= _due_now(sheet, unusual)
        return _answers(sheet, unusual)

    async def _take_each(self, asked: Sequence[_Asked], accept: _Accept, classes: set[str]) -> list[_Answer]:
        parsed = [_parsed(body) for body, _ in asked]
        allowed = [(one, caller) for one, (_, caller) in zip(parsed, asked, strict=True) if isinstance(one, Parsed)]
        drafted = iter(await self._drafting.each(allowed))
        planned = [next(drafted) if isinstance(one, Parsed) else one for one in parsed]
        drafts = [draft for draft in planned if isinstance(draft, Draft)]
        try:
            accepted = await accept([draft.acceptance for draft in drafts])
        except PushwardenError as error:
            accepted = [error] * len(drafts)
        classes |= _rung(zip(drafts, accepted, strict=True))
        answers = iter(accepted)
        return [_answer(one, next(answers)) if isinstance(one, Draft) else one for one in planned]

    def _ring(self, classes: set[str]) -> None:
        """For what a sender could take now; what is held or due later it finds by itself."""
        if classes:
            self._doorbell.doorbell({Class(klass) for klass in classes})


def _rung(pairs: Iterable[tuple[Draft, Accepted | PushwardenError]]) -> set[str]:
    return {
        str(draft.push.klass)
        for draft, answer in pairs
        if isinstance(answer, Accepted) and not answer.replayed and draft.plan.shards and not draft.acceptance.held
    }


def _due_now(sheet: Sheet, unusual: Mapping[int, Accepted | PushwardenError]) -> set[str]:
    if sheet.held:
        return set()
    return {
        one.klass
        for row, one in enumerate(sheet.singles)
        if one.not_before <= sheet.accepted_at and one.parts and row not in unusual
    }


def _tell(futures: Sequence[asyncio.Future[bytes]], answers: Sequence[_Answer]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, PushwardenError):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _answers(sheet: Sheet, unusual: Mapping[int, Accepted | PushwardenError]) -> list[_Answer]:
    answers: list[_Answer] = [
        receipt_of(sheet.where, one.id, sum([part.width for part in one.parts]), sheet.held) for one in sheet.singles
    ]
    for row, answer in unusual.items():
        answers[row] = replayed(sheet.where, answer.push_id) if isinstance(answer, Accepted) else answer
    return answers


def _parsed(body: bytes) -> Parsed | PushwardenError:
    try:
        return parse(body)
    except PushwardenError as error:
        return error


def _answer(draft: Draft, accepted: Accepted | PushwardenError) -> _Answer:
    return msgspec.json.encode(receipt(draft, accepted)) if isinstance(accepted, Accepted) else accepted
