"""`serve` and its roles with an APNs that dies or fails at tokens that begin with POISON; POISON_HOW says how."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from pushwarden.core.outcome import Outcome
from pushwarden.providers.apns import APNS
from pushwarden.providers.port import Envelope, Reply
from pushwarden.settings import Settings
from pushwarden.wiring import run, supervisor
from pushwarden.wiring.providers import PROVIDERS

POISON = b"dead"
HOW = os.environ["POISON_HOW"]


class Poisonous(type(APNS)):  # type: ignore[misc]
    """render dies or raises at a poisoned row; classify dies at, or does not understand, an answer with a `Poison`."""

    def render(self, push: Any, app: Any, credential: Any, rows: Any) -> list[Envelope]:
        if any(token.startswith(POISON) for token in rows.tokens):
            if HOW == "render dies":
                os.kill(os.getpid(), signal.SIGKILL)
            if HOW == "render raises":
                raise ZeroDivisionError
        return super().render(push, app, credential, rows)  # type: ignore[no-any-return]

    def classify(self, reply: Reply) -> Outcome:
        if b"Poison" in reply.body:
            if HOW == "classify dies":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ZeroDivisionError
        return super().classify(reply)  # type: ignore[no-any-return]


def command(name: str) -> Sequence[str]:
    return (sys.executable, __file__, "--role", name)


if __name__ == "__main__":
    PROVIDERS["apns"] = Poisonous()
    sys.exit(run.main() if "--role" in sys.argv else supervisor.serve(Settings(), command))
