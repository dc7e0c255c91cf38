"""The fence as one preallocated file, mapped by every process. It is made once, never replaced and never shrunk.

Readers take no lock. A slot whose sum is wrong counts as stopped: its scope if it can be read, else everything.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushwarden.adapters.fence_layout import (
    FILE_BYTES,
    GENERATION,
    HEADER_BYTES,
    KEY_BYTES,
    SLOT_BYTES,
    SLOTS,
    FenceDamaged,
    check,
    create,
    offset,
    pack,
    readable_scope,
    unpack,
)
from pushwarden.core.errors import Busy, Invalid, StoreFull
from pushwarden.core.scope import Scope, ScopeKind
from pushwarden.ports.fence import Stop

RESERVED = 64
"""Slots that a cancelled push may not take, so that wider stops always find a place."""
LOCK_SECONDS = 0.03
REREADS = 64


@dataclass(frozen=True, slots=True)
class _Slot:
    index: int
    stop: Stop
    sound: bool


class FenceFile:
    """Implements the Fence port; several processes and threads may use one file. `stop` and `resume` block on a sync.

    A reader that takes `generation()` first and `stops()` second never misses a stop: any later one changes the former.
    """

    __slots__ = ("_fd", "_map", "_mutex", "_states", "path", "words")

    words: memoryview
    """The mapped 64-bit words. A loop that looks before each write compares `words[GENERATION]`."""

    def __init__(self, path: Path, stops: Sequence[Stop] = ()) -> None:
        """Opens the file, or makes it with `stops` in it. FenceDamaged when it is not a whole fence file."""
        self.path = path
        if not path.exists():
            create(path, stops)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            check(path, os.pread(self._fd, HEADER_BYTES, 0), os.fstat(self._fd).st_size)
        except FenceDamaged:
            os.close(self._fd)
            raise
        self._map = mmap.mmap(self._fd, FILE_BYTES)
        self.words = memoryview(self._map).cast("Q")
        self._states = self.words[HEADER_BYTES // 8 :: SLOT_BYTES // 8]
        self._mutex = threading.Lock()
        self._catch_up()

    def close(self) -> None:
        self._states.release()
        self.words.release()
        self._map.close()
        os.close(self._fd)

    def generation(self) -> int:
        return self.words[GENERATION]

    def stops(self) -> Sequence[Stop]:
        return [slot.stop for slot in self._taken()]

    def damage(self) -> list[str]:
        """One sentence for each slot that cannot be trusted, for `doctor`."""
        return [
            f"Slot {slot.index} of {self.path} is damaged and counts as a stop of {slot.stop.scope}; "
            "resume that scope to clear it."
            for slot in self._taken()
            if not slot.sound
        ]

    def stop(self, scope: Scope, at_ms: int) -> Stop:
        """Writes the slot, bumps the generation, then syncs: senders see it before the disk has it, the caller after.

        A scope that is stopped already keeps its time and gets a new sequence. A lock held by a frozen process delays
        this by 30 ms and no more. Invalid when the scope's key is longer than 226 bytes.
        """
        if len(scope.key.encode()) > KEY_BYTES:
            raise Invalid("The names of this scope are too long for a stop of its own; stop its app or organisation.")
        with self._writing() as alone:
            taken = self._taken()
            index, since = self._place(scope, taken, alone)
            stop = Stop(scope, self._next(taken, alone), at_ms if since is None else since)
            os.pwrite(self._fd, pack(stop), offset(index))
            self.words[GENERATION] = stop.sequence
        os.fdatasync(self._fd)  # outside the lock: nobody waits for somebody else's disk
        return stop

    def resume(self, scope: Scope, up_to: int | None = None) -> int:
        """Busy when another process holds the lock: a resume may wait, a stop may not. Damaged slots go in any case."""
        with self._writing() as alone:
            if not alone:
                raise Busy("Another process is writing the fence file; nothing was resumed. Try again in a moment.")
            taken = self._taken()
            hits = [slot.index for slot in taken if slot.stop.scope == scope and _within(slot, up_to)]
            if not hits:
                return self.generation()
            sequence = self._next(taken, alone)
            for index in hits:
                os.pwrite(self._fd, bytes(SLOT_BYTES), offset(index))
            self.words[GENERATION] = sequence
        os.fdatasync(self._fd)
        return sequence

    def _taken(self) -> list[_Slot]:
        read = (self._read(index) for index, state in enumerate(self._states.tolist()) if state)
        return [slot for slot in read if slot]

    def _read(self, index: int) -> _Slot | None:
        raw = b""
        for _ in range(REREADS):
            raw = self._map[offset(index) : offset(index) + SLOT_BYTES]
            if not any(raw[:8]):
                return None
            if stop := unpack(raw):
                return _Slot(index, stop, sound=True)
        return _Slot(index, Stop(readable_scope(raw) or Scope(), self.generation(), 0), sound=False)

    def _place(self, scope: Scope, taken: list[_Slot], alone: bool) -> tuple[int, int | None]:
        for slot in taken:
            if slot.stop.scope == scope and slot.sound:
                return slot.index, slot.stop.at_ms
        free = sorted(set(range(SLOTS)) - {slot.index for slot in taken})
        if len(free) <= (RESERVED if scope.kind is ScopeKind.PUSH else 0):
            raise StoreFull(
                f"All {SLOTS} places of the fence file are taken; stop a wider scope that covers this one, or resume "
                "what need not be stopped any more."
            )
        return (free[0] if alone else free[-1 - threading.get_native_id() % max(1, len(free) // 2)]), None

    def _next(self, taken: list[_Slot], alone: bool) -> int:
        highest = max([self.generation(), *(slot.stop.sequence for slot in taken)])
        # Without the lock two writers may count from the same number; the thread's id keeps their generations apart.
        return highest + 1 if alone else highest + 1 + threading.get_native_id()

    def _catch_up(self) -> None:
        """A writer killed between its slot and the generation left a stop nobody was told of."""
        with self._writing() as alone:
            highest = max([0, *(slot.stop.sequence for slot in self._taken() if slot.sound)])
            if alone and highest > self.generation():
                self.words[GENERATION] = highest

    @contextmanager
    def _writing(self) -> Iterator[bool]:
        if not self._mutex.acquire(timeout=LOCK_SECONDS):
            yield False
            return
        alone = False
        try:
            alone = _lock(self._fd)
            yield alone
        finally:
            if alone:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self._mutex.release()


def _within(slot: _Slot, up_to: int | None) -> bool:
    return up_to is None or not slot.sound or slot.stop.sequence <= up_to


def _lock(fd: int) -> bool:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.0005)
        else:
            return True
