"""How a credential report is put together: checks in order, and the one that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pushwarden.core.check import Check
from pushwarden.core.messages import Result
from pushwarden.core.secret import Secret
from pushwarden.providers.port import Report


class Unusable(Exception):
    """A check failed so that nothing after it can be looked at. The failed check is already among the findings."""


@dataclass(slots=True)
class Findings:
    """Checks as they are made, each in the words of core/messages."""

    kind: str = "unknown"
    provider: str = ""
    checks: list[Check] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(check.result == Result.FAILED for check in self.checks)

    def add(self, check: str, evidence: str = "", result: Result | None = None, **values: object) -> None:
        """As `Check.of`: the id, the fact that shows it, and the values its words need."""
        self.checks.append(Check.of(check, evidence, result, **values))

    def end(self, check: str, evidence: str = "", **values: object) -> NoReturn:
        """As `add`, where nothing after it can be looked at."""
        self.add(check, evidence, None, **values)
        raise Unusable(check)

    def report(self, fingerprint: str = "", material: Secret | None = None) -> Report:
        """Without material when a check failed."""
        facts: Mapping[str, Any] = {"kind": str(self.kind), **self.facts}
        return Report(
            self.kind, tuple(self.checks), facts, fingerprint, None if self.failed else material, self.provider
        )
