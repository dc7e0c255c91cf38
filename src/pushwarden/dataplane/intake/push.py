"""The door every push enters by: parse → authorize → plan → accept → hand over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec import Struct

from pushwarden.core.errors import PushwardenError
from pushwarden.core.lane import Class
from pushwarden.dataplane.intake.accept import GroupCommit
from pushwarden.dataplane.intake.draft import Caller, Draft, Drafting, Sources
from pushwarden.dataplane.intake.parse import Parsed, parse
from pushwarden.ports.doorbell import Doorbell
from pushwarden.ports.journal import Acceptance, Accepted

__all__ = ["Caller", "Draft", "Intake", "Receipt", "Sources", "receipt", "warnings"]


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


_Asked = tuple[Parsed, Caller]
_Answer = Receipt | PushwardenError
_Accept = Callable[[Sequence[Acceptance]], Awaitable[list[Accepted | PushwardenError]]]


class Intake:
    """Takes pushes. Everything it gives to others stands in `sources`, `commits` and the doorbell."""

    def __init__(self, sources: Sources, commits: GroupCommit, doorbell: Doorbell) -> None:
        self.sources = sources
        self._commits = commits
        self._doorbell = doorbell
        self._drafting = Drafting(sources)
        self._arrived: list[tuple[_Asked, asyncio.Future[Receipt]]] = []
        self._turns: set[asyncio.Task[None]] = set()

    async def push(self, body: bytes, caller: Caller) -> Receipt:
        """One push. Returns after it is durable; every refusal is a PushwardenError and leaves nothing behind.

        What arrives in one turn of the event loop goes on together: one look-up, one wait for the commit.
        """
        parsed = parse(body)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        if not self._arrived:
            loop.call_soon(self._begin_turn)
        self._arrived.append(((parsed, caller), future))
        return await future

    async def push_many(self, bodies: Sequence[bytes], callers: Sequence[Caller]) -> list[_Answer]:
        """Many pushes in one commit; one answer each, in order. A refused one does not hinder the others."""
        answers = [_parsed(body) for body in bodies]
        asked = [(one, caller) for one, caller in zip(answers, callers, strict=True) if isinstance(one, Parsed)]
        taken = iter(await self._take(asked, self._commits.accept_all))
        return [next(taken) if isinstance(one, Parsed) else one for one in answers]

    async def draft(self, parsed: Parsed, caller: Caller) -> Draft:
        """authorize and plan: what `accept` would write. Nothing is written."""
        (drafted,) = await self._drafting.each([(parsed, caller)])
        if isinstance(drafted, PushwardenError):
            raise drafted
        return drafted

    def _begin_turn(self) -> None:
        arrived, self._arrived = self._arrived, []
        turn = asyncio.create_task(self._turn(arrived), name="intake-turn")
        self._turns.add(turn)
        turn.add_done_callback(lambda done: self._end_turn(done, arrived))

    async def _turn(self, arrived: Sequence[tuple[_Asked, asyncio.Future[Receipt]]]) -> None:
        answers = await self._take([asked for asked, _ in arrived], self._commits.accept_each)
        for (_, future), answer in zip(arrived, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, PushwardenError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _end_turn(self, turn: asyncio.Task[None], arrived: Sequence[tuple[_Asked, asyncio.Future[Receipt]]]) -> None:
        """A turn that broke must leave nobody waiting."""
        self._turns.discard(turn)
        error = asyncio.CancelledError() if turn.cancelled() else turn.exception()
        for _, future in arrived if error is not None else ():
            if error is not None and not future.done():
                future.set_exception(error)

    async def _take(self, asked: Sequence[_Asked], accept: _Accept) -> list[_Answer]:
        """plan → accept → hand over, one answer a request."""
        drafted = await self._drafting.each(asked)
        drafts = [draft for draft in drafted if isinstance(draft, Draft)]
        try:
            accepted = await accept([draft.acceptance for draft in drafts])
        except PushwardenError as error:
            accepted = [error] * len(drafts)
        self._hand_over(zip(drafts, accepted, strict=True))
        answers = iter(accepted)
        return [_answer(one, next(answers)) if isinstance(one, Draft) else one for one in drafted]

    def _hand_over(self, pairs: Iterable[tuple[Draft, Accepted | PushwardenError]]) -> None:
        """Rings for what a sender could take now; what is held or due later it finds by itself."""
        classes: set[Class] = set()
        for draft, answer in pairs:
            if isinstance(answer, Accepted) and not answer.replayed and draft.plan.shards and not draft.acceptance.held:
                classes.add(draft.push.klass)
        if classes:
            self._doorbell.doorbell(classes)


def _parsed(body: bytes) -> Parsed | PushwardenError:
    try:
        return parse(body)
    except PushwardenError as error:
        return error


def _answer(draft: Draft, accepted: Accepted | PushwardenError) -> _Answer:
    return receipt(draft, accepted) if isinstance(accepted, Accepted) else accepted


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
