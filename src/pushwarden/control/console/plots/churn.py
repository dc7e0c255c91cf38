"""Token churn: new ones upwards, lost ones downwards, a bar a day, and how many can be reached above them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from pushwarden.control.console.plots.figure import ROWS, Figure, Numbers, below, lines, nothing, upright
from pushwarden.control.console.plots.scale import Span, Tick, ticks
from pushwarden.control.console.plots.svg import Svg, el, filled, hatch, image, many, number, path, runs, stretched
from pushwarden.control.console.plots.svg import percent as at_percent
from pushwarden.control.console.plots.throughput import UNITS, Values
from pushwarden.core.words import count, day

HIGH, LINE = 120.0, 56.0
LABELS = 7
"""Days named below the plot, at most."""


def churn(name: str, span: Span, new: Sequence[int], lost: Sequence[int], reachable: Values, zone: tzinfo) -> Figure:
    """A value a step of the span; reachable: devices at its end, None where nobody counted."""
    title = "Devices that came and went"
    if not any(new) and not any(lost):
        return nothing(name, title, span, zone, HIGH, "No device came or went in this period")
    finding = _found(new, lost)
    axis = ticks(max(*new, *lost), 2)
    top, zero = axis[-1], HIGH / 2
    heights = (0.0, zero, HIGH)
    plot = image(
        name, title, finding, el("defs", hatch(f"{name}-h", "m-calm")), lines(heights, zero),
        _bars(new, top, zero, "", "m-acc"), _bars(lost, top, zero, filled(f"{name}-h"), ""),
        class_="under", width="100%", height=HIGH,
    )  # fmt: skip
    parts = [*_reachable(reachable), upright([f"+{count(top)}", "0", f"−{count(top)}"], "small-y"), plot]
    drawing = el("div", *parts, below(_days(span, len(new), zone)), class_="plot")
    return Figure(drawing, finding, _numbers(span, new, lost, reachable, zone))


def _found(new: Sequence[int], lost: Sequence[int]) -> str:
    gained, gone = sum(new), sum(lost)
    rest = gained - gone
    word = "more" if rest > 0 else "fewer"
    ends = f"{count(abs(rest))} {word} than before" if rest else "as many as before"
    return f"{count(gained)} new and {count(gone)} lost: {ends}."


def _bars(values: Sequence[int], top: float, zero: float, fill: str, mark: str) -> Svg:
    """Upwards in a colour, downwards in a pattern."""
    share, look = 1 / max(1, len(values)), {"fill": fill} if fill else {"class_": mark}
    return many(
        el("rect", x=at_percent((at + 0.1) * share), width=at_percent(share * 0.8), rx=1,
           y=zero if fill else zero - zero * one / top, height=zero * one / top, **look)
        for at, one in enumerate(values)
        if one
    )  # fmt: skip


def _days(span: Span, length: int, zone: tzinfo) -> list[Tick]:
    """A label under the middle of its bar, counted back from the last one."""
    step = -(-length // LABELS)
    places = reversed(range(length - 1, -1, -step))
    return [
        Tick((at + 0.5) / length, day(span.start + at * span.step, zone), narrow=(length - 1 - at) // step % 2 == 0)
        for at in places
    ]


def _reachable(values: Values) -> list[Svg]:
    known = [value for value in values if value is not None]
    if len(known) < 2 or not max(known):
        return []
    low, high = min(known), max(known)
    room = (high - low) or high
    step = UNITS / max(1, len(values))
    places = [
        ((at + 0.5) * step, None if one is None else LINE - 4 - (LINE - 8) * (one - low) / room)
        for at, one in enumerate(values)
    ]
    line = el("path", class_="ln m", d="".join(map(path, runs(places))))
    drawn = el(
        "svg", el("line", class_="gl", x1=0, x2="100%", y1=0, y2=0), stretched(UNITS, LINE, line),
        width="100%", height=number(LINE), aria_hidden="true",
    )  # fmt: skip
    return [upright([count(high), count(low)] if high != low else [count(high), ""]), drawn]


def _numbers(span: Span, new: Sequence[int], lost: Sequence[int], reachable: Values, zone: tzinfo) -> Numbers:
    rows, size = [], max(1, -(-len(new) // ROWS))
    for first in range(0, len(new), size):
        last = min(len(new), first + size)
        label = _stretch(span, first, last, zone)
        known = [value for value in reachable[first:last] if value is not None]
        there = count(known[-1]) if known else "not counted"
        rows.append((label, count(sum(new[first:last])), count(sum(lost[first:last])), there))
    return Numbers("Devices that came and went", ("Days", "New", "Lost", "Reachable at the end"), tuple(rows))


def _stretch(span: Span, first: int, last: int, zone: tzinfo) -> str:
    begins, ends = (day(span.start + at * span.step, zone) for at in (first, last - 1))
    return begins if begins == ends else f"{begins} to {ends}"
