"""What people do with devices they look at: find, mark for tests, clear away what is gone."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.device import Device
from pushwarden.core.device_search import DeviceQuery, Found, Place
from pushwarden.core.scope import Scope


class Directory(Protocol):
    """The environment is always a Scope with organisation, app and environment set."""

    async def search(self, where: Scope, query: DeviceQuery, *, after: Place | None = None, limit: int = 50) -> Found:
        """At most `limit` devices that meet the query; it looks at no more than WALK rows and says where it ended."""
        ...

    async def mark(self, where: Scope, installation_id: str, *, test: bool) -> list[Device]:
        """Makes every row of an installation a test device, or none of them; the rows as they are now."""
        ...

    async def clear_gone(self, where: Scope, *, before_ms: int, reason: str = "", dry_run: bool = False) -> int:
        """Drops tombstones set before then, with a reason only those of that reason. How many (that it would drop)."""
        ...

    async def sizes(self, organisation: str) -> dict[tuple[str, str, str], int]:
        """(app, environment, provider) → devices that an alert reaches. Counted as they come; looks at no device."""
        ...
