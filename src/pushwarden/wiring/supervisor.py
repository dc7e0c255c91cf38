"""`pushwarden serve`: prepares the data directory, runs the roles, restarts what dies, drains in order."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import structlog

from pushwarden.core.errors import PushwardenError
from pushwarden.observe.logs import configure
from pushwarden.settings import Settings
from pushwarden.wiring.children import Child, Command
from pushwarden.wiring.roles import DRAIN_ORDER, kind, names
from pushwarden.wiring.seclusion import undumpable

DRAIN_SECONDS = 30.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = structlog.get_logger("supervisor")


class AlreadyRunning(PushwardenError):
    """Another Pushwarden runs on this data directory."""

    code, status = "already_running", 409


def command(name: str) -> Sequence[str]:
    """How a role is run, in this very Python."""
    return (sys.executable, "-m", "pushwarden.wiring.run", "--role", name)


def serve(settings: Settings, run: Command = command, patience: float = DRAIN_SECONDS) -> int:
    """Blocks until a signal ends it. 0: all drained; 1: refused, not prepared, or a child had to be killed."""
    configure(settings.log_level, "supervisor")
    undumpable()
    try:
        with only_one(settings.data):
            prepared = subprocess.run(run("prepare"), stdin=subprocess.DEVNULL, check=False)  # noqa: S603 (our own)
            if prepared.returncode:
                _log.error("not prepared", exit_code=prepared.returncode)
                return 1
            children = [Child(name, run) for name in names(settings)]
            return Supervisor(children, settings.run / "ready", patience).run()
    except AlreadyRunning as error:
        _log.error("refused", code=error.code, sentence=error.detail)
        return 1


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Holds the data directory's lock. AlreadyRunning names the process that has it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        yield
    except BlockingIOError:
        pid = os.pread(fd, 20, 0).decode(errors="replace")
        raise AlreadyRunning(
            f"Pushwarden already runs on {data} (process {pid}); stop it, or set PUSHWARDEN_DATA to another directory."
        ) from None
    finally:
        os.close(fd)


class Supervisor:
    """ready: a file that stands while every child is ready, with our pid in it. patience: seconds to drain."""

    def __init__(self, children: Sequence[Child], ready: Path, patience: float) -> None:
        self._children = children
        self._ready = ready
        self._patience = patience
        self._selector = selectors.DefaultSelector()
        self._asked = 0
        self._forced = False

    def run(self) -> int:
        with self._signals():
            self._ready.unlink(missing_ok=True)
            while not self._asked:
                self._start_due()
                self._wait(self._next_due())
            self._ready.unlink(missing_ok=True)
            self._drain()
        return 1 if self._forced else 0

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.running and child.due <= now:
                child.start()
                self._selector.register(child.pidfd, selectors.EVENT_READ, child)
                self._selector.register(child.pipe, selectors.EVENT_READ, child)
                _log.info("started", role=child.name, pid=child.pid)

    def _next_due(self) -> float | None:
        waiting = [child.due for child in self._children if not child.running]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _wait(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            child = key.data
            if child is None:
                key.fileobj.recv(4096)  # type: ignore[union-attr]
            elif key.fd == child.pipe:
                self._hear(child)
            elif child.running:
                self._reap(child)

    def _hear(self, child: Child) -> None:
        self._selector.unregister(child.pipe)
        child.hear()
        if not self._asked and all(one.ready for one in self._children):
            self._ready.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._ready.write_text(str(os.getpid()))
            _log.info("ready", roles=[one.name for one in self._children])

    def _reap(self, child: Child) -> None:
        self._selector.unregister(child.pidfd)
        if child.pipe >= 0:
            self._selector.unregister(child.pipe)
        self._ready.unlink(missing_ok=True)
        pid = child.pid
        how, lived = child.reap()
        if self._asked:
            _log.info("ended", role=child.name, pid=pid, how=how)
        else:
            _log.error("died", role=child.name, pid=pid, how=how, lived_s=round(lived, 1), again_in_s=child.delay)

    def _drain(self) -> None:
        began = time.monotonic()
        _log.info("draining", patience_s=self._patience)
        for wanted, share in DRAIN_ORDER.items():
            children = [child for child in self._children if kind(child.name) == wanted]
            self._end(children, began + share * self._patience)

    def _end(self, children: Sequence[Child], until: float) -> None:
        for child in children:
            child.tell(signal.SIGTERM)
        asked = self._asked
        while any(child.running for child in children):
            left = until - time.monotonic()
            if left <= 0 or self._asked > asked:
                self._kill([child for child in children if child.running])
            else:
                self._wait(left)

    def _kill(self, children: Sequence[Child]) -> None:
        self._forced = True
        for child in children:
            _log.error("killed", role=child.name, pid=child.pid)
            child.tell(signal.SIGKILL)
            self._reap(child)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            ours.close()
            theirs.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._asked += 1
