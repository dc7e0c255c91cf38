"""The devices of an app: how many, how they change, each one, and what to do while there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pushwarden.control.console.devices.asking import FACETS, Asked
from pushwarden.control.console.devices.reckoning import Reckoned, narrowed, platform, reckoned
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.reasons import known
from pushwarden.core.scope import Environment
from pushwarden.web.body import header
from pushwarden.web.call import Answer

PATIENCE_MS = 30_000
"""After which the page says what is usually wrong."""
ROWS = 25
ALERTS = "alert"
"""The kind of token every app has; other kinds are second tokens of the same phones."""
STORIES = 8
NOT_MEANT = ("not_named", "other_kind")
"""Conclusions on pushes that went to others: they say nothing of this device."""
LANGUAGES = ("swift", "kotlin", "curl")
NOTHING: dict[str, Any] = {"devices": [], "next": None, "searched": 0}


async def show(visit: Visit) -> Page:
    summary = await visit.api.get(f"{visit.v1}/devices/summary", **narrowed(ALERTS))
    if not summary.kinds:
        return await _listening(visit)
    asked, errors = Asked.of(visit.query), dict[str, str]()
    try:
        by, found = await _found(visit, asked)
    except Invalid as error:
        by, found, errors = "", NOTHING, {"q": error.detail}
    return Page(
        "devices/page.html",
        {
            "title": "Devices",
            "summary": summary,
            "told": await _told(visit, summary),
            "found": found,
            "asked": asked,
            "by": by,
            "errors": errors,
            "facets": tuple(FACETS),
            **_helpers(visit),
        },
    )


async def _told(visit: Visit, summary: Any) -> Reckoned:
    """The plot of the kind that was chosen; else of alerts, or of the only kind there is."""
    chosen = visit.query.get("churn", "")
    known_kinds = [f"{one.provider}.{one.token_kind}" for one in summary.kinds]
    shown = chosen if chosen in known_kinds else ""
    if not shown and not any(one.token_kind == ALERTS for one in summary.kinds):
        shown = known_kinds[0]
    days = (await visit.api.get(f"{visit.v1}/devices/summary", **narrowed(shown))).churn if shown else summary.churn
    return reckoned(summary, days, shown)


async def _found(visit: Visit, asked: Asked) -> tuple[str, dict[str, Any]]:
    """What the text was taken for, and what was found so. A text too short for a token is none."""
    by, found = "", NOTHING
    for by, query in asked.tries():
        try:
            found = await visit.api.get(f"{visit.v1}/devices", limit=ROWS, **query)
        except Invalid:
            if by != "token" or "after" in query:
                raise
            break
        if found["devices"]:
            break
    return by, found


def _helpers(visit: Visit) -> dict[str, Any]:
    return {
        "platform": platform,
        "why_gone": lambda reason: known(reason).title,
        "device_path": lambda name: f"{visit.base}/devices/{quote(name, safe='')}",
        "here": visit.path + (f"?{_again(visit.query)}" if visit.query else ""),
    }


def _again(query: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


async def _listening(visit: Visit) -> Page:
    return Page("devices/empty.html", {"title": "Devices", **await _waiting(visit)})


async def listen(visit: Visit) -> Page | Redirect:
    """What the empty page asks every two seconds."""
    summary = await visit.api.get(f"{visit.v1}/devices/summary", days=1)
    if not summary.kinds:
        return Page("devices/waiting.html", await _waiting(visit))
    if not visit.partial:
        return Redirect(f"{visit.base}/devices")
    return Page("devices/arrived.html", headers=((b"hx-redirect", f"{visit.base}/devices".encode()),))


async def _waiting(visit: Visit) -> dict[str, Any]:
    since = visit.query.get("since", "")
    began = int(since) if since.isdigit() and len(since) < 16 else visit.now_ms
    language = visit.query.get("lang", "swift")
    return {
        "since": began,
        "late": visit.now_ms - began >= PATIENCE_MS,
        "languages": LANGUAGES,
        "language": language if language in LANGUAGES else "swift",
        "door": _door(visit),
        "elsewhere": await _elsewhere(visit),
    }


async def _elsewhere(visit: Visit) -> list[tuple[str, int]]:
    """The other environments that do have devices: the commonest reason of all."""
    found = []
    for one in Environment:
        if one is not visit.where.environment:
            summary = await visit.api.get(f"/v1/apps/{visit.where.app}/{one}/devices/summary", days=1)
            found += [(str(one), summary.live)] if summary.live else []
    return found


def _door(visit: Visit) -> str:
    """Where this page was reached, which is where apps reach the API."""
    host = (header(visit.headers, b"host") or b"localhost").decode("latin-1")
    plain = host.split(":")[0] in ("localhost", "127.0.0.1") or host.startswith("[::1]")
    return f"{'http' if plain else 'https'}://{host}"


async def one(visit: Visit) -> Page:
    return await _device(visit)


async def _device(visit: Visit, *, tokens: bool = False) -> Page:
    name = visit.params["installation_id"]
    whole = f"{visit.v1}/devices/{name}" + ("/tokens" if tokens else "")
    found = await visit.api.get(whole)
    told = await visit.api.get(f"{visit.v1}/devices/{name}/why")
    meant = [one for one in told["stories"] if one["conclusion"] not in NOT_MEANT]
    stories = {"stories": meant[:STORIES], "others": len(told["stories"]) - len(meant)}
    context = {"name": name, "devices": found["devices"], "tokens": tokens, **stories}
    return Page("devices/device.html", {"title": "Device", **context, **_helpers(visit)})


async def reveal(visit: Visit) -> Page:
    """The whole tokens, once, on the page that asked: the API notes who did."""
    return await _device(visit, tokens=True)


async def mark(visit: Visit) -> Redirect:
    """By the button of a row, or as the toast's undo."""
    name, test = visit.params["installation_id"], (visit.query.get("test") or visit.form.text("test")) == "true"
    await visit.api.patch(f"{visit.v1}/devices/{name}", {"test": test})
    undo = f"{visit.base}/devices/{quote(name, safe='')}/test?test={'false' if test else 'true'}"
    short = name if len(name) <= 40 else name[:40] + "…"
    toast = f"{short} is a test device." if test else f"{short} is no test device any more."
    return Redirect(_back(visit), toast=toast, undo=undo)


