"""Templates, and how numbers and times are written on every page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pushwarden.control.console.static import Shelf
from pushwarden.ports.clock import Clock

FOLDER = Path(__file__).parent
THIN = "\N{NARROW NO-BREAK SPACE}"
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


class Renderer:
    """Undefined names are errors: a page never shows less than it says."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {"asset": shelf.address, "has_asset": shelf.__contains__}
        self._environment.filters |= {
            "count": count,
            "short": short,
            "percent": percent,
            "duration": duration,
            "size": size,
            "moment": self._moment,
            "clock": self._hours,
            "day": self._day,
            "ago": self._ago,
        }

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(context)

    def _moment(self, at: int | str) -> Markup:
        """Day and time of Unix milliseconds (or ISO 8601), today's without the day."""
        when, now = _when(at), _when(self._clock.now_ms())
        words = when.strftime("%H:%M:%S") if when.date() == now.date() else _dated(when, now)
        return _time(when, words, "moment")

    def _hours(self, at: int | str) -> Markup:
        return _time(_when(at), _when(at).strftime("%H:%M:%S"), "clock")

    def _day(self, at: int | str) -> Markup:
        when = _when(at)
        return _time(when, f"{when.day} {when:%b %Y}", "day")

    def _ago(self, at: int | str) -> Markup:
        """How long since, or until."""
        when = _when(at)
        passed = self._clock.now_ms() - int(when.timestamp() * 1000)
        words = (
            "just now" if abs(passed) < 1000 else f"{duration(passed)} ago" if passed > 0 else f"in {duration(-passed)}"
        )
        return _time(when, words)


def count(number: float | None) -> str:
    """84 210, with thin spaces; a dash for what is not known."""
    return "–" if number is None else f"{number:,.0f}".replace(",", THIN)


def short(number: float) -> str:
    """84k, 1.2M: for counters on tabs."""
    for limit, unit in ((1_000_000, "M"), (1000, "k")):
        if number >= limit:
            scaled = number / limit
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}".removesuffix(".0") + unit
    return f"{number:.0f}"


def percent(share: float) -> str:
    """0.4 % of 0.004. Little stays visible: below a tenth it is `under 0.1 %`."""
    if 0 < share < 0.001:
        return f"under 0.1{THIN}%"
    return f"{share * 100:.1f}".removesuffix(".0") + f"{THIN}%"


def duration(ms: float) -> str:
    """The largest unit, and the next one: 6 min 42 s."""
    if ms < 1000:
        return f"{ms:.0f}{THIN}ms"
    for number, (unit, name) in enumerate(_UNITS):
        if ms >= unit:
            parts = [f"{ms // unit:.0f}{THIN}{name}"]
            rest = int(ms % unit)
            if number + 1 < len(_UNITS) and rest >= _UNITS[number + 1][0]:
                below, its = _UNITS[number + 1]
                parts.append(f"{rest // below}{THIN}{its}")
            return " ".join(parts)
    return ""


def size(octets: float) -> str:
    """Bytes for people: 312 bytes, 4.1 kB."""
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")):
        if octets >= limit:
            return f"{octets / limit:.1f}".removesuffix(".0") + f"{THIN}{unit}"
    return f"{octets:.0f} bytes"


def _when(at: int | str) -> datetime:
    if isinstance(at, str):
        return datetime.fromisoformat(at).astimezone(UTC)
    return datetime.fromtimestamp(at / 1000, UTC)


def _dated(when: datetime, now: datetime) -> str:
    year = "" if when.year == now.year else f" {when.year}"
    return f"{when.day} {when:%b}{year} {when:%H:%M}"


def _time(when: datetime, words: str, form: str = "") -> Markup:
    """form: how console.js writes it in the reader's own zone; empty leaves it."""
    stamp = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = Markup(' data-time="{}"').format(form) if form else ""
    title = f"{when:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(stamp, title, said, escape(words))
