"""One child process of the supervisor: started, watched through its pidfd, reaped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from pushwarden.wiring.run import PARENT, READY
from pushwarden.wiring.seclusion import environment

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
LONGEST_AFTER_WORK = 1.0
"""A child that came up died at something it was given, which the next life takes more carefully: it may come soon."""
HEALTHY_SECONDS = 30.0

Command = Callable[[str], Sequence[str]]
"""Role → the command that runs it."""


def next_delay(previous: float, lived: float, *, was_ready: bool = False) -> float:
    """Seconds until a child that lived so long is started again: doubled each time, forgotten after a healthy life."""
    if not previous or lived >= HEALTHY_SECONDS:
        return FIRST_DELAY
    return min(previous * 2, LONGEST_AFTER_WORK if was_ready else LONGEST_DELAY)


class Child:
    """`pidfd` becomes readable when it ends, `pipe` when it is ready (or has ended)."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self.ready = False
        self.due = 0.0
        self.delay = 0.0
        self.pidfd = -1
        self.pipe = -1
        self._command = command
        self._began = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """In a process group of its own: Ctrl-C on a terminal reaches the supervisor alone."""
        self.pipe, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own command)
                self._command(self.name),
                stdin=subprocess.DEVNULL,
                env={**environment(self.name, os.environ), PARENT: str(os.getpid()), READY: str(theirs)},
                pass_fds=(theirs,),
                process_group=0,
            )
        finally:
            os.close(theirs)
        self.pidfd = os.pidfd_open(self._process.pid)
        self._began = time.monotonic()

    def hear(self) -> None:
        """What stands in the pipe: ready, or nothing any more."""
        self.ready = self.ready or bool(os.read(self.pipe, 1))
        os.close(self.pipe)
        self.pipe = -1

    def tell(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def reap(self) -> tuple[str, float]:
        """How it ended, in words, and how many seconds it lived. When to start it again is in `due`."""
        if self._process is None:
            raise ValueError(f"{self.name} is not running")
        code = self._process.wait()
        for fd in (self.pidfd, self.pipe):
            if fd >= 0:
                os.close(fd)
        was_ready = self.ready
        self._process, self.pidfd, self.pipe, self.ready = None, -1, -1, False
        now = time.monotonic()
        lived = now - self._began
        self.delay = next_delay(self.delay, lived, was_ready=was_ready)
        self.due = now + self.delay
        return (f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"), lived
