"""Receipts: what a stop has proven, while it stands and afterwards, what was sent around it, and the signed file."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.places import Target, named
from pushwarden.control.console.plots import Around, Figure, Span, around
from pushwarden.control.console.visit import Page, Visit
from pushwarden.control.console.zone import zone_of
from pushwarden.core.errors import Busy, NotFound, StoreFull
from pushwarden.core.principal import Permission
from pushwarden.web.call import Answer
from pushwarden.web.routes import Within

LIVE_MS = 90_000
"""So long after a stop its page goes on looking: held pushes are counted, the plot fills."""
FRESH_MS = 1500
"""Until then the page shows what is in memory: a receipt waits for no database."""
STEPS = {"written": 120, "accepted": 61}
WORDS = {"written": "Requests written", "accepted": "Accepted"}


async def show(visit: Visit) -> Page:
    """Of a receipt named by its id; else of what is stopped at the target now; else those there are."""
    asked = visit.query.get("receipt", "")
    if asked:
        return await _page(visit, await visit.api.get(_one(asked)))
    target = Target.of(visit.query.get("target", "/"))
    listed = await visit.api.get("/v1/stop")
    found = next((one for one in listed.stops if target.same(one)), None)
    if found is None:
        return Page("stop/receipts.html", {"title": "Receipts", "past": await _past(visit)})
    if found.receipt is None:
        return Page("stop/receipt.html", _context(found))
    return await _page(visit, await visit.api.get(_one(found.receipt.id)))


async def file(visit: Visit) -> Answer:
    """Byte for byte what the API gives."""
    return await visit.api.answer("GET", f"{_one(visit.query.get('receipt', ''))}/signed")


async def _page(visit: Visit, found: Any) -> Page:
    context = _context(found)
    age = visit.now_ms - int(datetime.fromisoformat(found.since).timestamp() * 1000)
    live = not context["lifted"] and age < LIVE_MS
    pace = await _pace(visit, found, {"by": "second"} if age < FRESH_MS else {})
    return Page("stop/receipt.html", {**context, "live": live, "pace": pace})


def _context(found: Any) -> dict[str, Any]:
    lifted = getattr(found, "resumed_at", None)
    return {"title": "Receipt", "target": named(found), "found": found, "lifted": lifted, "live": False, "pace": None}


async def _pace(visit: Visit, found: Any, asked: dict[str, str]) -> Figure | None:
    """None while nobody can say, and where nothing was sent."""
    try:
        told = await visit.api.get(f"{_one(found.id)}/pace", **asked)
    except (Busy, StoreFull, NotFound):
        return None
    span = Span(told.since_ms, told.since_ms + STEPS[told.counts] * told.step_ms, told.step_ms)
    figure = around("pace", Around(span, told.values, told.cut_ms, WORDS[told.counts]), zone_of(visit.headers))
    return None if figure.empty else figure


async def _past(visit: Visit) -> list[Any] | None:
    try:
        return list((await visit.api.get("/v1/receipts")).receipts)
    except (Busy, StoreFull):
        return None


def _one(receipt: str) -> str:
    return f"/v1/receipts/{quote(receipt, safe='') or '-'}"


def routes() -> tuple[PageRoute, ...]:
    read, handler = Permission.STOP_READ, Within.HANDLER
    return (
        page("GET", "/stop/receipt", show, read, within=handler),
        page("GET", "/stop/receipt/signed", file, read, within=handler),
    )
