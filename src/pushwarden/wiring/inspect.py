"""Runs a credential check in a limited child: an uploaded file is hostile until shown otherwise."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from pushwarden.core.check import Check
from pushwarden.core.errors import Busy
from pushwarden.core.secret import Secret
from pushwarden.providers.detection import SIZE_LIMIT
from pushwarden.providers.port import Report
from pushwarden.wiring.limited.asking import ForkServer
from pushwarden.wiring.limited.reading import LIMITS, Answer, Request
from pushwarden.wiring.limited.server import DONE, OUT_OF_MEMORY, Ending

READING = (sys.executable, "-I", "-m", "pushwarden.wiring.limited.reading")
_STOPPED = (-signal.SIGXCPU, -signal.SIGKILL)
_ANSWER = msgspec.msgpack.Decoder(Answer)
_log = structlog.get_logger("inspect")


class Inspector:
    """now_ms: the time the checks go by."""

    def __init__(self, now_ms: Callable[[], int], command: Sequence[str] = READING) -> None:
        self._now_ms = now_ms
        self._server = ForkServer(command)

    async def __call__(self, provider: str, data: bytes, password: Secret | None, hints: Mapping[str, str]) -> Report:
        """Its report; for a file that broke its child one with that failed check. Busy when too many are waiting."""
        clear = None if password is None else password.reveal()
        answer, ending = await self._server.ask(asked(provider, data, clear, hints, self._now_ms()))
        if ending is None:
            _log.error("the process that reads files ended")
            raise Busy("The process that reads files had to be started anew; send this one again.")
        return concluded(answer, ending)

    def close(self) -> None:
        """Ends the process that reads files, if it runs."""
        self._server.close()


def asked(provider: str, data: bytes, password: bytes | None, hints: Mapping[str, str], now_ms: int) -> bytes:
    """The child's work. Of a file that is too large goes as much as shows that."""
    return msgspec.msgpack.encode(Request(provider, data[: SIZE_LIMIT + 1], password, hints, now_ms))


def concluded(answer: bytes, ending: Ending) -> Report:
    """What the child found, or why it found nothing."""
    if ending.code == DONE:
        try:
            return _ANSWER.decode(answer).report
        except msgspec.DecodeError:
            pass
    _log.warning("a file broke its reader", code=ending.code, cpu_s=round(ending.cpu, 2), memory=ending.memory)
    return Report("unknown", (_broken(ending.code),), {"kind": "unknown"})


def _broken(code: int) -> Check:
    if code in _STOPPED:
        return Check.of("file.timeout", seconds=LIMITS.cpu_seconds)
    return Check.of("file.too_complex", limit="128 MB of memory" if code == OUT_OF_MEMORY else "its reader broke off")
