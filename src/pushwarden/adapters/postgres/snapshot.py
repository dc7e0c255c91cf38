"""How a process learns of a new configuration: one row by its key, the body only when it is newer."""

from __future__ import annotations

from pushwarden.adapters.postgres.engine import Line
from pushwarden.adapters.rows_control import unpacked
from pushwarden.core.app import Snapshot

NEWER = "SELECT body FROM snapshot WHERE id = 1 AND version > %s"


class PostgresSnapshots:
    """Reads beside the process that writes. Busy when the database cannot be reached."""

    def __init__(self, dsn: str, role: str) -> None:
        self._line = Line(dsn, role, "control")

    async def load_if_newer(self, version: int) -> Snapshot | None:
        """The published Snapshot when its version is above this one."""
        async with self._line.direct() as connection:
            found = await (await connection.execute(NEWER, (version,))).fetchone()
        return unpacked(found[0]) if found else None

    async def close(self) -> None:
        await self._line.close()
