"""Reports of imports in memory."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from pushwarden.core.import_report import KEPT, Import
from pushwarden.core.scope import Scope


class MemoryImports:
    """`Imports`, oldest first inside."""

    def __init__(self) -> None:
        super().__init__()
        self._imports: dict[tuple[Scope, str], Import] = {}

    async def keep_import(self, one: Import) -> None:
        self._imports[one.where, one.id] = deepcopy(one)
        own = [key for key in self._imports if key[0] == one.where]
        for key in own[:-KEPT]:
            del self._imports[key]

    async def kept_imports(self, where: Scope) -> list[Import]:
        own = [one for one in reversed(self._imports.values()) if one.where == where]
        return [
            replace(one, report={name: value for name, value in one.report.items() if name != "errors"}) for one in own
        ]

    async def kept_import(self, where: Scope, name: str) -> Import | None:
        return deepcopy(self._imports.get((where, name)))

    async def drop_import(self, where: Scope, name: str) -> bool:
        return self._imports.pop((where, name), None) is not None

    async def forget_imports(self, before_ms: int) -> int:
        old = [key for key, one in self._imports.items() if one.started_at < before_ms]
        for key in old:
            del self._imports[key]
        return len(old)
