"""An app's series as the overview draws it: rates a minute, marks on the time axis, tiles. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from pushwarden.control.console.plots import (
    Figure,
    Kind,
    Mark,
    Meter,
    Span,
    Svg,
    latency,
    shares,
    spark,
    throughput,
)
from pushwarden.core.words import MINUTE, count

MARKS = {"stop": Kind.STOP, "resume": Kind.RESUME, "change": Kind.CHANGE, "credential": Kind.CHANGE}
SPARK = 3
"""Minutes of a point of a tile's line."""
PROCESSES = ("chores", "sender-")
"""What they write down of credentials is no change of anybody's."""
LINES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Tiles:
    """What the four tiles show. p95, ours and theirs: milliseconds, None where nothing was timed. grown: since the day
    before, None where that is not known."""

    per_minute: int
    accepted: int
    refused: int
    asked: int
    p95: float | None
    ours: float | None
    theirs: float | None
    devices: int
    grown: int | None
    sparks: dict[str, Svg]


def tiles(place: Any, hour: Any, summary: Any) -> Tiles:
    """hour: the series of the last hour. summary: of the devices, None for who may not see it."""
    ours, theirs = hour.ours.p95, hour.theirs.p95
    churn = summary.churn if summary else []
    accepted = sum(place.accepted)
    return Tiles(
        place.per_minute,
        accepted,
        place.refused,
        accepted + place.refused,
        None if theirs is None else theirs + (ours or 0),
        ours,
        theirs,
        sum(place.devices.values()),
        _grown(churn),
        {
            "accepted": spark(_every(place.accepted[2:-1]), strong=True),
            "refused": spark(_every([point.refused for point in hour.points[2:-1]])),
            "p95": spark([point.theirs.p95 for point in hour.points]),
            "devices": spark([day.live for day in churn]),
        },
    )


def _every(values: Sequence[int]) -> list[float | None]:
    return [sum(values[at : at + SPARK]) for at in range(0, len(values), SPARK)]


def _grown(churn: Sequence[Any]) -> int | None:
    days = [day.live for day in churn[-2:]]
    return days[1] - days[0] if len(days) == 2 and None not in days else None


def plotted(series: Any, versions: Sequence[Any], created_at: int, now_ms: int, zone: tzinfo) -> Figure:
    """Accepted and refused a minute, what was tried again among it. Of the time before the app was made nothing is
    known, and little of a step that has just begun: it is drawn only where there is nothing else."""
    span, step = Span(series.since_ms, series.until_ms, series.step_ms), series.step_ms
    known = [point if point.at_ms + step > created_at else None for point in series.points]
    told = [point if point and now_ms - point.at_ms >= max(MINUTE, step / 3) else None for point in known]
    shown = told if any(point and (point.accepted or refusals(point)) for point in told) else known
    accepted = [point and rate(point.accepted, point.at_ms, step, now_ms) for point in shown]
    refused = [point and rate(refusals(point), point.at_ms, step, now_ms) for point in shown]
    return throughput("tp", span, accepted, refused, marked(series.events, versions), zone)


def refusals(point: Any) -> int:
    """For good, or for a while: an hour in which a provider answers 503 is one that people look for."""
    return int(point.refused) + int(point.retried)


def rate(number: int, at_ms: int, step_ms: int, now_ms: int) -> float:
    """A minute, of a step that may be under way."""
    passed = min(step_ms, max(MINUTE, now_ms - at_ms))
    return number * MINUTE / passed


def marked(events: Sequence[Any], versions: Sequence[Any]) -> list[Mark]:
    """A change is named by its version and the first thing it changed."""
    known = {version.at: version for version in versions}
    made = [one for one in events if one.kind in MARKS and not one.by.startswith(PROCESSES)]
    return [Mark(one.at_ms, MARKS[one.kind], _label(one, known.get(one.at_ms))) for one in made]


def _label(event: Any, version: Any) -> str:
    if event.kind == "stop":
        return f"Stopped by {event.by}"
    if event.kind == "resume":
        return f"Resumed by {event.by}"
    if version is None or not version.changed:
        return f"{'Credential' if event.kind == 'credential' else 'Changed'} by {event.by}"
    return f"v{version.number}: {version.changed[0].name}"


def timed(series: Any, versions: Sequence[Any], zone: tzinfo) -> Figure:
    """Time from handed over to accepted, with the same marks."""
    span = Span(series.since_ms, series.until_ms, series.step_ms)
    lines = {line: [getattr(point.theirs, line) for point in series.points] for line in LINES}
    return latency("la", span, lines, zone, marked(series.events, versions))


def reasons(series: Any) -> list[Meter]:
    """Why pushes were refused, the commonest first, with how many there were in the range before."""
    said: dict[str, list[Any]] = {}
    for one in series.reasons:
        if one.ending == "refused":
            said.setdefault(one.title, []).append(one)
    return shares([_reason(title, them) for title, them in said.items()], most=6)


def _reason(title: str, them: list[Any]) -> tuple[str, str, int, str]:
    """Providers have words of their own for the same: they stand under what they mean."""
    before = sum(one.before for one in them)
    words = ", ".join(one.reason for one in them)
    note = f"{words}; {count(before)} before" if before else words
    return them[0].reason if len(them) == 1 else "", title, sum(one.count for one in them), note
