"""A silent sender is ended after ten rounds, a slow one is not."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from pushwarden.adapters.processes import LocalProcesses, start_time
from pushwarden.adapters.seats import announce
from pushwarden.ports.ring import Seat
from pushwarden.wiring.watchdog import PATIENCE_ROUNDS, Watchdog


def _waiting() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_frozen_sender_is_ended_and_one_that_speaks_now_and_then_is_not(tmp_path: Path) -> None:
    async def play() -> None:
        children = [_waiting() for _ in range(2)]
        seats = {
            name: Seat(name, child.pid, start_time(child.pid) or 0)
            for name, child in zip(("sender-bulk-0", "sender-urgent"), children, strict=True)
        }
        for seat in seats.values():
            announce(tmp_path, seat)
        children[0].send_signal(signal.SIGSTOP)
        watchdog = Watchdog(tmp_path, LocalProcesses())
        try:
            for _ in range(PATIENCE_ROUNDS - 1):
                assert await watchdog.look(()) == []
            assert await watchdog.look({"sender-urgent"}) == [seats["sender-bulk-0"]]
            assert children[0].wait(10) == -signal.SIGKILL
            assert await watchdog.look(()) == []
            assert children[1].poll() is None
        finally:
            for child in children:
                child.kill()
                child.communicate()

    asyncio.run(play())
