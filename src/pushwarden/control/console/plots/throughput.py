"""Throughput: accepted a minute as an area, refused a minute under it on a scale of its own, and what was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum

from pushwarden.control.console.plots.figure import Figure, Numbers, below, lines, nothing, stretches, upright
from pushwarden.control.console.plots.scale import Span, apart, ticks, times
from pushwarden.control.console.plots.svg import Svg, el, filled, hatch, image, many, number, path, runs, stretched
from pushwarden.control.console.plots.svg import percent as at_percent
from pushwarden.core.words import DAY, clock, count, day, rate, share

Values = Sequence[float | None]
"""None: nobody counted then."""

HIGH, LOW = 196.0, 44.0
NOMINAL = 640.0
"""Pixels the plot has on a wide screen; labels that do not fit there are left to the title of their mark."""
GLYPH = 9.0
"""Pixels that a shape on the time axis takes."""
UNITS = 1440.0
FEW = 60
"""Up to as many values are drawn as bars."""


class Kind(Enum):
    """What a mark on the time axis stands for: its shape, and the class that colours it."""

    CHANGE = ("M-4.5 0H4.5L0 7z", "m-ink")
    STOP = ("M-2.5 0H2.5L6 3.5V8.5L2.5 12H-2.5L-6 8.5V3.5z", "m-bad")
    RESUME = ("M-3.5 0L5 5L-3.5 10z", "m-acc")


@dataclass(frozen=True, slots=True)
class Mark:
    """What was done at a moment (Unix ms)."""

    at: int
    kind: Kind
    label: str


def throughput(name: str, span: Span, accepted: Values, refused: Values, marks: Sequence[Mark], zone: tzinfo) -> Figure:
    """accepted, refused: pushes a minute, a value for every step of the span. name: unique on its page."""
    title = "Pushes a minute"
    if not any(accepted) and not any(refused):
        return nothing(name, title, span, zone, HIGH)
    finding = found(span, accepted, refused, zone)
    drawing = el(
        "div",
        *_upper(name, title, finding, span, accepted, marks),
        *_lower(name, span, refused),
        below(times(span, zone)),
        class_="plot",
    )
    return Figure(drawing, finding, _numbers(span, accepted, refused, zone))


def limit_of(refused: Values) -> float:
    """What is more than usual: twice the median of the known values, 10 a minute at least."""
    known = sorted(value for value in refused if value is not None)
    return max(10.0, 2 * known[len(known) // 2]) if known else 10.0


def found(span: Span, accepted: Values, refused: Values, zone: tzinfo) -> str:
    """The finding in one or two sentences: the highest minute, and how many were refused, most of them when."""
    peak = _peak(accepted)
    if peak is None:
        said = "Nothing was accepted"
    else:
        said = f"At most {rate(accepted[peak] or 0)} accepted a minute, {when(span, peak, zone)}"
    minutes = span.step / 60_000
    good, bad = (sum(one or 0 for one in values) * minutes for values in (accepted, refused))
    worst = _peak(refused)
    if worst is None:
        return f"{said}; none refused."
    most = f"most of them {when(span, worst, zone)}"
    return f"{said}; {count(round(bad))} of {count(round(good + bad))} refused ({share(bad, good + bad)}), {most}."


def when(span: Span, at: int, zone: tzinfo) -> str:
    moment = span.start + at * span.step
    if span.end - span.start <= 2 * DAY:
        return f"at {clock(moment, zone)}"
    return f"on {day(moment, zone)} at {clock(moment, zone)}"


def _peak(values: Values) -> int | None:
    known = [at for at, value in enumerate(values) if value]
    return max(known, key=lambda at: values[at] or 0) if known else None


def _top(values: Values) -> float:
    return max((value for value in values if value is not None), default=0.0)


def _upper(name: str, title: str, finding: str, span: Span, values: Values, marks: Sequence[Mark]) -> Iterator[Svg]:
    axis = ticks(_top(values))
    high = _heights(axis, HIGH)
    yield upright([count(one) for one in reversed(axis)])
    yield image(
        name, title, finding, lines([high(one) for one in axis], HIGH), area(values, high), drawn(span, marks),
        width="100%", height=HIGH,
    )  # fmt: skip


def area(values: Values, high: Callable[[float], float], height: float = HIGH) -> Svg:
    """A filled line through the middle of each step; bars where there are few."""
    step = UNITS / max(1, len(values))
    if len(values) <= FEW:
        bars = "".join(_bar(at * step, step, high(one), height) for at, one in enumerate(values) if one)
        return stretched(UNITS, height, el("path", class_="m-acc", d=bars))
    places = [((at + 0.5) * step, None if one is None else high(one)) for at, one in enumerate(values)]
    stretch = [_wide(run, step) for run in runs(places)]
    fills = "".join(path(run) + f"V{number(height)}H{number(run[0][0])}z" for run in stretch)
    line = "".join(map(path, stretch))
    return stretched(UNITS, height, el("path", class_="area", d=fills), el("path", class_="ln", d=line))


def _wide(run: list[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """From the beginning of its first step to the end of its last."""
    (first, begins), (last, ends) = run[0], run[-1]
    return [(first - step / 2, begins), *run, (last + step / 2, ends)]


def _heights(axis: Sequence[float], height: float) -> Callable[[float], float]:
    return lambda value: height * (1 - value / axis[-1])


def drawn(span: Span, marks: Sequence[Mark], height: float = HIGH, *, silent: bool = False) -> Svg:
    """Dashed lines with a shape on top; words beside those that have room, unless silent. Stops come first."""
    inside = [mark for mark in marks if span.start <= mark.at <= span.end]
    order = sorted(inside, key=lambda mark: (mark.kind is not Kind.STOP, -mark.at))
    room = apart([(span.share(mark.at), mark.label) for mark in order], NOMINAL)
    shown: list[Svg] = []
    places: list[float] = []
    for mark, free in zip(order, room, strict=True):
        covered = any(abs(span.share(mark.at) - other) * NOMINAL < GLYPH for other in places)
        shown.append(_mark(span, mark, free and not silent, height, covered=covered))
        places.append(span.share(mark.at))
    return many(shown)


def _mark(span: Span, mark: Mark, spoken: bool, height: float, *, covered: bool) -> Svg:
    """covered: another's shape stands there."""
    share = span.share(mark.at)
    x, stop = at_percent(share), mark.kind is Kind.STOP
    line = el("line", class_="gl halt" if stop else "gl mark", x1=x, x2=x, y1=0, y2=height)
    shape, colour = mark.kind.value
    glyph = el("svg", el("path", class_=colour, d=shape, transform="translate(0 -6)"), x=x, y=0, overflow="visible")
    parts = [el("title", mark.label), line] if covered else [el("title", mark.label), line, glyph]
    if spoken:
        side, anchor = (-9, "end") if share > 0.5 else (9, "start")
        ink = "gt bad" if stop else "gt ink"
        parts.append(el("text", mark.label, class_=f"{ink} mid", x=x, dx=side, y=12, text_anchor=anchor))
    return el("g", *parts)


