"""Processes of this machine by pid and start time, so that a reused pid is never mistaken for a sender."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from pushwarden.ports.ring import Seat

EXIT_SECONDS = 0.25
"""A killed process runs nothing of its own again, but on a busy machine the kernel takes its time to end it."""


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which the process began (proc(5), field 22); None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def own_seat(sender: str, incarnation: int = 0) -> Seat:
    """The seat of the calling process."""
    pid = os.getpid()
    return Seat(sender, pid, start_time(pid) or 0, incarnation)


def is_alive(seat: Seat) -> bool:
    return start_time(seat.pid) == seat.started


class LocalProcesses:
    """Implements the Processes port with pidfds."""

    async def end(self, seat: Seat, patience: float = EXIT_SECONDS) -> bool:
        """SIGKILL, then up to `patience` seconds. The kernel has closed its sockets when the pidfd says it is gone."""
        try:
            fd = os.pidfd_open(seat.pid)
        except ProcessLookupError:
            return True
        try:
            if not is_alive(seat):
                return True
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            return await _readable(fd, patience)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        finally:
            os.close(fd)


async def _readable(fd: int, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(fd, gone.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone.wait(), seconds)
        return gone.is_set()
    finally:
        loop.remove_reader(fd)
