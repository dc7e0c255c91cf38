"""How a credential report is put together: checks in order, and the one that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pushwarden.core.check import Check
from pushwarden.core.secret import Secret
from pushwarden.providers.port import Report


class Unusable(Exception):
    """A check failed so that nothing after it can be looked at. The failed check is already among the findings."""


@dataclass(slots=True)
class Findings:
    """Checks as they are made. Ids are stable: docs, API and tests name them."""

    kind: str = "unknown"
    checks: list[Check] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def passed(self, check: str, message: str, evidence: str = "") -> None:
        self.checks.append(Check(check, "passed", message, evidence))

    def warning(self, check: str, message: str, evidence: str = "") -> None:
        self.checks.append(Check(check, "warning", message, evidence))

    def skipped(self, check: str, message: str) -> None:
        self.checks.append(Check(check, "skipped", message))

    def failed(self, check: str, message: str, evidence: str = "") -> None:
        self.checks.append(Check(check, "failed", message, evidence))

    def end(self, check: str, message: str, evidence: str = "") -> NoReturn:
        self.failed(check, message, evidence)
        raise Unusable(check)

    def report(self, fingerprint: str = "", material: Secret | None = None) -> Report:
        """Without material when a check failed."""
        sound = all(check.result != "failed" for check in self.checks)
        facts: Mapping[str, Any] = {"kind": str(self.kind), **self.facts}
        return Report(self.kind, tuple(self.checks), facts, fingerprint, material if sound else None)
