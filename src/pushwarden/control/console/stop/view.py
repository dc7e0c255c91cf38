"""Stop: what it would meet first, two clicks, then what each sender confirmed. Nothing here waits for a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.places import Target, unique
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import NotFound, PushwardenError
from pushwarden.core.principal import Permission
from pushwarden.web.access import require
from pushwarden.web.routes import Within


@dataclass(frozen=True, slots=True)
class Choice:
    """One scope that may be stopped, and what a stop of it would meet."""

    target: Target
    meets: Any


async def ask(visit: Visit) -> Page:
    """The question; a part of a page when htmx or the frame's script asks."""
    return await _question(visit, Target(visit.query.get("app", ""), visit.query.get("environment", "")))


async def stop(visit: Visit) -> Page | Redirect:
    """A second press stops what is stopped: it changes nothing, and confirms once more."""
    target = Target()
    try:
        target = Target.of(visit.form.text("target"))
        made = await visit.api.post("/v1/stop", {**target.asked, "reason": visit.form.text("reason")[:500]})
    except PushwardenError as error:
        return await _question(visit, target, {"": error.detail}, error.status)
    return Redirect(f"/stop/receipt?receipt={quote(made.id)}")


async def _question(visit: Visit, target: Target, errors: dict[str, str] | None = None, status: int = 200) -> Page:
    targets = await _targets(visit, target)
    if not targets:
        require(visit.principal, Permission.STOP, target.scope(visit.visitor.organisation))
    choices = [choice for one in targets if (choice := await _choice(visit, one)) is not None]
    if not choices:
        raise NotFound("There is no such app here, or it is not yours.")
    chosen = next((one for one in choices if one.target == target), choices[0])
    context = {"title": "Stop pushes?", "chosen": chosen, "choices": choices, "errors": errors or {},
               "reason": visit.form.text("reason")}  # fmt: skip
    return Page("stop/part.html" if visit.partial else "stop/page.html", context, status)


async def _choice(visit: Visit, target: Target) -> Choice | None:
    """None for an app that is not there."""
    try:
        return Choice(target, await visit.api.get("/v1/stop/preview", **target.asked))
    except NotFound:
        return None


async def _targets(visit: Visit, target: Target) -> list[Target]:
    """Inside an app: this environment, all of the app, all apps. Elsewhere: all apps, or one of them."""
    own = visit.visitor.organisation
    if target.app:
        wanted = [target, Target(target.app), Target()]
    else:
        listed = await visit.api.get("/v1/apps")
        wanted = [Target(), *(Target(app.id) for app in listed.apps)]
    return [one for one in unique(wanted) if visit.may(Permission.STOP, one.scope(own))]


def routes() -> tuple[PageRoute, ...]:
    handler = Within.HANDLER
    return (
        page("GET", "/stop", ask, Permission.STOP, within=handler),
        page("POST", "/stop", stop, Permission.STOP, within=handler),
    )
