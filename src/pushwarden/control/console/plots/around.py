"""What was sent before and after a stop: the moment in the middle, as many seconds or minutes on each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from pushwarden.control.console.plots.figure import Figure, Numbers, below, lines, upright
from pushwarden.control.console.plots.scale import Span, Tick, ticks
from pushwarden.control.console.plots.svg import el, image
from pushwarden.control.console.plots.throughput import HIGH, Kind, Mark, Values, area, drawn
from pushwarden.core.words import MINUTE, clock, count, rate

ROWS = 12
QUARTERS = 4
"""Parts of the axis between two labels."""


@dataclass(frozen=True, slots=True)
class Around:
    """values: one for every step of the span, fewer while it is not over. cut: when the stop was in effect (Unix ms).

    what: how the values are counted, in two words.
    """

    span: Span
    values: Values
    cut: int
    what: str

    @property
    def by_minute(self) -> bool:
        return self.span.step >= MINUTE

    @property
    def unit(self) -> str:
        return "minute" if self.by_minute else "second"

    @property
    def length(self) -> int:
        """Of the whole span, in steps."""
        return (self.span.end - self.span.start) // self.span.step

    @property
    def before(self) -> int:
        """How many of the values are of before the cut, the one with the cut in it too."""
        return -(-(self.cut - self.span.start) // self.span.step)


def around(name: str, told: Around, zone: tzinfo) -> Figure:
    """name: unique on its page."""
    title = f"{told.what} a {told.unit}"
    values = [*told.values, *[None] * (told.length - len(told.values))]
    axis = ticks(max((one for one in values if one is not None), default=0.0))
    finding = found(told)
    drawing = el(
        "div",
        upright([count(one) for one in reversed(axis)]),
        image(
            name, title, finding, lines([_high(one, axis) for one in axis], HIGH),
            area(values, lambda value: _high(value, axis)), drawn(told.span, [Mark(told.cut, Kind.STOP, "Stopped")]),
            width="100%", height=HIGH,
        ),
        below(_times(told, zone)),
        class_="plot",
    )  # fmt: skip
    return Figure(drawing, finding, _numbers(title, told, zone), empty=not any(told.values))


def found(told: Around) -> str:
    """The finding in one sentence."""
    before = [one for one in told.values[: told.before] if one is not None]
    after = round(sum(one or 0 for one in told.values[told.before :]))
    most = (
        f"At most {rate(max(before, default=0))} a {told.unit} before the stop" if any(before) else "Nothing before it"
    )
    return f"{most}; {count(after) if after else 'none'} after it."


def _high(value: float, axis: Sequence[float]) -> float:
    return HIGH * (1 - value / axis[-1])


def _times(told: Around, zone: tzinfo) -> list[Tick]:
    """Minutes by the clock, seconds by how far they are from the stop."""
    span = told.span
    quarter = told.length // QUARTERS * span.step
    moments = [span.start + at * quarter for at in range(QUARTERS + 1)]
    return [Tick(span.share(at), _label(told, at, zone), number % 2 == 0) for number, at in enumerate(moments)]


def _label(told: Around, at: int, zone: tzinfo) -> str:
    return clock(at, zone) if told.by_minute else _apart(at - told.cut)


def _apart(ms: int) -> str:
    seconds = round(ms / 1000)
    return "stop" if not seconds else f"{abs(seconds)} s {'before' if seconds < 0 else 'after'}"


def _numbers(title: str, told: Around, zone: tzinfo) -> Numbers:
    """Rows of five minutes or of ten seconds; one with a value nobody counted says so."""
    size, rows = -(-told.length // ROWS), list[tuple[str, str]]()
    for first in range(0, told.length, size):
        known = [one for one in told.values[first : first + size] if one is not None]
        label = _label(told, told.span.start + first * told.span.step, zone)
        rows.append((label, rate(sum(known) / len(known)) if known else _unknown(told, first)))
    return Numbers(f"{title}, on average", ("From", title), tuple(rows))


def _unknown(told: Around, first: int) -> str:
    return "not yet" if first >= len(told.values) else "not known"
