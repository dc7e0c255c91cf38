"""How long it takes: three lines on a logarithmic axis, each with its name at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from pushwarden.control.console.plots.figure import Figure, Numbers, below, lines, nothing, stretches, upright
from pushwarden.control.console.plots.scale import Span, dodged, log_share, log_ticks, times
from pushwarden.control.console.plots.svg import Svg, el, image, path, runs, stretched
from pushwarden.control.console.plots.throughput import UNITS, Mark, Values, drawn
from pushwarden.core.words import duration

HIGH = 172.0
LETTERS = 15.0
"""Pixels from one name to the next."""
DASHES = {"p50": "none", "p95": "7 4", "p99": "2 3"}
"""Lines differ without their colour."""


def latency(name: str, span: Span, quantiles: Mapping[str, Values], zone: tzinfo, marks: Sequence[Mark] = ()) -> Figure:
    """quantiles: `p50`, `p95` and `p99`, in milliseconds, a value for every step of the span. marks: without words."""
    title = "Time to accept"
    known = [value for values in quantiles.values() for value in values if value is not None]
    if not known:
        return nothing(name, title, span, zone, HIGH)
    axis = log_ticks(min(known), max(known))
    finding = _found(quantiles)
    heights = {one: HIGH * (1 - log_share(one, axis)) for one in axis}
    picture = image(
        name, title, finding, lines(heights.values(), HIGH),
        stretched(UNITS, HIGH, *(_line(which, values, axis) for which, values in quantiles.items())),
        drawn(span, marks, HIGH, silent=True), *_names(quantiles, axis), width="100%", height=HIGH,
    )  # fmt: skip
    left = upright([duration(one) for one in reversed(axis)])
    return Figure(
        el("div", left, picture, below(times(span, zone)), class_="plot"), finding, _numbers(span, quantiles, zone)
    )


def _found(quantiles: Mapping[str, Values]) -> str:
    said = [f"{which} {duration(last)}" for which, values in quantiles.items() if (last := _last(values)) is not None]
    return "Now " + ", ".join(said) + "."


def _last(values: Values) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _line(which: str, values: Values, axis: Sequence[float]) -> Svg:
    step = UNITS / max(1, len(values))
    places = [
        ((at + 0.5) * step, None if one is None else HIGH * (1 - log_share(one, axis))) for at, one in enumerate(values)
    ]
    shape = "".join(path(run) if len(run) > 1 else path([run[0], (run[0][0] + step / 2, run[0][1])])
                    for run in runs(places))  # fmt: skip
    return el("path", class_="ln" if which == "p50" else "ln m", stroke_dasharray=DASHES.get(which, "none"), d=shape)


def _names(quantiles: Mapping[str, Values], axis: Sequence[float]) -> list[Svg]:
    ends = {which: last for which, values in quantiles.items() if (last := _last(values)) is not None}
    wanted = [HIGH * (1 - log_share(last, axis)) - 5 for last in ends.values()]
    heights = dodged(wanted, LETTERS, 10, HIGH - 4)
    return [
        el("text", f"{which} {duration(last)}", class_="gt ink", x="100%", dx=-2, y=height, text_anchor="end")
        for (which, last), height in zip(ends.items(), heights, strict=True)
    ]


def _numbers(span: Span, quantiles: Mapping[str, Values], zone: tzinfo) -> Numbers:
    length = max(map(len, quantiles.values()))
    rows = tuple(
        (label, *(_worst(values[first:last]) for values in quantiles.values()))
        for label, first, last in stretches(span, length, zone)
    )
    return Numbers("Time to accept, the longest of each row's time", ("Time", *quantiles), rows)


def _worst(values: Values) -> str:
    known = [value for value in values if value is not None]
    return duration(max(known)) if known else "none"
