"""Who can be reached: devices counted by kind and version, and how many came and went on each day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from msgspec import Struct

from pushwarden.core.app import Snapshot
from pushwarden.core.census import CHURN_DAYS, DAY_MS, GONE, LEFT, LIVE, NEW, REVIVED, Census, Change, Pulse, day_of
from pushwarden.core.device import Audience
from pushwarden.core.principal import Permission
from pushwarden.dataplane.intake.directory_routes import BASE, known
from pushwarden.dataplane.intake.views import iso
from pushwarden.ports.census import Counts
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import TOMBSTONE_LIFE_MS
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

DAYS = 30
QUERY = ("days", "provider", "token_kind")


class KindView(Struct):
    """live is true now, the rest as of counted_at. unproven: nobody sent to them yet, nor to a sample of their lot."""

    provider: str
    token_kind: str
    live: int
    gone: int
    test: int
    unproven: int
    counted_at: str | None


class VersionView(Struct):
    provider: str
    token_kind: str
    app_version: str
    build: str
    test: bool
    live: int
    gone: int


class DayView(Struct):
    """left: opted out, or their token moved. gone: by the provider's reason. live: as the day ended, null: unknown."""

    day: str
    new: int = 0
    revived: int = 0
    left: int = 0
    gone: dict[str, int] = {}
    live: int | None = None


class SummaryView(Struct):
    """live: tokens of every kind; reachable: devices an alert reaches, or where none does, live.

    counted_at: null until the first count, a moment after the first device. gone_kept_days: then the gone are dropped.
    """

    live: int
    reachable: int
    gone: int
    test: int
    unproven: int
    counted_at: str | None
    kinds: list[KindView]
    versions: list[VersionView]
    churn: list[DayView]
    gone_kept_days: int = TOMBSTONE_LIFE_MS // DAY_MS


@dataclass(frozen=True, slots=True)
class CensusRoutes:
    counts: Counts
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            route("GET", BASE + "/summary", self.summary, permission=Permission.DEVICE_READ,
                  summary="How many devices, by kind and version, and what came and went by day, of one kind if asked",
                  shape=Shape(answer=SummaryView, query=QUERY))
        ]  # fmt: skip

    async def summary(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        asked = call.query(*QUERY)
        days = max(1, call.number(asked.get("days"), "days", DAYS, CHURN_DAYS))
        today = day_of(self.clock.now_ms())
        census = await self.counts.census(call.where, today - days + 1)
        return Answer(summed(of_kind(census, asked), range(today - days + 1, today + 1)))


def of_kind(census: Census, asked: Mapping[str, str]) -> Census:
    """Its churn alone is narrowed, to what `provider` and `token_kind` name."""
    provider, kind = asked.get("provider", ""), asked.get("token_kind", "")
    ids = {one.id for one in census.audiences if provider in ("", one.provider) and kind in ("", one.token_kind)}
    return replace(census, churn=[one for one in census.churn if one.audience in ids])


def summed(census: Census, days: range) -> SummaryView:
    kinds = [_kind(census, audience) for audience in census.audiences if audience.next_seq]
    versions = [
        VersionView(audience.provider, audience.token_kind, one.app_version, one.build, one.test, one.live, one.gone)
        for audience in census.audiences
        for one in census.groups.get(audience.id, ())
    ]
    return SummaryView(
        live=sum(one.live for one in kinds),
        reachable=sum(one.live for one in kinds if one.token_kind == "alert") or sum(one.live for one in kinds),
        gone=sum(one.gone for one in kinds),
        test=sum(one.test for one in kinds),
        unproven=sum(one.unproven for one in kinds),
        counted_at=min((one.counted_at for one in kinds if one.counted_at), default=None),
        kinds=kinds,
        versions=sorted(versions, key=lambda one: -one.live),
        churn=_days(census, days),
    )


def _kind(census: Census, audience: Audience) -> KindView:
    pulse, groups = census.pulses.get(audience.id) or Pulse(0, 0, 0), census.groups.get(audience.id, ())
    return KindView(
        audience.provider,
        audience.token_kind,
        live=audience.size,
        gone=sum(one.gone for one in groups),
        test=sum(one.live + one.gone for one in groups if one.test),
        unproven=pulse.unproven,
        counted_at=iso(pulse.counted_at) if pulse.counted_at else None,
    )


def _days(census: Census, days: range) -> list[DayView]:
    """live: each audience's last known count up to then, once every audience of the time has one."""
    views, known = [], dict[int, int]()
    by_day: dict[int, list[Change]] = {}
    for change in census.churn:
        by_day.setdefault(change.day, []).append(change)
    for day in days:
        rows = by_day.get(day, [])
        known |= {row.audience: row.count for row in rows if row.what == LIVE}
        view = _day(day, rows)
        view.live = sum(known.values()) if known else None
        views.append(view)
    return views


def _day(day: int, rows: Iterable[Change]) -> DayView:
    view = DayView(datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat(), gone={})
    for row in rows:
        if row.what.startswith(GONE):
            reason = row.what.removeprefix(GONE)
            view.gone[reason] = view.gone.get(reason, 0) + row.count
        elif row.what in (NEW, REVIVED, LEFT):
            setattr(view, row.what, getattr(view, row.what) + row.count)
    view.left = max(0, view.left)
    return view
