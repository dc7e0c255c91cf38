"""The other side of the fork server: starts it when it is needed, hands it work, and never lets the work pile up."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Sequence

import msgspec

from pushwarden.core.errors import BodyTooLarge, Busy
from pushwarden.wiring.limited.server import BROKEN, MOST, Ending

AT_ONCE = max(2, len(os.sched_getaffinity(0)))
MOST_WAITING = 64
SILENCE = 60.0
"""Seconds without a word after which the server itself is replaced; it kills its children long before."""

_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
"""What the server gets of ours: what its interpreter may need to start, and no setting."""
_ENDING = msgspec.msgpack.Decoder(Ending)


class ForkServer:
    """command: a program that calls `serve`. One for a process; it belongs to the event loop that uses it first."""

    def __init__(self, command: Sequence[str], most_waiting: int = MOST_WAITING) -> None:
        self._command = command
        self._places = asyncio.Semaphore(AT_ONCE)
        self._most = AT_ONCE + most_waiting
        self.asked = 0  # files that wait or are being read
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def ask(self, request: bytes) -> tuple[bytes, Ending | None]:
        """The child's answer, empty when it gave none, and how it ended; None when the server ended first.

        Busy when too many wait already; BodyTooLarge when it is more than a child takes.
        """
        if len(request) > MOST:
            raise BodyTooLarge(f"A file and what comes with it may have at most {MOST} bytes.", limit=MOST)
        if self.asked >= self._most:
            raise Busy("Too many files are being looked at right now; send this one again in a moment.")
        self.asked += 1
        try:
            async with self._places:
                return await self._converse(request)
        finally:
            self.asked -= 1

    def close(self) -> None:
        """Ends the server and every child of it."""
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.kill()
            self._process.wait()
            self._process = self._control = None

    async def _converse(self, request: bytes) -> tuple[bytes, Ending | None]:
        ours, theirs = _pair()
        with ours:
            try:
                with theirs:
                    socket.send_fds(self._running(), [b"w"], [theirs.fileno()])
                async with asyncio.timeout(SILENCE):
                    return await _exchange(ours, request)
            except (OSError, TimeoutError):
                self.close()
                return b"", None

    def _running(self) -> socket.socket:
        """The way to the server, which is started when there is none."""
        if self._process is None or self._control is None or self._process.poll() is not None:
            self.close()
            self._control, theirs = _pair()
            environ = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 (our own command)
                    self._command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=environ, process_group=0
                )
        return self._control


def _pair() -> tuple[socket.socket, socket.socket]:
    """Each message whole; ours does not block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST)
    ours.setblocking(False)
    return ours, theirs


async def _exchange(ours: socket.socket, request: bytes) -> tuple[bytes, Ending | None]:
    """The child's answer, if any, comes before the server's last word. A child that says more is not believed."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(ours, request)
    first = await loop.sock_recv(ours, MOST)
    second = await loop.sock_recv(ours, MOST)
    answer, last = (first, second) if second else (b"", first)
    if not last:
        return b"", None
    try:
        return answer, _ENDING.decode(last)
    except msgspec.DecodeError:
        return b"", Ending(BROKEN, 0.0, 0)
