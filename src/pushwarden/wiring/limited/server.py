"""The fork server: everything is imported once, and each piece of work gets a fresh child that is limited and reaped.

Its standard input is a socket on which other sockets arrive. On each of those a child takes its work and answers.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import msgspec

from pushwarden.wiring.limited.limits import Limits, lower
from pushwarden.wiring.priority import NICE

MOST = 256 * 1024
"""Bytes of a request and of an answer: a file has 64 KiB, what is made of it little more."""
DONE, BROKEN, OUT_OF_MEMORY = 0, 1, 2
"""Exit codes of a child; a negative one is the signal that ended it."""
_NEVER = float("inf")
_CONTROL, _ANSWER, _BEYOND_ANY = 0, 3, 1 << 20

Work = Callable[[bytes], bytes]
"""Request → answer, run in the child. It must have imported all it needs."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The last message on a child's socket. cpu: seconds. memory: bytes at its largest, all of the child."""

    code: int
    cpu: float
    memory: int


@dataclass(slots=True)
class _Child:
    """until: when it is killed, by the monotonic clock."""

    pid: int
    pidfd: int
    answer: socket.socket
    until: float


def serve(work: Work, limits: Limits) -> None:
    """Until nobody holds the other end of standard input. The kernel kills what children there are then."""
    os.nice(NICE)
    gc.collect()
    gc.freeze()
    gc.disable()  # no child lives long enough to gain by it, and each would copy every page it looks at
    with socket.socket(fileno=_CONTROL) as control:
        _Server(control, work, limits).run()


class _Server:
    def __init__(self, control: socket.socket, work: Work, limits: Limits) -> None:
        self._control, self._work, self._limits = control, work, limits
        self._children: dict[int, _Child] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def run(self) -> None:
        while True:
            for fd, _ in self._poll.poll(self._milliseconds()):
                if fd in self._children:
                    self._end(self._children.pop(fd))
                elif not self._begin():
                    return
            self._kill_overdue()

    def _begin(self) -> bool:
        _, fds, _, _ = socket.recv_fds(self._control, 1, 1)
        if not fds:
            return False
        answer, server = socket.socket(fileno=fds[0]), os.getpid()
        pid = os.fork()
        if pid == 0:
            _live(answer, server, self._work, self._limits)
        child = _Child(pid, os.pidfd_open(pid), answer, time.monotonic() + self._limits.wall_seconds)
        self._children[child.pidfd] = child
        self._poll.register(child.pidfd, select.POLLIN)
        return True

    def _end(self, child: _Child) -> None:
        self._poll.unregister(child.pidfd)
        os.close(child.pidfd)
        _, status, usage = os.wait4(child.pid, 0)
        ending = Ending(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
        with child.answer, contextlib.suppress(OSError):  # whoever asked may be gone
            child.answer.send(msgspec.msgpack.encode(ending), socket.MSG_DONTWAIT)

    def _milliseconds(self) -> float | None:
        soonest = min((child.until for child in self._children.values()), default=_NEVER)
        return None if soonest == _NEVER else max(0.0, soonest - time.monotonic()) * 1000

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.until <= now:
                child.until = _NEVER
                os.kill(child.pid, signal.SIGKILL)


def _live(answer: socket.socket, server: int, work: Work, limits: Limits) -> NoReturn:
    """All of a child's life. Whatever happens it goes no further than here, and no word of it reaches a log."""
    code = BROKEN
    try:
        asker = _alone_with(answer)
        lower(limits)
        if os.getppid() == server:  # else it died before `lower` tied the child to it
            asker.send(work(asker.recv(MOST)))
        code = DONE
    except MemoryError:
        code = OUT_OF_MEMORY
    finally:
        os._exit(code)


def _alone_with(answer: socket.socket) -> socket.socket:
    """Closes everything else; standard input, output and error lead nowhere."""
    os.dup2(answer.fileno(), _ANSWER)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in range(_ANSWER):
        os.dup2(nowhere, fd)
    os.closerange(_ANSWER + 1, _BEYOND_ANY)
    return socket.socket(fileno=_ANSWER)
