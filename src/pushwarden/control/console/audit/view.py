"""Who did what, refused attempts too: searched as people type, counted by day, exported as found, and verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from pushwarden.control.audit_search import NAMES, Search, parsed, quoted
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.plots.sparks import heat
from pushwarden.control.console.visit import Page, Visit
from pushwarden.core.audit import DONE
from pushwarden.core.deeds import VALUES, deed, field_name
from pushwarden.core.errors import Forbidden, Invalid
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.core.words import count
from pushwarden.web.call import Answer
from pushwarden.web.routes import Within

ROWS = 30
WEEKS = 13
"""Shown in the plot of days."""
FORMATS = ("csv", "jsonl")
NOTHING = "nothing"
BRIEF = 3
DULL = frozenset(
    {"version", "events", "created_at", "created_by", "activated_at", "previous", "previous_until", "revision",
     "organisation", "id", "facts", "fingerprint", "health", "expires_at", "not_after", "next", "last_used_at",
     "request", "rotated_from", "deleted_at", "credential", "environment", "provider", "slot", "public_key", "pem",
     "reason", "title", "text"}
)  # fmt: skip
"""What stands with all the rest, one click away."""
LARGEST = 10**10
"""What is larger is a time."""
USUAL = frozenset({"yes", "no", "0", NOTHING})
"""What is not worth a word of something new."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A term of the search, and the search without it."""

    typed: str
    rest: str


@dataclass(frozen=True, slots=True)
class Change:
    """name: in words. was, will: so too; empty where that side says nothing of it."""

    name: str
    was: str
    will: str


@dataclass(frozen=True, slots=True)
class Day:
    day: str
    entries: int
    refused: int


async def show(visit: Visit) -> Page:
    typed, errors, found, status = visit.query.get("q", "").strip(), dict[str, str](), None, 200
    try:
        search = parsed(typed, visit.now_ms)
        before = visit.query.get("before", "")
        asked = {"before": before} if before.isdigit() and len(before) < 16 else {}
        found = await visit.api.get("/v1/audit", q=typed, limit=ROWS, **asked)
    except (Invalid, Forbidden) as error:
        search, errors, status = Search(), {"q": error.detail}, error.status
    facets = await visit.api.get("/v1/audit/facets")
    verdict = await visit.api.get("/v1/audit/verify") if "verify" in visit.query and facets.whole else None
    days = _days(facets.days, visit.now_ms)
    context = {
        "title": "Audit", "q": typed, "errors": errors, "found": found, "facets": facets, "verdict": verdict,
        "chips": [Chip(term.typed, search.without(term)) for term in search.terms],
        "days": days, "heat": heat([day.entries for day in days]), "names": NAMES,
        "rows": [_row(one) for one in found.entries] if found else [], "older": "before" in visit.query,
        "with_": lambda name, value: _with(search, name, value), "deed": deed, "scope_of": Scope.parse,
        "rows_most": ROWS, "places": _places(visit), "refused": _everywhere(visit, Permission.AUDIT_EXPORT),
        "export": visit.principal.about(Permission.AUDIT_EXPORT, visit.where),
    }  # fmt: skip
    return Page("audit/page.html", context, status)


def _places(visit: Visit) -> list[Scope]:
    """Where the audit is this person's to read; empty for the whole organisation."""
    if visit.may(Permission.AUDIT_READ):
        return []
    return sorted(
        {one.scope for one in visit.principal.grants if Permission.AUDIT_READ in one.permissions},
        key=lambda one: one.key,
    )


def _everywhere(visit: Visit, permission: Permission) -> bool:
    return all(visit.may(permission, place) for place in _places(visit) or [visit.where])


async def export(visit: Visit) -> Answer:
    """What the search finds, all of it, as a file."""
    form = visit.query.get("format", "csv")
    answer = await visit.api.answer(
        "GET", "/v1/audit/export", query={"q": visit.query.get("q", ""), "format": form if form in FORMATS else "csv"}
    )
    name = f"audit-{visit.visitor.organisation}.{form if form in FORMATS else 'csv'}"
    return replace(answer, headers=((b"content-disposition", f'attachment; filename="{name}"'.encode()),))


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """changes: only what differs between before and after; brief: the first of them that tell something."""
    where, was, will = Scope.parse(entry["scope"]), entry["before"] or {}, entry["after"] or {}
    names = [name for name in {**was, **will} if was.get(name) != will.get(name)]
    changes = [Change(field_name(name), _said(was, name), _said(will, name)) for name in names]
    by = entry["actor_name"] or "Nobody signed in"
    telling = [one for name, one in zip(names, changes, strict=True) if name not in DULL and _tells(one, was, will)]
    refused = entry["outcome"] != DONE
    return {**entry, "where": where, "changes": changes, "brief": telling[:BRIEF], "by": by, "refused": refused}


def _tells(one: Change, was: Mapping[str, Any], will: Mapping[str, Any]) -> bool:
    """Whether it is read at a glance: of something new what is particular, else what both sides speak of."""
    if not was or not will:
        return (one.was or one.will) not in USUAL
    return bool(one.will)


def _said(side: Mapping[str, Any], name: str) -> str:
    if name not in side:
        return ""
    value = side[name]
    match value:
        case None | "" | [] | {}:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int() if value < LARGEST:
            return count(value)
        case list():
            return ", ".join(str(one) for one in value)
        case dict():
            return ", ".join(f"{key} {one}" for key, one in value.items())
        case _:
            return VALUES.get(str(value), str(value))


def _days(counts: Any, now_ms: int) -> list[Day]:
    """The last weeks, those without an entry too."""
    known = {one.value: one for one in counts}
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    dates = [(today - timedelta(days=back)).isoformat() for back in range(7 * WEEKS - 1, -1, -1)]
    return [Day(date, known[date].entries, known[date].refused) if date in known else Day(date, 0, 0) for date in dates]


def _with(search: Search, name: str, value: str) -> str:
    """The address of the search with this qualifier in place of another of its name."""
    kept = [term.typed for term in search.terms if term.name != name]
    return "/audit?q=" + quote(" ".join([*kept, f"{name}:{quoted(value)}"]), safe="")


def routes() -> tuple[PageRoute, ...]:
    return (
        page("GET", "/audit", show, Permission.AUDIT_READ, within=Within.AROUND),
        page("GET", "/audit/export", export, Permission.AUDIT_EXPORT, within=Within.AROUND),
    )
