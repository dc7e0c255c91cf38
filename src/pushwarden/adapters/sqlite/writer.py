"""The one thread of a process that writes a database file. What is queued during a commit shares the next one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from pushwarden.adapters.sqlite.driver import open_database, sqlite3, translated
from pushwarden.core.errors import Busy, PushwardenError, StoreFull

T = TypeVar("T")
R = TypeVar("R")

BATCH = 256
"""Requests that share a commit, at most."""

BUSY_LIMIT = 2.0
"""Seconds a commit waits for another process's before it is `Busy`."""

SWITCH_SECONDS = 0.0002
"""After which a busy event loop must let the writer have the GIL. With Python's 5 ms a loop whose rounds are shorter
takes it back before the writer has woken up: commits stalled for up to 2.4 s (measured)."""

# SQLite's own busy handler sleeps up to 100 ms a try and so is starved by writers that come back sooner (measured).
_NAPS = (0.0001, 0.0002, 0.0004, 0.0008)

Answer = Any  # a result or an Exception to raise


class Reserve(Protocol):
    """Room kept free for what must not go unrecorded."""

    def spend(self) -> bool:
        """Gives the room up. False when it was given up before."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    work: Callable[..., Any]
    items: Sequence[Any] | None  # None: the work takes only the connection
    vital: bool
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """A request whose work is done on the caller's thread; only its commit is left."""

    request: _Request
    answer: Answer


class Writer:
    """Runs functions inside BEGIN IMMEDIATE … COMMIT; an answer is given only after the commit.

    A function may run more than once before its answer, so it changes nothing but the database. Its exceptions undo
    only what it did itself. Raises Busy when the file stays locked, StoreFull when it cannot be written.
    """

    def __init__(self, path: Path, *, synchronous: str = "FULL", reserve: Reserve | None = None) -> None:
        self.connection = open_database(path, synchronous=synchronous)
        self._reserve = reserve
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self._queue: SimpleQueue[_Request | _Begun | None] = SimpleQueue()
        self._open = 0  # requests put and not settled; changed in the event loop alone
        self._thread = threading.Thread(target=self._serve, name=f"writer of {path.name}", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[sqlite3.Connection], T], *, vital: bool = False) -> asyncio.Future[T]:
        """Vital work is tried again with the reserve given up when the disk is full."""
        return self._put(work, None, vital)

    def batch(
        self, work: Callable[[sqlite3.Connection, Sequence[T]], Sequence[R]], items: Sequence[T], *, vital: bool = False
    ) -> asyncio.Future[list[R]]:
        """Like `run`, for work over many items: calls that share a commit become one call with all their items.

        `work` answers one result an item, in order.
        """
        return self._put(work, items, vital)

    def begin_here(
        self, work: Callable[[sqlite3.Connection, Sequence[T]], Sequence[R]], items: Sequence[T], *, vital: bool = False
    ) -> asyncio.Future[list[R]]:
        """Like `batch`, for little work of a busy loop: an idle writer is given the commit alone.

        Every step of another thread waits for the GIL beside a busy loop; a commit is one step (measured: 4 → 1.4 ms).
        """
        if self._open or not self._begin_now():
            return self._put(work, items, vital)
        try:
            answers = list(work(self.connection, items))
        except (sqlite3.Error, PushwardenError):
            self.connection.execute("ROLLBACK")
            return self._put(work, items, vital)
        future: asyncio.Future[list[R]] = asyncio.get_running_loop().create_future()
        self._open += 1
        self._queue.put(_Begun(_Request(work, items, vital, future), answers))
        return future

    def _begin_now(self) -> bool:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Finishes what is queued, then ends the thread and closes the file."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
            self.connection.close()

    def _put(self, work: Callable[..., Any], items: Sequence[Any] | None, vital: bool) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._open += 1
        self._queue.put(_Request(work, items, vital, future))
        return future

    def _serve(self) -> None:
        closing = False
        while not closing:
            begun, batch, closing = self._collect()
            if begun:
                self._deliver([begun.request], self._finish(begun))
            if batch:
                self._deliver(batch, self._answers(batch))

    def _finish(self, begun: _Begun) -> list[Answer]:
        """Commits what the caller has done; what cannot be committed is done again here, where it may wait."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            return self._answers([begun.request])
        return [begun.answer]

    def _collect(self) -> tuple[_Begun | None, list[_Request], bool]:
        """What waits, and whether it is the end. A begun request finds the writer idle, so it is always the first."""
        begun: _Begun | None = None
        batch: list[_Request] = []
        request = self._queue.get()
        with contextlib.suppress(Empty):
            while request is not None:
                if isinstance(request, _Begun):
                    begun = request
                else:
                    batch.append(request)
                if len(batch) == BATCH:
                    return begun, batch, False
                request = self._queue.get_nowait()
            return begun, batch, True
        return begun, batch, False

    def _answers(self, batch: Sequence[_Request]) -> list[Answer]:
        """One answer a request, in order. A full disk fails what is not vital and records what is."""
        answers = transact(self.connection, batch)
        vital = [at for at, request in enumerate(batch) if request.vital and isinstance(answers[at], StoreFull)]
        if vital and self._reserve is not None and self._reserve.spend():
            for at, answer in zip(vital, transact(self.connection, [batch[at] for at in vital]), strict=True):
                answers[at] = answer
        return answers

    def _deliver(self, batch: Sequence[_Request], answers: Sequence[Answer]) -> None:
        """Hands the answers to the event loops that asked, one wake-up a loop. A loop that has ended is past caring."""
        by_loop = defaultdict(list)
        for request, answer in zip(batch, answers, strict=True):
            by_loop[request.future.get_loop()].append((request.future, answer))
        for loop, settled in by_loop.items():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._settle, settled)

    def _settle(self, settled: Sequence[tuple[asyncio.Future[Any], Answer]]) -> None:
        self._open -= len(settled)
        for future, answer in settled:
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def transact(connection: sqlite3.Connection, batch: Sequence[_Request]) -> list[Answer]:
    """All of the batch in one transaction: an answer each, or the one error that undid them all."""
    try:
        begin(connection)
        answers = _merged(connection, batch)
        if answers is None:
            connection.execute("ROLLBACK")
            begin(connection)
            answers = [_apart(connection, request) for request in batch]
        connection.execute("COMMIT")
    except (sqlite3.Error, PushwardenError) as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [_problem(error)] * len(batch)
    return answers


def begin(connection: sqlite3.Connection) -> None:
    """BEGIN IMMEDIATE, waiting for other processes' commits. Busy after BUSY_LIMIT."""
    limit = time.monotonic() + BUSY_LIMIT
    for nap in itertools.chain(_NAPS, itertools.repeat(_NAPS[-1])):
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not isinstance(translated(error), Busy) or time.monotonic() > limit:
                raise
        time.sleep(nap)


