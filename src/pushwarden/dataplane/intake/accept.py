"""Step 3: one durable commit for all that arrived together. An answer is given only after it."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pushwarden.core.errors import Busy, Invalid, PushwardenError
from pushwarden.ports.journal import Acceptance, Accepted, Accepts, Sheet

GROUP = 256
WAITING_LIMIT = 20_000
"""More than this waiting means the disk does not keep up; the caller is told at once rather than after its timeout."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Answer = Accepted | PushwardenError


def idempotency_key(value: str | None) -> str:
    """The header as it is kept; empty when there is none."""
    if value is None:
        return ""
    if not _KEY.fullmatch(value):
        raise Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters.", field="Idempotency-Key")
    return value


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    items: Sequence[Acceptance]
    future: asyncio.Future[list[Answer]]


class GroupCommit:
    """Shares `Accepts.accept` among callers: what arrives during a commit goes with the next one.

    Nobody is kept waiting for company: with many clients a commit gathers the next group by itself, and a lone push
    is accepted at once (a pause of 2 ms before each commit cost latency and saved nothing, measured).
    """

    def __init__(self, accepts: Accepts) -> None:
        self._accepts = accepts
        self._waiting: deque[_Waiting] = deque()
        self._items = 0
        self._runner: asyncio.Task[None] | None = None

    async def accept(self, item: Acceptance) -> Accepted:
        """Raises what became of the item: IdempotencyMismatch, Busy, StoreFull."""
        (answer,) = await self.accept_each([item])
        if isinstance(answer, PushwardenError):
            raise answer
        return answer

    async def accept_each(self, items: Sequence[Acceptance]) -> list[Answer]:
        """One answer an item, in order. Busy, StoreFull when that became of all of them."""
        if not items:
            return []
        if self._items >= WAITING_LIMIT:
            raise Busy
        waiting = _Waiting(items, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._items += len(items)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run(), name="group-commit")
            self._runner.add_done_callback(self._ended)
        return await waiting.future

    async def accept_all(self, items: Sequence[Acceptance]) -> list[Answer]:
        """A batch's own commit: it is large enough already. One answer an item, in order."""
        return [_refusal(answer) for answer in await self._accepts.accept(items)] if items else []

    async def accept_sheet(self, sheet: Sheet) -> dict[int, Answer]:
        """By row what was not accepted anew. The store gathers sheets that arrive during a commit by itself."""
        if self._items >= WAITING_LIMIT:
            raise Busy
        self._items += len(sheet.singles)
        try:
            unusual = await self._accepts.accept_sheet(sheet)
        finally:
            self._items -= len(sheet.singles)
        return {row: _refusal(answer) for row, answer in unusual.items()}

    async def _run(self) -> None:
        while self._waiting:
            await self._commit(self._group())

    def _group(self) -> list[_Waiting]:
        """GROUP items, or those of one caller when they are more."""
        group = [self._waiting.popleft()]
        size = len(group[0].items)
        while self._waiting and size + len(self._waiting[0].items) <= GROUP:
            group.append(self._waiting.popleft())
            size += len(group[-1].items)
        self._items -= size
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        items = [item for waiting in group for item in waiting.items]
        try:
            answers = iter([_refusal(answer) for answer in await self._accepts.accept(items)])
        except PushwardenError as error:
            for waiting in group:
                _fail(waiting.future, error)
            return
        except BaseException:
            self._waiting.extendleft(reversed(group))
            raise
        for waiting in group:
            own = list(itertools.islice(answers, len(waiting.items)))
            if not waiting.future.done():
                waiting.future.set_result(own)

    def _ended(self, runner: asyncio.Task[None]) -> None:
        """A runner that broke must leave nobody waiting."""
        error = asyncio.CancelledError() if runner.cancelled() else runner.exception()
        while error is not None and self._waiting:
            waiting = self._waiting.popleft()
            self._items -= len(waiting.items)
            _fail(waiting.future, error)


def _fail(future: asyncio.Future[list[Answer]], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _refusal(answer: Accepted | Exception) -> Answer:
    """An answer that is neither an acceptance nor a refusal is a fault, and is raised as one."""
    if isinstance(answer, Accepted | PushwardenError):
        return answer
    raise answer
