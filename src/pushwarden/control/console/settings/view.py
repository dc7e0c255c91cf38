"""An app's settings: its names, whether it sends, who is told, who may do what, and how it is deleted."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.settings.form import WRONG, Typed, again, clashes, drawn, typed
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Conflict, Invalid, PushwardenError, UnknownField
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.web.routes import Within


async def show(visit: Visit) -> Page:
    return await _shown(visit, drawn(await visit.api.get(_app(visit))))


async def _shown(visit: Visit, sent: Typed, status: int = 200, **more: Any) -> Page:
    may = visit.may(Permission.APP_WRITE, _whole(visit))
    callbacks = (await visit.api.get(f"{_app(visit)}/callbacks")).callbacks
    here = None
    if visit.may(Permission.PEOPLE_READ):
        here = await visit.api.get(f"{visit.v1}/people")
    context = {
        "title": "Settings", "sent": sent, "may": may, "callbacks": callbacks, "here": here, "errors": {},
        "clashes": [], "last": None, "may_delete": visit.may(Permission.APP_DELETE, _whole(visit)), **more,
    }  # fmt: skip
    return Page("settings/page.html", context, status)


async def change(visit: Visit) -> Redirect | Page:
    """Nothing typed is lost: not by a mistake in it, and not by somebody who was faster."""
    sent = typed(visit.form)
    try:
        await visit.api.patch(_app(visit), sent.body)
    except Conflict as error:
        return await _clashed(visit, sent, error.status)
    except (Invalid, UnknownField) as error:
        field = str(error.extra.get("field", "")).split(".")[0].split("[")[0]
        return await _shown(visit, sent, error.status, errors={field: WRONG.get(field, error.detail)})
    return Redirect(f"{visit.base}/settings", toast="Saved. The version before stands in History.")


async def _clashed(visit: Visit, sent: Typed, status: int) -> Page:
    app = await visit.api.get(_app(visit))
    last = (await visit.api.get(f"{_app(visit)}/versions", limit=1)).versions
    return await _shown(
        visit, again(sent, app), status, clashes=clashes(sent, app), last=last[0] if last else None, clashed=True
    )


async def goodbye(visit: Visit) -> Page:
    return await _goodbye(visit)


async def _goodbye(visit: Visit, status: int = 200, **errors: str) -> Page:
    """What goes with the app, counted."""
    app = await visit.api.get(_app(visit))
    context = {"title": "Delete the app", "app_now": app, "goes": await _goes(visit), "errors": errors,
               "typed": visit.form.text("name")}  # fmt: skip
    return Page("settings/delete.html", context, status)


async def delete(visit: Visit) -> Redirect | Page:
    app = await visit.api.get(_app(visit))
    if visit.form.text("name") != app.id:
        return await _goodbye(visit, 422, name=f"Type {app.id} to delete it; nothing was deleted.")
    version = visit.form.text("version")
    try:
        await visit.api.delete(_app(visit), version=version if version.isdigit() else 1)
    except Conflict as error:
        return await _goodbye(visit, error.status, version="The app was changed meanwhile; look at it once more.")
    toast = f"{app.name} is in the bin; nothing is sent for it any more."
    return Redirect("/bin", toast=toast, undo=f"/bin/{app.id}")


async def binned(visit: Visit) -> Page:
    """What was deleted within the week."""
    found = await visit.api.get("/v1/bin")
    return Page("settings/bin.html", {"title": "Bin", "found": found.apps})


async def put_back(visit: Visit) -> Redirect:
    app = await visit.api.post(f"/v1/bin/{visit.params['deleted']}")
    return Redirect("/bin", toast=f"{app.name} is back as it was; pushes are taken and sent again.")


async def _goes(visit: Visit) -> dict[str, int]:
    """Kind → how many, in every environment."""
    where, goes = f"/v1/apps/{visit.where.app}", {"devices": 0, "credentials": 0}
    for environment in Environment:
        try:
            goes["devices"] += (await visit.api.get(f"{where}/{environment}/devices/summary", days=1)).live
            goes["credentials"] += len((await visit.api.get(f"{where}/{environment}/credentials")).credentials)
        except PushwardenError:
            continue
    goes["callbacks"] = len((await visit.api.get(f"{where}/callbacks")).callbacks)
    versions = (await visit.api.get(f"{where}/versions", limit=1)).versions
    goes["versions"] = versions[0].number if versions else 0
    return goes


def _app(visit: Visit) -> str:
    return f"/v1/apps/{visit.where.app}"


def _whole(visit: Visit) -> Scope:
    return Scope(visit.where.organisation, visit.where.app)


def routes() -> tuple[PageRoute, ...]:
    base, write = "/apps/{app}/{env}/settings", Permission.APP_WRITE
    return (
        page("GET", base, show, Permission.APP_READ),
        page("POST", base, change, write),
        page("GET", base + "/delete", goodbye, Permission.APP_DELETE),
        page("POST", base + "/delete", delete, Permission.APP_DELETE),
        page("GET", "/bin", binned, Permission.APP_DELETE, within=Within.HANDLER),
        page("POST", "/bin/{deleted}", put_back, Permission.APP_DELETE, within=Within.HANDLER),
    )
