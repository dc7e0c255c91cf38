"""A role that only lives and dies as it is told: `python role_toy.py ROLE FOLDER`, behaviour in FOLDER/ROLE.

It speaks to the supervisor by itself, to be quick; where FOLDER/real stands it does so through the project's own run.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

NAME, FOLDER = sys.argv[1], Path(sys.argv[2])


def say(word: str) -> None:
    """A line in the diary all toys share; one write, so that lines stay whole."""
    with (FOLDER / "diary").open("a") as diary:
        diary.write(f"{time.monotonic_ns()} {NAME} {word} {os.getpid()}\n")


def live() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no toy outlives a test that kills its supervisor
    how = (FOLDER / NAME).read_text() if (FOLDER / NAME).exists() else ""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    say("up")
    if how == "dies":
        os._exit(3)
    os.write(int(os.environ["PUSHWARDEN_READY_FD"]), b"1")
    signal.sigwait({signal.SIGTERM})
    say("asked")
    if how == "stubborn":
        signal.sigwait({signal.SIGUSR1})
    time.sleep(0.05)
    say("down")


async def real(settings: Any, name: str) -> None:
    from pushwarden.wiring.run import ready, termination

    asked = termination()
    say("up")
    ready()
    await asked.wait()


def main() -> int:
    if NAME == "prepare":
        say("done")
        return int((FOLDER / "prepare").exists())
    if (FOLDER / "real").exists():
        from pushwarden.wiring.run import load_settings, run_role

        return run_role(load_settings(), NAME, real)
    live()
    return 0


if __name__ == "__main__":
    sys.exit(main())
