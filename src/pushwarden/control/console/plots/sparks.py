"""The small ones: a line in a tile, a bar in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pushwarden.control.console.plots.svg import Svg, el, filled, hatch, many, path, percent, runs
from pushwarden.core.words import count
from pushwarden.core.words import share as share_of

WIDE, HIGH = 96.0, 32.0
EIGHT = 8


def spark(values: Sequence[float | None], *, strong: bool = False) -> Svg:
    """A line of the last values, empty where there are none above 0. It says nothing that stands nowhere else."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or max(known) <= 0:
        return Svg("")
    top, step = max(known), WIDE / max(1, len(values) - 1)
    drawn = runs([(at * step, None if one is None else HIGH - 2 - (HIGH - 4) * one / top)
                  for at, one in enumerate(values)])  # fmt: skip
    line = el("path", class_="ln" if strong else "ln m", d="".join(map(path, drawn)))
    return el("svg", line, class_="spark", viewBox="0 0 96 32", preserveAspectRatio="none", aria_hidden="true")


@dataclass(frozen=True, slots=True)
class Meter:
    """A row of a table with a bar under it. count and share are words; key: what the row is about, for its link."""

    label: str
    count: str
    share: str
    bar: Svg
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Of a funnel. number None: nobody tells us, which is not the same as none."""

    label: str
    number: int | None
    mark: str = "m-calm"
    note: str = ""


def meter(share: float, mark: str = "m-calm") -> Svg:
    """A horizontal bar, share 0 to 1."""
    width = percent(min(1.0, max(0.0, share)))
    inside = el("rect", class_=mark, width=width, height=8, rx=2)
    return el("svg", _track(), inside, width="100%", height=8, aria_hidden="true")


def unknown(name: str) -> Svg:
    """A hatched bar: not reported. name: unique on its page."""
    bar = el("rect", fill=filled(name), width="100%", height=8, rx=2)
    return el("svg", el("defs", hatch(name, "m-calm")), bar, width="100%", height=8, aria_hidden="true")


def _track() -> Svg:
    return el("rect", class_="m-track", width="100%", height=8, rx=2)


def shares(counts: Sequence[tuple[str, str, int, str]], most: int = EIGHT, mark: str = "m-calm") -> list[Meter]:
    """(key, label, count, note) → the largest first, what is left over as one row. Bars compare with the largest."""
    rows = sorted((row for row in counts if row[2] > 0), key=lambda row: (-row[2], row[1]))
    if len(rows) > most:
        rest = sum(row[2] for row in rows[most - 1 :])
        rows = [*rows[: most - 1], ("", "Other", rest, "")]
    total, top = sum(row[2] for row in rows), max((row[2] for row in rows), default=1)
    return [
        Meter(label, count(number), _short(number, total), meter(number / top, mark), note, key)
        for key, label, number, note in rows
    ]


def _short(part: int, whole: int) -> str:
    """There is little room beside a bar."""
    return share_of(part, whole).replace("under ", "<").replace("over ", ">")


def funnel(name: str, stages: Sequence[Stage]) -> list[Meter]:
    """Each stage as a share of the first. name: unique on its page."""
    whole = next((stage.number for stage in stages if stage.number is not None), 0)
    return [_stage(f"{name}-{at}", stage, whole) for at, stage in enumerate(stages)]


def _stage(name: str, stage: Stage, whole: int) -> Meter:
    if stage.number is None:
        return Meter(stage.label, "Not reported", "", unknown(name), stage.note)
    share = stage.number / whole if whole else 0.0
    return Meter(stage.label, count(stage.number), _short(stage.number, whole), meter(share, stage.mark), stage.note)


def heat(days: Sequence[int]) -> Svg:
    """Tiny bars, one a day, the tallest as high as there is room; days without anything are gaps."""
    top, step = max(days, default=0), WIDE / max(1, len(days))
    bars = (
        el("rect", class_="m-calm", x=at * step, y=HIGH * (1 - one / top), width=step * 0.75, height=HIGH * one / top)
        for at, one in enumerate(days)
        if one
    )
    return el("svg", many(bars), class_="spark", viewBox="0 0 96 32", preserveAspectRatio="none", aria_hidden="true")
