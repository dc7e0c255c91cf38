"""What was configured when and by whom, what differs, and the way back: reviewed first, then restored."""

from __future__ import annotations

from collections.abc import Sequence

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.configuration import Difference
from pushwarden.core.deeds import deed
from pushwarden.core.errors import ConfirmationNeeded, Conflict, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope

ROWS = 20


async def show(visit: Visit) -> Page:
    before = visit.query.get("before", "")
    asked = {"before": before} if before.isdigit() else {}
    found = await visit.api.get(_versions(visit), limit=ROWS, **asked)
    newest = found.versions[0].number if found.versions and not asked else 0
    return Page("history/page.html", {"title": "History", "found": found, "newest": newest, "deed": deed})


async def review(visit: Visit) -> Page:
    """What a restore would mean; for the version in effect, what it is."""
    return await _review(visit)


async def _review(visit: Visit, moved: int = 0, status: int = 200, missing: str = "") -> Page:
    """moved: the version the page was drawn for, when another came since. missing: why it was not done."""
    version = visit.params["version"]
    one = await visit.api.get(f"{_versions(visit)}/{version}")
    newest = (await visit.api.get(_versions(visit), limit=1)).versions[0]
    copied = await visit.api.get(f"{_versions(visit)}/{version}", format="yaml")
    told, may = None, visit.may(Permission.APP_WRITE, Scope(visit.where.organisation, visit.where.app))
    if may and one.number != newest.number:
        told = await visit.api.post(f"{_versions(visit)}/{version}/restore", {"version": newest.number}, dry_run=True)
    context = {
        "title": f"Version {one.number}", "one": one, "newest": newest, "told": told, "may": may, "moved": moved,
        "missing": missing, "deed": deed, "copied": copied.decode(), "compared": await _compared(visit, newest.number),
        "reason": visit.form.text("reason"),
    }  # fmt: skip
    return Page("history/review.html", context, status)


async def _compared(visit: Visit, newest: int) -> tuple[int, Sequence[Difference]] | None:
    """The version to compare with, and what differs there; None when none is asked for."""
    to = visit.query.get("to", "")
    if not (to.isascii() and to.isdigit() and len(to) < 16 and 0 < int(to) <= newest):
        return None
    way = f"{_versions(visit)}/{visit.params['version']}/diff"
    return int(to), (await visit.api.get(way, to=int(to))).differences


async def restore(visit: Visit) -> Redirect | Page:
    seen, version = visit.form.text("version"), visit.params["version"]
    confirm = ["lost"] if visit.form.ticked("lost") else []
    number = int(seen) if seen.isdigit() and 0 < len(seen) < 16 else 1
    way = f"{_versions(visit)}/{version}/restore"
    try:
        done = await visit.api.post(way, {"version": number, "confirm": confirm, "reason": visit.form.text("reason")})
    except ConfirmationNeeded as error:
        return await _review(visit, status=error.status, missing=error.detail)
    except Conflict as error:
        return await _review(visit, moved=number, status=error.status)
    if not done.differences:
        raise NotFound("Nothing differs from that version; there is nothing to restore.")
    return Redirect(
        f"{visit.base}/history", toast=f"Version {done.restored} is in effect again, as version {done.version}."
    )


def _versions(visit: Visit) -> str:
    return f"/v1/apps/{visit.where.app}/versions"


def routes() -> tuple[PageRoute, ...]:
    base = "/apps/{app}/{env}/history"
    return (
        page("GET", base, show, Permission.APP_READ),
        page("GET", base + "/{version}", review, Permission.APP_READ),
        page("POST", base + "/{version}/restore", restore, Permission.APP_WRITE),
    )
