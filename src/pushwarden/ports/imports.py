"""Reports of imports: kept for people who come back to them, over a restart too."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.import_report import Import
from pushwarden.core.scope import Scope


class Imports(Protocol):
    """The environment is always a Scope with organisation, app and environment set."""

    async def keep_import(self, one: Import) -> None:
        """As it is now, in place of what was kept of it; of its environment the newest KEPT stay."""
        ...

    async def kept_imports(self, where: Scope) -> list[Import]:
        """Newest first, without their line errors."""
        ...

    async def kept_import(self, where: Scope, name: str) -> Import | None:
        """With its line errors."""
        ...

    async def drop_import(self, where: Scope, name: str) -> bool:
        """Whether there was one."""
        ...

    async def forget_imports(self, before_ms: int) -> int:
        """Drops those begun before then. How many went."""
        ...
