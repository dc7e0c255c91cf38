"""The expiry line: thirteen months, a bar for each credential, today, and the last thirty days of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from pushwarden.control.console.plots.figure import Figure, Numbers
from pushwarden.control.console.plots.scale import Span
from pushwarden.control.console.plots.svg import Svg, el, filled, hatch, image, many, number, percent
from pushwarden.core.words import DAY, THIN, day, plural

MONTHS = 13
WARNED = 30 * DAY
MIDDLE = 12.0
ROOM, LETTER = 0.66, 6.6


@dataclass(frozen=True, slots=True)
class Validity:
    """Of one credential. ends: Unix ms, 0 where it has no end. strong, light: its name in two parts."""

    strong: str
    light: str
    ends: int = 0
    note: str = ""


def expiry(name: str, rows: Sequence[Validity], now_ms: int, zone: tzinfo) -> Figure:
    """An element of class `expiry`; nothing at all is drawn where there are no credentials."""
    starts = _months(now_ms, zone)
    span = Span(starts[0], starts[-1], DAY)
    parts: list[Svg] = []
    for at, row in enumerate(rows):
        parts.append(el("span", el("b", row.strong), f", {row.light}"))
        parts.append(_row(f"{name}-{at}", row, now_ms, span, zone, first=not at, rows=len(rows)))
    labels = many(el("span", f"{datetime.fromtimestamp(one / 1000, zone):%b}") for one in starts[:-1])
    parts.append(el("div", labels, class_="x", aria_hidden="true"))
    numbers = Numbers("Until when each credential is valid", ("Credential", "Valid until"), tuple(
        (f"{row.strong}, {row.light}", said(row, now_ms, zone)) for row in rows
    ))  # fmt: skip
    return Figure(el("div", *parts, class_="in expiry"), found(rows, now_ms, zone), numbers, empty=not rows)


def found(rows: Sequence[Validity], now_ms: int, zone: tzinfo) -> str:
    """What ends first."""
    ending = min((row for row in rows if row.ends), key=lambda row: row.ends, default=None)
    if ending is None:
        return "Nothing here expires." if rows else "No credential yet."
    return f"{ending.strong}, {ending.light}: {said(ending, now_ms, zone)}."


def said(row: Validity, now_ms: int, zone: tzinfo) -> str:
    """`14 Dec, 23 days left`, `expired 3 days ago`, or that it has no end."""
    if not row.ends:
        return row.note or "does not expire"
    if row.ends <= now_ms:
        ago = (now_ms - row.ends) // DAY
        return f"expired {plural(ago, 'day')} ago" if ago else "expired today"
    left = -(-(row.ends - now_ms) // DAY)
    year = f"{THIN}{datetime.fromtimestamp(row.ends / 1000, zone):%Y}" if left > 365 else ""
    return f"{day(row.ends, zone)}{year}, {plural(left, 'day')} left"


def _months(now_ms: int, zone: tzinfo) -> list[int]:
    """The first moments of this month and of the thirteen after it."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    found = []
    for after in range(MONTHS + 1):
        years, month = divmod(now.month - 1 + after, 12)
        found.append(round(datetime(now.year + years, month + 1, 1, tzinfo=zone).timestamp() * 1000))
    return found


def _row(  # noqa: PLR0913 -- one row of a picture
    name: str, row: Validity, now_ms: int, span: Span, zone: tzinfo, *, first: bool, rows: int
) -> Svg:
    today = span.share(now_ms)
    parts = [el("line", class_="gl", x1=0, x2="100%", y1=MIDDLE, y2=MIDDLE)]
    parts += _bar(name, row, span, now_ms) if row.ends else []
    if first:
        parts += _today(today, rows)
    parts.append(_words(row, span.share(row.ends) if row.ends > now_ms else today, said(row, now_ms, zone)))
    label = f"{row.strong}, {row.light}"
    return image(name, label, said(row, now_ms, zone), *parts, width="100%", height=24)


def _bar(name: str, row: Validity, span: Span, now_ms: int) -> list[Svg]:
    end, warned = span.share(row.ends), span.share(row.ends - WARNED)
    if row.ends <= now_ms:
        width = percent(span.share(now_ms))
        gone = el("rect", fill=filled(f"{name}-h"), x=0, y=7, width=width, height=10, rx=3)
        return [el("defs", hatch(f"{name}-h")), gone]
    parts = [el("rect", class_="m-ink", x=0, y=7, width=percent(warned), height=10, rx=3)] if warned else []
    if end > warned:
        parts.append(el("rect", class_="m-retry", x=percent(warned), y=7, width=percent(end - warned), height=10, rx=3))
    return parts


def _today(share: float, rows: int) -> list[Svg]:
    """One line through all rows, drawn by the first."""
    x = percent(share)
    line = el("line", class_="gl mark", x1=x, x2=x, y1=-4, y2=32 * rows - 4)
    anchor = "start" if share < 0.03 else "middle"
    return [line, el("text", "today", class_="gt mid", x=x, y=-9, text_anchor=anchor)]


def _words(row: Validity, share: float, text: str) -> Svg:
    """After the bar, or in a gap at its end where there is no room after it."""
    x, ink = percent(share), "gt ink" if row.ends else "gt"
    if share <= ROOM:
        return el("text", text[:1].upper() + text[1:], class_=ink, x=x, dx=8 if row.ends else 14, y=16)
    wide = LETTER * len(text) + 12
    gap = el("rect", class_="m-gap", x=x, y=4, width=wide, height=16, transform=f"translate(-{number(wide + 10)})")
    return many((gap, el("text", text, class_=ink, x=x, dx=-16, y=16, text_anchor="end")))