def _merged(connection: sqlite3.Connection, batch: Sequence[_Request]) -> list[Answer] | None:
    """The fast way, without savepoints. None when a request failed by itself and each must run apart."""
    answers: list[Answer] = [None] * len(batch)
    try:
        for group in _grouped(batch):
            for at, answer in zip(group, _call(connection, [batch[at] for at in group]), strict=True):
                answers[at] = answer
    except Exception as error:  # handed on: `_apart` gives it to the request it belongs to
        if _fatal(error):
            raise
        return None
    return answers


def _apart(connection: sqlite3.Connection, request: _Request) -> Answer:
    connection.execute("SAVEPOINT request")
    try:
        (answer,) = _call(connection, [request])
    except Exception as error:  # handed on to the one who asked
        if _fatal(error):
            raise
        connection.execute("ROLLBACK TO request")
        answer = error
    connection.execute("RELEASE request")
    return answer


def _call(connection: sqlite3.Connection, requests: Sequence[_Request]) -> list[Answer]:
    """Runs requests that share their work; an answer each."""
    work = requests[0].work
    if requests[0].items is None:
        return [work(connection)]
    results = iter(work(connection, [item for request in requests for item in request.items or ()]))
    return [list(itertools.islice(results, len(request.items or ()))) for request in requests]


def _grouped(batch: Sequence[_Request]) -> list[list[int]]:
    """Places of the requests that one call can serve, in the order of their first."""
    same: dict[Any, list[int]] = {}
    for at, request in enumerate(batch):
        same.setdefault(at if request.items is None else request.work, []).append(at)
    return list(same.values())


def _problem(error: Exception) -> Exception:
    return translated(error) if isinstance(error, sqlite3.Error) else error


def _fatal(error: Exception) -> bool:
    """Whether the whole transaction is lost, not only what one request did."""
    return isinstance(error, sqlite3.Error) and isinstance(translated(error), Busy | StoreFull)