def _lower(name: str, span: Span, values: Values) -> Iterator[Svg]:
    axis = ticks(_top(values), 1)
    high, limit = _heights(axis, LOW), limit_of(values)
    bars = [(at, one) for at, one in enumerate(values) if one]
    step = UNITS / max(1, len(values))
    calm = "".join(_bar(at * step, step, high(one), LOW) for at, one in bars if one <= limit)
    share = 1 / max(1, len(values))
    loud = (
        el("rect", fill=filled(f"{name}-h"), x=at_percent(at * share), width=at_percent(share * 0.8), y=high(one),
           height=LOW - high(one))
        for at, one in bars
        if one > limit
    )  # fmt: skip
    none = el("text", "None refused", class_="gt", x="50%", y=LOW / 2 + 4, text_anchor="middle")
    yield upright([count(axis[-1]), "0"] if bars else ["", "0"], "small-y")
    yield el(
        "svg", el("defs", hatch(f"{name}-h")), lines((0.0, LOW), LOW), Svg("") if bars else none,
        stretched(UNITS, LOW, el("path", class_="m-calm", d=calm)), many(loud),
        class_="under", width="100%", height=LOW, aria_hidden="true",
    )  # fmt: skip


def _bar(x: float, step: float, top: float, height: float) -> str:
    left, wide = number(x + step * 0.1), number(step * 0.7)
    return f"M{left} {number(height)}V{number(top)}h{wide}V{number(height)}z"


def _numbers(span: Span, accepted: Values, refused: Values, zone: tzinfo) -> Numbers:
    rows = tuple(
        (label, _mean(accepted[first:last]), _mean(refused[first:last]))
        for label, first, last in stretches(span, len(accepted), zone)
    )
    return Numbers("Pushes a minute, on average", ("Time", "Accepted / min", "Refused / min"), rows)


def _mean(values: Values) -> str:
    known = [value for value in values if value is not None]
    return rate(sum(known) / len(known)) if known else "not known"
