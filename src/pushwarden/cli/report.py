"""A credential's report for people: a shape, a word and a colour for each check, and one sentence at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pushwarden.cli.out import console
from pushwarden.core.messages import Result

_SHAPES = {
    Result.PASSED: ("✓ Passed", "green"),
    Result.WARNING: ("▲ Warning", "yellow"),
    Result.FAILED: ("✕ Failed", "bold red"),
    Result.SKIPPED: ("– Skipped", "dim"),
    Result.UNPROVEN: ("◇ Not provable yet", "cyan"),
}


def show_report(report: Mapping[str, Any]) -> None:
    """Its `checks` as rows."""
    console.print(rows_of(report["checks"]))


def rows_of(checks: Sequence[Mapping[str, Any]]) -> Table:
    """A row a check: what it came to, what it is about, what was found and what to do next."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for check in checks:
        shape, style = _SHAPES[Result(check["result"])]
        table.add_row(Text(shape, style), Text(check["title"], "bold"), _found(check))
    return table


def conclusion(checks: Sequence[Mapping[str, Any]]) -> str:
    """The report in one sentence."""
    of = {result: [check for check in checks if check["result"] == result] for result in Result}
    if of[Result.FAILED]:
        return f"It cannot be used as it is: {of[Result.FAILED][0]['title']}."
    warnings, open_ones = len(of[Result.WARNING]), len(of[Result.UNPROVEN])
    notes = [f"{warnings} warning{'s' * (warnings > 1)}"] if warnings else []
    notes += [f"{open_ones} check{'s' * (open_ones > 1)} only the provider can answer"] if open_ones else []
    return f"It can be used{', with ' if notes else ''}{' and '.join(notes)}."


def _found(check: Mapping[str, Any]) -> Text:
    said = Text(check["message"])
    if check["evidence"].strip():
        said.append(f" ({check['evidence']})", "dim")
    if check["next"] and check["result"] != Result.PASSED:
        said.append(f"\n→ {check['next']}", "italic")
    return said
