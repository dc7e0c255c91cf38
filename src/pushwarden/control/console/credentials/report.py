"""A credential's report as rows: what the file showed, what the provider said, and one sentence at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.control.console.credentials.actions import Action, actions
from pushwarden.control.console.credentials.kept import REPORTS, Reported
from pushwarden.control.console.credentials.upload import Refused, shelf_name
from pushwarden.control.console.visit import Visit
from pushwarden.core.check import Check
from pushwarden.core.errors import NotFound
from pushwarden.core.messages import Result
from pushwarden.core.names import called
from pushwarden.core.probe import PATIENCE_MS, Finding

SHAPES = {
    Result.PASSED: ("ready", "ok", "Passed"),
    Result.WARNING: ("attention", "warn", "Warning"),
    Result.FAILED: ("refused", "bad", "Failed"),
    Result.SKIPPED: ("skipped", "off", "Skipped"),
    Result.UNPROVEN: ("unproven", "info", "Not proven yet"),
}
"""Result → icon, colour and word: always all three."""
GRACE_MS = 1_000
"""Until a sender has taken up a proof that may take PATIENCE_MS."""


@dataclass(frozen=True, slots=True)
class Row:
    shape: str
    tint: str
    word: str
    check: Check
    actions: Sequence[Action]


@dataclass(frozen=True, slots=True)
class Report:
    """file: None after a restart, or for a proof that was asked for later. busy: the proof is under way.

    late: nobody made it in the time it may take; it is waited for no longer.
    """

    credential: Any
    file: Reported | None
    rows: Sequence[Row]
    probe: Any
    late: bool = False

    @property
    def busy(self) -> bool:
        return self.probe is not None and self.probe.finding == Finding.VERIFYING and not self.late

    @property
    def finding(self) -> str:
        if self.late:
            return str(Finding.UNPROVEN)
        return str(self.probe.finding) if self.probe is not None else ""

    @property
    def passed(self) -> int:
        return sum(row.check.result == Result.PASSED for row in self.rows)

    @property
    def total(self) -> int:
        return len(self.rows) + self.busy


def rows(checks: Iterable[Check], project: str = "") -> list[Row]:
    return [Row(*SHAPES[Result(check.result)], check, actions(check.next, project)) for check in checks]


def shown(refused: Refused) -> dict[str, Any]:
    """As the templates have it: its checks are rows."""
    names = ("sent", "asks", "kept", "problem", "known", "choices", "first_password")
    return {name: getattr(refused, name) for name in names} | {"rows": rows(refused.checks)}


async def report_of(visit: Visit, credential: Any, probe: str) -> Report | None:
    """None when there is nothing to show of it."""
    found = await _probe(visit, credential.id, probe) if probe else None
    file = REPORTS.get(shelf_name(visit, credential.id), visit.now_ms)
    if file is None and found is None:
        return None
    late = found is not None and is_late(found, visit.now_ms)
    nobody = [Check.of("live.no_sender", provider=called(credential.provider))] if late else []
    checks = _whole(file.checks if file else (), nobody or (found.checks if found else ()))
    return Report(credential, file, rows(checks, str(credential.facts.get("project_id", ""))), found, late)


def is_late(probe: Any, now_ms: int) -> bool:
    """Whether a proof that nobody has made yet has waited longer than one may take."""
    return bool(probe.finding == Finding.VERIFYING and now_ms - probe.asked_at > PATIENCE_MS + GRACE_MS)


def _whole(file: Sequence[Check], live: Sequence[Check]) -> list[Check]:
    """What the file could not show is left to the provider's word, once that is there."""
    return [check for check in file if not live or check.result != Result.UNPROVEN] + list(live)


async def _probe(visit: Visit, credential: str, probe: str) -> Any:
    try:
        return await visit.api.get(f"{visit.v1}/credentials/{credential}/probes/{probe}")
    except NotFound:
        return None
