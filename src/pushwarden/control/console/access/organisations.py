"""Organisations: what they are called, and new ones. Both are the installation's own people's to say."""

from __future__ import annotations

from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import AlreadyExists, Conflict, Invalid
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.web.routes import Within

HOME = "/access/organisations"


async def listed(visit: Visit) -> Reply:
    return await _page(visit, {})


async def make(visit: Visit) -> Reply:
    body = {"id": visit.form.text("id"), "name": visit.form.text("name")}
    try:
        made = await visit.api.post("/v1/organisations", body)
    except (Invalid, AlreadyExists) as error:
        return await _page(visit, _errors(error), error.status)
    return Redirect(HOME, toast=f"{made.name} is there; choose it in your account to see its pages.")


async def rename(visit: Visit) -> Reply:
    """A name nobody changed meanwhile."""
    form = visit.form
    version = form.text("version")
    body = {"version": int(version) if version.isdigit() else 0, "name": form.text("to")}
    try:
        done = await visit.api.patch(f"/v1/organisations/{form.text('organisation')}", body)
    except Conflict:
        said = "Somebody changed this a moment ago; look at it again."
        return await _page(visit, {f"to-{form.text('organisation')}": said}, 409)
    except Invalid:
        said = "Enter a name of one line, at most 200 characters."
        return await _page(visit, {f"to-{form.text('organisation')}": said}, 422)
    return Redirect(HOME, toast=f"It is called {done.name} from now on.")


async def _page(visit: Visit, errors: dict[str, str], status: int = 200) -> Page:
    context = {
        "title": "Organisations",
        "found": (await visit.api.get("/v1/organisations")).organisations,
        "everything": Scope(),
        "may_write": visit.may(Permission.ORGANISATION_WRITE, Scope()),
        "typed": {name: visit.form.text(name) for name in ("id", "name", "organisation", "to")},
        "errors": errors,
    }
    return Page("access/organisations.html", context, status)


def _errors(error: Invalid | AlreadyExists) -> dict[str, str]:
    if isinstance(error, AlreadyExists):
        return {"id": "There is an organisation with this id already; choose another."}
    if error.extra.get("field") == "name":
        return {"name": "Enter what people call it."}
    return {"id": "Use small letters, digits, dots and hyphens: acme-europe."}


def routes() -> tuple[PageRoute, ...]:
    write, everywhere = Permission.ORGANISATION_WRITE, Within.INSTALLATION
    return (
        page("GET", HOME, listed, Permission.APP_READ, within=Within.HANDLER),
        page("POST", HOME, make, write, within=everywhere),
        page("POST", HOME + "/name", rename, write, within=everywhere),
    )
