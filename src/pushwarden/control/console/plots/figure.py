"""A plot as a page shows it: the drawing, what it shows in one sentence, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from pushwarden.control.console.plots.scale import Span, Tick, times
from pushwarden.control.console.plots.svg import Svg, el, image, many, percent
from pushwarden.core.words import DAY, clock, day

NOTHING = "No pushes in this period"
ROWS = 12
"""As many as a table behind a plot has: a person reads them."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """columns: the first heads the rows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """drawing: an element of class `plot`, to be put into a page as it stands. empty: there is nothing to show."""

    drawing: Svg
    finding: str
    numbers: Numbers
    empty: bool = False


def lines(heights: Iterable[float], base: float) -> Svg:
    """Hairlines at these heights, a stronger one at the base."""
    return many(
        el("line", class_="gl base" if height == base else "gl", x1=0, x2="100%", y1=height, y2=height)
        for height in heights
    )


def upright(labels: Sequence[str], *more: str) -> Svg:
    """The axis on the left, from the top downwards. more: classes."""
    return el("div", *(el("span", label) for label in labels), class_=" ".join(("y", *more)), aria_hidden="true")


def below(marks: Iterable[Tick]) -> Svg:
    """The axis under a plot, each label at its place. Those that are not `narrow` go where there is little room."""
    return el("svg", *map(_label, marks), class_="x", width="100%", height=20, aria_hidden="true")


def _label(tick: Tick) -> Svg:
    anchor = "end" if tick.share > 0.97 else "start" if tick.share < 0.03 else "middle"
    name = "gt" if tick.narrow else "gt odd"
    return el("text", tick.label, class_=name, x=percent(tick.share), y=16, text_anchor=anchor)


def nothing(name: str, title: str, span: Span, zone: tzinfo, height: float, words: str = NOTHING) -> Figure:
    """The axes and a sentence: no line that would look like data."""
    frame = lines((0, height / 2, height), height)
    said = el("text", words, class_="gt", x="50%", y=height / 2 - 8, text_anchor="middle")
    drawn = image(name, title, words + ".", frame, said, width="100%", height=height)
    parts = (upright(("", "0")), drawn, below(times(span, zone)))
    return Figure(el("div", *parts, class_="plot"), words + ".", Numbers(title, ("Time",), ()), empty=True)


def stretches(span: Span, length: int, zone: tzinfo) -> list[tuple[Svg, int, int]]:
    """At most ROWS rows of a table: (label, first value, the one after the last)."""
    size = max(1, -(-length // ROWS))
    found = []
    for first in range(0, length, size):
        last = min(length, first + size)
        begins, ends = span.start + first * span.step, min(span.end, span.start + last * span.step)
        found.append((_stretch(begins, ends, span, zone), first, last))
    return found


def _stretch(begins: int, ends: int, span: Span, zone: tzinfo) -> Svg:
    if span.end - span.start > 2 * DAY:
        return _time(begins, f"{day(begins, zone)} {clock(begins, zone)}")
    return many((_time(begins, clock(begins, zone)), "–", _time(ends, clock(ends, zone))))


def _time(at: int, words: str) -> Svg:
    return el("time", words, datetime=f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%MZ}")
