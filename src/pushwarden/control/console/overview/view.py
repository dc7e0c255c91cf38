"""Is it working, and what is in effect now: the page an app opens with."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.overview.drawing import plotted, reasons, tiles, timed
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Visit
from pushwarden.control.console.zone import zone_of
from pushwarden.core.errors import PushwardenError
from pushwarden.core.principal import Permission

RANGES = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
LENGTHS = {"1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}
CHANGES = 3
LOOKED, SENDS = 100, 3
"""Of so many pushes under way, the newest, so many are named that wait for their time."""


async def show(visit: Visit) -> Page:
    asked = visit.query.get("range", "") if visit.query.get("range", "") in RANGES else "24h"
    now = await current(visit)
    series = now["hour"] if asked == "1h" else await visit.api.get(f"{visit.v1}/series", range=asked)
    versions = (await visit.api.get(f"/v1/apps/{visit.where.app}/versions", limit=CHANGES)).versions
    effective = await visit.api.get(f"{visit.v1}/effective")
    copied = await visit.api.get(f"{visit.v1}/effective", format="yaml")
    zone = zone_of(visit.headers)
    context = {
        **now,
        "title": "Overview",
        "ranges": RANGES,
        "range": asked,
        "length": LENGTHS[asked],
        "series": series,
        "throughput": plotted(series, versions, effective.app.created_at, visit.now_ms, zone),
        "latency": timed(series, versions, zone),
        "reasons": reasons(series),
        "effective": effective,
        "copied": copied.decode(),
        "versions": versions,
        "coming": await coming(visit),
        "steps": steps(now["place"], effective),
    }
    return Page("overview/page.html", context)


async def coming(visit: Visit) -> dict[str, Any] | None:
    """Pushes that wait for their time, the next first; None while nobody can tell. all: whether no other can wait."""
    try:
        found = await visit.api.get(f"{visit.v1}/pushes", state="open", limit=LOOKED)
    except PushwardenError:
        return None
    waiting = [one for one in found["pushes"] if one["state"] == "scheduled"]
    waiting.sort(key=lambda one: str(one["not_before"]))
    return {"sends": waiting[:SENDS], "more": len(waiting) - SENDS, "all": not found["next"]}


async def now(visit: Visit) -> Page:
    """The verdict and the tiles alone: what changes while somebody looks."""
    return Page("overview/now.html", {"title": "Overview", **await current(visit)})


async def current(visit: Visit) -> dict[str, Any]:
    place = await visit.api.get(f"{visit.v1}/verdict")
    hour = await visit.api.get(f"{visit.v1}/series", range="1h")
    try:
        summary = await visit.api.get(f"{visit.v1}/devices/summary")
    except PushwardenError:
        summary = None
    return {"place": place, "hour": hour, "tiles": tiles(place, hour, summary)}


def steps(place: Any, effective: Any) -> list[tuple[str, bool]]:
    """What was set up and what was not, in its order; empty once there is nothing left to do."""
    found = [
        ("credential", bool(effective.credentials)),
        ("device", bool(sum(place.devices.values()))),
        ("push", bool(sum(place.accepted) or place.refused or place.accepted_at)),
    ]
    return [] if all(done for _, done in found) or found[-1][1] else found


def routes() -> tuple[PageRoute, ...]:
    base = "/apps/{app}/{env}/overview"
    return (
        page("GET", base, show, Permission.APP_READ),
        page("GET", base + "/now", now, Permission.APP_READ),
    )
