"""What a command prints: words and tables for people, one JSON value for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="One JSON value on standard output, nothing else.")]

REFUSED, UNREACHABLE = 1, 3
errors = Console(stderr=True, highlight=False, soft_wrap=True)
console = Console(highlight=False, soft_wrap=True)


def emit(value: Any, as_json: bool, words: str = "") -> None:
    """The value as JSON, or the words when there are some, or the value as lines of `name  value`."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    elif words:
        console.print(words, markup=False)
    else:
        for name, field in value.items():
            console.print(f"{name:<16} {shown(field)}", markup=False)


def rows(items: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool, empty: str) -> None:
    """A table of the named columns; `empty` is the sentence when there is nothing."""
    if as_json:
        emit(list(items), True)
        return
    if not items:
        console.print(empty, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for item in items:
        table.add_row(*(shown(item.get(column)) for column in columns))
    console.print(table)


def shown(value: Any) -> str:
    """A value in a line of text."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(part)}" for name, part in value.items() if part) or "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(part) for part in value) or "–"
    return str(value)


def fail(sentence: str, as_json: bool = False, code: str = "failed", status: int = REFUSED) -> typer.Exit:
    """Says what went wrong; the exception to raise."""
    if as_json:
        emit({"error": {"code": code, "detail": sentence}}, True)
    else:
        errors.print(f"[bold red]{code}[/]: ", end="")
        errors.print(sentence, markup=False)
    return typer.Exit(status)
