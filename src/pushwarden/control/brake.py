"""The stop itself: fence, ring, and an end for senders that stay silent. Nothing here can wait for a database."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from pushwarden.core.lane import place_of
from pushwarden.core.receipt import Confirmation, Evidence, Receipt, SenderReceipt
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import StopRecord
from pushwarden.ports.clock import Clock
from pushwarden.ports.fence import Fence, Stop
from pushwarden.ports.ring import Answer, Processes, Ring
from pushwarden.ports.stops import StopDiary

LEASE_MS = 2000
"""A sender that nobody reaches and nobody can end stops by itself when its lease runs out."""
DIARY_SECONDS = 0.02
T = TypeVar("T")
_log = structlog.get_logger("stop")


class Brake:
    """window: requests a sender may have written and not seen answered; what a killed one may still have out."""

    def __init__(
        self, fence: Fence, ring: Ring, processes: Processes, diary: StopDiary, clock: Clock, window: int
    ) -> None:
        self._fence = fence
        self._ring = ring
        self._processes = processes
        self._diary = diary
        self._clock = clock
        self._window = window
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="brake")

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def stop(self, scope: Scope, actor: str, reason: str = "") -> Receipt:
        """Returns when every sender has confirmed or is ended. Goes to its end even when the caller goes away."""
        return await asyncio.shield(asyncio.ensure_future(self._stop(scope, actor, reason)))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Blocking work of the fence and the diary, in threads that nothing else can fill."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _stop(self, scope: Scope, actor: str, reason: str) -> Receipt:
        began, at = self._clock.monotonic(), self._clock.now_ms()
        stop = await self.in_thread(lambda: self._fence.stop(scope, at))
        draft = Receipt(f"stop-{secrets.token_hex(8)}", scope, stop.sequence, at, 0.0, (), reason, actor)
        noting = asyncio.ensure_future(self.in_thread(lambda: self._diary.write(record_of(draft))))
        senders = await self._confirm(stop, began)
        await asyncio.wait({noting}, timeout=DIARY_SECONDS)
        noting.add_done_callback(_say_if_failed)
        receipt = Receipt(draft.id, scope, stop.sequence, at, self._since(began), senders, reason, actor)
        _log.warning(
            "stopped", scope=scope.key, actor=actor, receipt=receipt.id, ms=receipt.ms, drained=receipt.drained
        )
        return receipt

    async def _confirm(self, stop: Stop, began: float) -> tuple[SenderReceipt, ...]:
        before = self._since(began)
        answers = await self._ring.fence(stop.sequence)
        return tuple(await asyncio.gather(*(self._witness(stop.scope, answer, began, before) for answer in answers)))

    async def _witness(self, scope: Scope, answer: Answer, began: float, before: float) -> SenderReceipt:
        sender = answer.seat.sender
        if answer.confirmation is not None:
            ms, known = round(before + answer.ms, 3), _of_scope(scope, answer)
            return SenderReceipt(sender, answer.confirmation, ms, answer.named, evidence=known)
        gone = await self._processes.end(answer.seat)
        _log.error("sender_silent", sender=sender, pid=answer.seat.pid, ended=gone)
        if gone:
            return SenderReceipt(sender, Confirmation.FENCED, self._since(began), self._window, killed=True)
        until = self._clock.now_ms() + LEASE_MS
        return SenderReceipt(sender, Confirmation.UNREACHED, self._since(began), self._window, until)

    def _since(self, began: float) -> float:
        return round((self._clock.monotonic() - began) * 1e3, 3)


def record_of(receipt: Receipt) -> StopRecord:
    """The row the database keeps; without the receipt while nobody has confirmed."""
    whole = receipt if receipt.ms else None
    return StopRecord(receipt.id, receipt.scope, receipt.actor, receipt.reason, receipt.stopped_at, whole)


def _of_scope(scope: Scope, answer: Answer) -> Evidence:
    """What it said of the lanes within the scope; other stops touch others."""
    return sum((known for family, known in answer.lanes.items() if scope.covers(place_of(family))), Evidence())


def _say_if_failed(noting: asyncio.Future[None]) -> None:
    if not noting.cancelled() and (error := noting.exception()):
        _log.error("stop_diary_failed", error=str(error))
