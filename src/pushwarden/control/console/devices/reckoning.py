"""The numbers of the devices' page, out of the API's summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pushwarden.control.console.plots import Figure, Meter, Span, churn, shares
from pushwarden.core.census import OTHER
from pushwarden.core.reasons import known
from pushwarden.core.words import DAY


@dataclass(frozen=True, slots=True)
class Reckoned:
    """new, lost: today. views: what the plot can show, (id, name); shown: which it does. why: what made them go."""

    new: int
    lost: int
    kinds: list[Meter]
    versions: list[Meter]
    views: list[tuple[str, str]]
    shown: str
    churn: Figure
    why: list[Meter]


def reckoned(summary: Any, days: Sequence[Any], shown: str) -> Reckoned:
    """days: of what is shown, for the plot."""
    today = summary.churn[-1]
    views = _views(summary.kinds)
    return Reckoned(
        new=_new(today),
        lost=_lost(today),
        kinds=shares([_kind(one) for one in summary.kinds]),
        versions=shares(_versions(summary.versions)),
        views=views,
        shown=shown or views[0][0],
        churn=_drawn(days),
        why=shares(_why(days)),
    )


def narrowed(view: str) -> dict[str, str]:
    """What the API is asked for a view: `alert` of every platform, or one kind, as `apns.voip`."""
    provider, _, kind = view.rpartition(".")
    return {"provider": provider, "token_kind": kind} if provider else {"token_kind": kind}


def _views(kinds: Sequence[Any]) -> list[tuple[str, str]]:
    """What is shown by itself comes first."""
    ordered = sorted(kinds, key=lambda one: one.token_kind != "alert")
    each = [(f"{one.provider}.{one.token_kind}", platform(one.provider, one.token_kind)) for one in ordered]
    alerts = [name for name, _ in each if name.endswith(".alert")]
    return [("alert", "Apple and Google"), *each] if len(alerts) > 1 else each


def _why(days: Sequence[Any]) -> list[tuple[str, str, int, str]]:
    """By the provider's own word, which stands as the note."""
    counts: dict[str, int] = {}
    for one in days:
        for reason, count in one.gone.items():
            counts[reason] = counts.get(reason, 0) + count
    rows = [(f"reason:{reason}", known(reason).title, count, reason) for reason, count in counts.items()]
    return [*rows, ("", "Opted out, or the token moved", sum(one.left for one in days), "")]


def _drawn(days: Sequence[Any]) -> Figure:
    """Days are counted in UTC, so they are named in UTC."""
    first = datetime.combine(date.fromisoformat(days[0].day), datetime.min.time(), UTC)
    start = int(first.timestamp() * 1000)
    span = Span(start, start + len(days) * DAY, DAY)
    new, lost = [_new(one) for one in days], [_lost(one) for one in days]
    return churn("churn", span, new, lost, [one.live for one in days], UTC)


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
