"""API keys: made and shown once, rotated with an overlap, ended."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.access.form import place, places
from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import InUse, Invalid
from pushwarden.core.principal import KeyKind, Permission
from pushwarden.web.routes import Within

HOME = "/access/keys"
OVERLAPS = ((0, "At once"), (3600, "In an hour"), (86_400, "In a day"), (604_800, "In a week"))


async def listed(visit: Visit) -> Reply:
    return await _list(visit)


async def new(visit: Visit) -> Reply:
    return await _form(visit, {})


async def make(visit: Visit) -> Reply:
    form = visit.form
    body = {
        "name": form.text("name"),
        "kind": form.text("kind"),
        "expires_in_days": int(form.text("days")) if form.text("days").isdigit() else 0,
        **place(form.text("place")),
    }
    try:
        made = await visit.api.post("/v1/keys", body)
    except Invalid as error:
        return await _form(visit, _errors(error), 422)
    return _shown(made, "")


async def rotating(visit: Visit) -> Reply:
    key = await visit.api.get(f"/v1/keys/{visit.params['key']}")
    return Page("access/rotate.html", {"title": "Rotate a key", "key": key, "overlaps": OVERLAPS})


async def rotate(visit: Visit) -> Reply:
    text = visit.form.text("overlap")
    body = {"overlap_seconds": int(text) if text.isdigit() else 86_400}
    try:
        made = await visit.api.post(f"/v1/keys/{visit.params['key']}/rotate", body)
    except (InUse, Invalid) as error:
        return await _list(visit, {"": error.detail}, error.status)
    return _shown(made, dict(OVERLAPS).get(body["overlap_seconds"], "later").lower())


async def revoke(visit: Visit) -> Reply:
    key = await visit.api.post(f"/v1/keys/{visit.params['key']}/revoke")
    return Redirect(HOME, toast=f"{key.name} has ended; no request with it is taken any more.")


def _shown(made: Any, overlap: str) -> Page:
    return Page(
        "access/key.html", {"title": "Your new key", "key": made.key, "made": made.view, "overlap": overlap}, 201
    )


async def _list(visit: Visit, errors: dict[str, str] | None = None, status: int = 200) -> Page:
    found = (await visit.api.get("/v1/keys")).keys
    usable = [one for one in found if one.revoked_at is None and one.expires_at > visit.now_ms]
    context = {
        "title": "API keys",
        "keys": usable,
        "ended": [one for one in found if one not in usable],
        "soon": visit.now_ms + 30 * 86_400_000,
        "may_write": visit.principal.ever(Permission.KEY_WRITE),
        "errors": errors or {},
    }
    return Page("access/keys.html", context, status)


async def _form(visit: Visit, errors: dict[str, str], status: int = 200) -> Page:
    typed = {name: visit.form.text(name) for name in ("name", "kind", "place", "days")}
    if not visit.form.fields:
        typed = {
            "name": "",
            "kind": visit.query.get("kind", "send"),
            "place": visit.query.get("app", ""),
            "days": "365",
        }
    context = {
        "title": "Make a key",
        "kinds": tuple(KeyKind),
        "places": await places(visit),
        "typed": typed,
        "errors": errors,
    }
    return Page("access/new_key.html", context, status)


def _errors(error: Invalid) -> dict[str, str]:
    field = str(error.extra.get("field", ""))
    if field == "name":
        return {"name": "Enter a name, so that you know later which program uses the key."}
    if field == "expires_in_days":
        return {"days": "Choose how long it works: from 1 to 366 days."}
    return {{"app": "place", "environment": "place", "installation": "place"}.get(field, field): error.detail}


def routes() -> tuple[PageRoute, ...]:
    one, read, write, mine = HOME + "/{key}", Permission.KEY_READ, Permission.KEY_WRITE, Within.HANDLER
    return (
        page("GET", HOME, listed, read, within=mine),
        page("GET", HOME + "/new", new, write, within=mine),
        page("POST", HOME, make, write, within=mine),
        page("GET", one + "/rotate", rotating, write, within=mine),
        page("POST", one + "/rotate", rotate, write, within=mine),
        page("POST", one + "/revoke", revoke, write, within=mine),
    )
