"""One role in this process: `python -m pushwarden.wiring.run --role sender-urgent`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import pydantic
import structlog
import uvloop

from pushwarden.core.errors import PushwardenError
from pushwarden.observe.logs import configure
from pushwarden.settings import Settings
from pushwarden.wiring import priority
from pushwarden.wiring.roles import ROLES, Main, kind, main_of
from pushwarden.wiring.seclusion import seclude, shed, undumpable

PARENT = "PUSHWARDEN_SUPERVISOR"
"""The supervisor's pid: a child that has another parent is an orphan."""
READY = "PUSHWARDEN_READY_FD"
USAGE = 2
_PR_SET_PDEATHSIG = 1


def ready() -> None:
    """Tells the supervisor, if there is one, that this role does its work. Once; later calls do nothing."""
    fd = os.environ.pop(READY, "")
    if fd:
        with contextlib.suppress(BrokenPipeError):
            os.write(int(fd), b"1")
        os.close(int(fd))


def termination() -> asyncio.Event:
    """Set by SIGTERM or SIGINT from now on. To be called inside the running loop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    return asked


def run_role(settings: Settings, name: str, main: Main) -> int:
    """0 when the role ended as asked, 1 when it was refused; the sentence is in the log."""
    shed(name)
    die_with_parent()
    configure(settings.log_level, name)
    priority.set_for(name)
    log = structlog.get_logger("role")
    if kind(name) == "api":
        reason = seclude(settings)
        log.info("private keys", in_sight=bool(reason), reason=reason)
    undumpable()
    try:
        uvloop.run(_whole(main, settings, name))
    except PushwardenError as error:
        log.error("refused", code=error.code, sentence=error.detail)
        return 1
    return 0


def die_with_parent() -> None:
    """A child of the supervisor is killed by the kernel when the supervisor dies, however it dies."""
    parent = int(os.environ.get(PARENT, "0"))
    if not parent:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)


def load_settings() -> Settings:
    """The settings, with an absolute data path; ends the process with a sentence a setting when one makes no sense."""
    try:
        settings = Settings.model_validate({})
    except pydantic.ValidationError as error:
        for wrong in error.errors():
            name = "PUSHWARDEN_" + "_".join(str(part) for part in wrong["loc"]).upper()
            print(f"pushwarden: {name}: {wrong['msg']}; correct it and start again.", file=sys.stderr)  # noqa: T201
        raise SystemExit(USAGE) from None
    return settings.model_copy(update={"data": settings.data.absolute()})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("pushwarden.wiring.run", description="Runs one role of Pushwarden.")
    parser.add_argument("--role", required=True, help=", ".join(ROLES))
    name = parser.parse_args(arguments).role
    if kind(name) not in ROLES:
        parser.error(f"there is no role {name}; the roles are {', '.join(ROLES)}.")
    return run_role(load_settings(), name, main_of(name))


async def _whole(main: Callable[[Settings, str], Awaitable[None]], settings: Settings, name: str) -> None:
    await main(settings, name)


if __name__ == "__main__":
    sys.exit(main())
