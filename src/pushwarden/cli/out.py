"""What a command prints: words and tables for people, one JSON value for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="One JSON value on standard output, nothing else.")]

REFUSED, UNREACHABLE = 1, 3
WIDE = 1000
"""Columns when nobody looks: a table in a pipe is never folded."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)


def emit(value: Any, as_json: bool, words: str = "") -> None:
    """The value as JSON, or the words when there are some, or the value as lines of `name  value`."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    elif words:
        console.print(words, markup=False)
    else:
        for line in lines(value):
            console.print(line, markup=False)


def lines(value: Mapping[str, Any], margin: str = "") -> Iterator[str]:
    """`name  value`, what is within a value indented below its name."""
    for name, field in value.items():
        if isinstance(field, Mapping) and field:
            yield f"{margin}{name}"
            yield from lines(field, margin + "  ")
        elif isinstance(field, list) and field and isinstance(field[0], Mapping):
            yield f"{margin}{name}"
            yield from (f"{margin}  {shown(part)}" for part in field)
        else:
            yield f"{margin}{name:<16} {shown(field, name)}"


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
        table.add_row(*(shown(item.get(column), column) for column in columns))
    console.print(table, markup=False)


def shown(value: Any, name: str = "") -> str:
    """A value in a line of text; `name` says whether a number is a time."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{inner} {shown(part, inner)}" for inner, part in value.items() if part) or "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(part) for part in value) or "–"
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)


def fail(sentence: str, as_json: bool = False, code: str = "failed", status: int = REFUSED) -> typer.Exit:
    """Says what went wrong; the exception to raise."""
    if as_json:
        emit({"error": {"code": code, "detail": sentence}}, True)
    else:
        errors.print(f"[bold red]{code}[/]: ", end="")
        errors.print(sentence, markup=False)
    return typer.Exit(status)
