"""Templates, and how numbers and times are written on every page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from pushwarden.control.console.static import Shelf
from pushwarden.core.words import browser, count, duration, percent, plural, rate, share, short, size
from pushwarden.ports.clock import Clock

FOLDER = Path(__file__).parent
_AS_IT_IS = re.compile(r"(<pre\b.*?</pre>|<textarea\b.*?</textarea>)", re.DOTALL)
_ROOM = re.compile(r"\n\s+")


class Flush(Extension):
    """Lines of templates begin without the room that people need to read them: on a page it only weighs."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        parts = _AS_IT_IS.split(source)
        return "".join(part if place % 2 else _ROOM.sub("\n", part) for place, part in enumerate(parts))


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
            extensions=[Flush],
        )
        self._environment.globals |= {"asset": shelf.address, "has_asset": shelf.__contains__}
        self._environment.filters |= {
            "browser": browser,
            "count": count,
            "short": short,
            "rate": rate,
            "percent": percent,
            "share": share,
            "plural": plural,
            "duration": duration,
            "size": size,
            "moment": self._moment,
            "clock": self._hours,
            "day": self._day,
            "ago": self._ago,
            "lasted": self._lasted,
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

    def _lasted(self, since: str, until: str = "") -> str:
        """From one time (ISO 8601) to another, or to now, in whole seconds."""
        ends = _when(until or self._clock.now_ms())
        return duration(max(1, (ends - _when(since)) // timedelta(seconds=1)) * 1000)

    def _ago(self, at: int | str) -> Markup:
        """How long since, or until."""
        when = _when(at)
        passed = self._clock.now_ms() - int(when.timestamp() * 1000)
        words = (
            "just now" if abs(passed) < 1000 else f"{duration(passed)} ago" if passed > 0 else f"in {duration(-passed)}"
        )
        return _time(when, words)


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
