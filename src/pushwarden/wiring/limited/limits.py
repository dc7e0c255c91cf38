"""What a child that reads a stranger's file may use: set by itself before it has read a byte, held by the kernel."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
"""prctl(2)."""
_NOBODY = 65534
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Limits:
    """memory: bytes a file may add to what is loaded, which is 50 MiB of address space: in all less than 128 MiB.

    wall_seconds: kept by the fork server, which kills.
    """

    cpu_seconds: int = 2
    memory: int = 64 << 20
    wall_seconds: float = 15.0


def lower(limits: Limits) -> None:
    """For the calling process, with no way back. What it has open stays open; it can open nothing more."""
    size = _address_space()
    _become_nobody()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which would undo it
    _LIBC.prctl(_PR_SET_DUMPABLE, 0)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    most = size + limits.memory
    for what, soft, hard in (
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1),  # SIGXCPU says why; then comes SIGKILL
        (resource.RLIMIT_AS, most, most),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_NOFILE, 0, 0),
    ):
        _set(what, soft, hard)


def _set(what: int, soft: int, hard: int) -> None:
    """Or what the system allows, where that is less: nobody may raise a limit."""
    allowed = resource.getrlimit(what)[1]
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, allowed)
    resource.setrlimit(what, (soft, hard))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _become_nobody() -> None:
    """Root may have more processes than RLIMIT_NPROC; in a user namespace without a nobody it is not really root."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
