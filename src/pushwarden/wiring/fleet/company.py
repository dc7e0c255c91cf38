"""The made-up company of a demo: told once into its folder, going on while the demo runs."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from pushwarden.core.tally import HOUR_MS, MINUTE_MS
from pushwarden.settings import Settings
from pushwarden.wiring.fleet import telling, traffic

SCALE = 0.3
OWNER = "dana@acme.example"
"""Whose links open the console: an administrator."""


def _now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Company:
    """folder: the demo's. What it was told up to stands in a file there; without that file there is no company."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(data=self.folder / "data", store=SecretStr(""), store_file=None)

    @property
    def _note(self) -> Path:
        return self.folder / "company.told"

    @property
    def there(self) -> bool:
        return self._note.exists()

    def tell(self, now_ms: int = 0, scale: float = SCALE) -> None:
        """Into a folder without an installation; half of it is none."""
        now_ms = now_ms or _now()
        try:
            asyncio.run(telling.tell(self.settings, now_ms, scale))
        except BaseException:
            shutil.rmtree(self.settings.data, ignore_errors=True)
            raise
        self._note.write_text(str(now_ms))

    def go_on(self, now_ms: int = 0) -> None:
        """The minutes since the last time; what a demo that was off would have sent before this hour is left out."""
        now_ms = now_ms or _now()
        told = max(int(self._note.read_text()), now_ms - HOUR_MS)
        if now_ms - now_ms % MINUTE_MS < told + MINUTE_MS:
            return
        asyncio.run(traffic.go_on(self.settings, told, now_ms))
        self._note.write_text(str(now_ms - now_ms % MINUTE_MS - 1))
