"""The numbers of the devices' page, out of the API's summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from pushwarden.control.console.plots import Figure, Meter, Span, churn, shares
from pushwarden.core.census import OTHER
from pushwarden.core.words import DAY


@dataclass(frozen=True, slots=True)
class Reckoned:
    """gone: words of the reasons today's lost ones went for."""

    new: int
    lost: int
    kinds: list[Meter]
    versions: list[Meter]
    churn: Figure


def reckoned(summary: Any, zone: tzinfo) -> Reckoned:
    days = summary.churn
    today = days[-1]
    return Reckoned(
        new=_new(today),
        lost=_lost(today),
        kinds=shares([_kind(one) for one in summary.kinds]),
        versions=shares(_versions(summary.versions)),
        churn=_drawn(days, zone),
    )


def _drawn(days: Sequence[Any], zone: tzinfo) -> Figure:
    first = datetime.combine(date.fromisoformat(days[0].day), datetime.min.time(), UTC)
    start = int(first.timestamp() * 1000)
    span = Span(start, start + len(days) * DAY, DAY)
    new, lost = [_new(one) for one in days], [_lost(one) for one in days]
    return churn("churn", span, new, lost, [one.live for one in days], zone)


def _new(day: Any) -> int:
    return int(day.new + day.revived)


def _lost(day: Any) -> int:
    return int(day.left + sum(day.gone.values()))


_PLATFORMS = {"apns": "Apple", "fcm": "Google"}


def platform(provider: str, kind: str) -> str:
    """Apple, or Apple, voip."""
    name = _PLATFORMS.get(provider, provider)
    return name if kind == "alert" else f"{name}, {'calls' if kind == 'voip' else kind}"


def _kind(one: Any) -> tuple[str, str, int, str]:
    return one.token_kind, platform(one.provider, one.token_kind), one.live, ""


def _versions(rows: Sequence[Any]) -> list[tuple[str, str, int, str]]:
    """By version; the builds of each as its note."""
    live: dict[str, int] = {}
    builds: dict[str, dict[str, int]] = {}
    for one in rows:
        live[one.app_version] = live.get(one.app_version, 0) + one.live
        of = builds.setdefault(one.app_version, {})
        of[one.build] = of.get(one.build, 0) + one.live
    return [
        (
            "" if version in ("", OTHER) else f"version:{version}",
            version or "Not said",
            count,
            _builds(builds[version]),
        )
        for version, count in live.items()
    ]


def _builds(counts: dict[str, int]) -> str:
    names = [name for name in sorted(counts, key=lambda name: -counts[name]) if name]
    if not names:
        return ""
    return f"build {names[0]}" if len(names) == 1 else f"build {names[0]} and {len(names) - 1} more"
