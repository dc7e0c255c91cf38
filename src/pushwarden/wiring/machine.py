"""Looks at the machine for the system page: what doctor says without waiting, the last backup, the settings."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import SecretStr

from pushwarden import __version__
from pushwarden.control.machine import Backup, Machine
from pushwarden.settings import Settings
from pushwarden.wiring.backup import last
from pushwarden.wiring.doctor import AT_ONCE, examine
from pushwarden.wiring.stores import keeping_of

FRESH_SECONDS = 10.0
"""How long a look is good for: a page may be loaded often."""


class Looking:
    """Remembers its last look for a few seconds."""

    def __init__(self, settings: Settings, started_at: int) -> None:
        self._settings, self._started_at = settings, started_at
        self._kept: tuple[float, Machine] | None = None

    async def machine(self) -> Machine:
        if self._kept is None or time.monotonic() - self._kept[0] > FRESH_SECONDS:
            self._kept = time.monotonic(), await asyncio.to_thread(self._look)
        return self._kept[1]

    def _look(self) -> Machine:
        settings = self._settings
        findings = [finding.as_dict() for finding in examine(settings, AT_ONCE)]
        return Machine(
            __version__, platform.python_version(), keeping_of(settings).name, self._started_at, findings,
            _backup(settings), dict(shown(settings)), _simulators(settings),
        )  # fmt: skip


def shown(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every setting by its variable; of secrets only whether they are set, of addresses no user and password."""
    for name in sorted(type(settings).model_fields):
        value = getattr(settings, name)
        said = str(value) if value is not None else ""
        if isinstance(value, SecretStr):
            said = "set" if value.get_secret_value() else ""
        yield f"PUSHWARDEN_{name.upper()}", _without_login(said)


def _simulators(settings: Settings) -> str:
    named = settings.simulator_apns or settings.simulator_fcm
    return "own" if settings.own_simulators else "named" if named else "off"


def _without_login(text: str) -> str:
    parts = urlsplit(text) if "://" in text else None
    if parts is None or "@" not in parts.netloc:
        return text
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _backup(settings: Settings) -> Backup | None:
    said = last(settings)
    return Backup(said["at"], said["folder"], said["with_keys"]) if said else None