def _back(visit: Visit) -> str:
    back, home = visit.form.text("back"), f"{visit.base}/devices"
    return back if back.startswith(home) else home


async def forget(visit: Visit) -> Redirect:
    """The installation's rows, as if the app had opted out."""
    name = visit.params["installation_id"]
    gone = await visit.api.delete(f"{visit.v1}/devices/{name}")
    if not gone["removed"]:
        raise NotFound("There is no such device here any more.")
    return Redirect(f"{visit.base}/devices", toast="The device is forgotten; it may register again.")


async def cleaning(visit: Visit) -> Page:
    """How many would go, before they go."""
    told = await visit.api.post(f"{visit.v1}/devices/clear", {"dry_run": True})
    return Page("devices/clear.html", {"title": "Clear what is gone", "count": told["cleared"]})


async def clear(visit: Visit) -> Redirect:
    told = await visit.api.post(f"{visit.v1}/devices/clear", {})
    many = "1 device is" if told["cleared"] == 1 else f"{told['cleared']} devices are"
    return Redirect(f"{visit.base}/devices", toast=f"{many} cleared away.")


async def export(visit: Visit) -> Answer:
    """All devices with their tokens, as a file that an import takes back."""
    answer = await visit.api.answer("GET", f"{visit.v1}/devices/export")
    name = f"{visit.where.app}-{visit.where.environment}-devices.ndjson"
    return replace(answer, headers=((b"content-disposition", f'attachment; filename="{name}"'.encode()),))


def routes() -> tuple[PageRoute, ...]:
    base = "/apps/{app}/{env}/devices"
    each, read, write = base + "/{installation_id}", Permission.DEVICE_READ, Permission.DEVICE_WRITE
    return (
        page("GET", base, show, read),
        page("GET", base + "/listen", listen, read),
        page("GET", base + "/export", export, write),
        page("GET", base + "/clear", cleaning, write),
        page("POST", base + "/clear", clear, write),
        page("GET", each, one, read),
        page("POST", each + "/tokens", reveal, write),
        page("POST", each + "/test", mark, write),
        page("POST", each + "/forget", forget, write),
    )
