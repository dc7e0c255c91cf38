"""Where an app's outcomes are told: an address is added, changed, tried, given a new secret and taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pushwarden.control.console.form import Form
from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.callback import Event
from pushwarden.core.errors import Conflict, InUse, Invalid
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope

TRIES = 20


@dataclass(frozen=True, slots=True)
class Typed:
    """As the form has it. environments: none for all."""

    url: str
    events: tuple[str, ...]
    environments: tuple[str, ...]
    enabled: bool

    @property
    def body(self) -> dict[str, Any]:
        return {"url": self.url, "events": self.events, "environments": self.environments, "enabled": self.enabled}


NEW = Typed("", tuple(Event), (), enabled=True)


async def new(visit: Visit) -> Page:
    return _form(visit, NEW)


async def create(visit: Visit) -> Page:
    wanted = _typed(visit.form)
    try:
        made = await visit.api.post(_api(visit), wanted.body)
    except (Invalid, InUse) as error:
        return _form(visit, wanted, error.status, _errors(error))
    return _shown_once(made, "told")


async def show(visit: Visit) -> Page:
    return await _show(visit)


async def change(visit: Visit) -> Reply:
    """What was typed stays when it cannot be taken, or when somebody else was faster."""
    wanted, seen = _typed(visit.form), visit.form.text("version")
    version = int(seen) if seen.isdigit() and 0 < len(seen) < 16 else 1
    try:
        done = await visit.api.patch(_one(visit), {**wanted.body, "version": version})
    except Conflict as error:
        return await _show(visit, wanted, error.status, moved=True)
    except Invalid as error:
        return await _show(visit, wanted, error.status, _errors(error))
    return Redirect(_page(visit), toast=f"Saved. {done.says}")


async def give_secret(visit: Visit) -> Page:
    both = visit.form.ticked("overlap")
    made = await visit.api.post(f"{_one(visit)}/rotate", {} if both else {"overlap_seconds": 0})
    return _shown_once(made, "rotated" if both else "replaced")


async def try_it(visit: Visit) -> Reply:
    told = await visit.api.get(_one(visit))
    try:
        await visit.api.post(f"{_one(visit)}/test")
    except InUse as error:
        return await _show(visit, status=error.status, errors={"": error.detail})
    return Redirect(_page(visit), toast=f"A test is on its way to {told.url}.")


async def try_again(visit: Visit) -> Reply:
    """What was not taken, now; or given up, with skip."""
    skip = visit.form.ticked("skip")
    try:
        done = await visit.api.post(f"{_one(visit)}/{'skip' if skip else 'retry'}", {} if skip else None)
    except InUse as error:
        return await _show(visit, status=error.status, errors={"": error.detail})
    return Redirect(_page(visit), toast=f"{'Given up' if skip else 'It is tried now'}: {done.url}.")


async def delete(visit: Visit) -> Redirect:
    told = await visit.api.get(_one(visit))
    await visit.api.delete(_one(visit))
    toast = f"{told.url} is told nothing any more. The version before stands in History."
    return Redirect(f"{visit.base}/settings#callbacks", toast=toast)


async def _show(
    visit: Visit,
    sent: Typed | None = None,
    status: int = 200,
    errors: dict[str, str] | None = None,
    *,
    moved: bool = False,
) -> Page:
    """sent: what was typed, in place of what is set. moved: it was not taken, as somebody was faster."""
    one = await visit.api.get(_one(visit))
    tries = (await visit.api.get(f"{_one(visit)}/deliveries")).deliveries[:TRIES]
    typed = sent or Typed(one.url, tuple(one.events), tuple(one.environments), one.enabled)
    context = {
        "title": "Callback", "one": one, "tries": tries, "typed": typed, "errors": errors or {}, "may": _may(visit),
        "events": tuple(Event), "environments": tuple(Environment), "moved": moved,
    }  # fmt: skip
    return Page("callbacks/page.html", context, status)


def _form(visit: Visit, typed: Typed, status: int = 200, errors: dict[str, str] | None = None) -> Page:
    context = {
        "title": "Add a callback", "typed": typed, "errors": errors or {}, "may": _may(visit), "events": tuple(Event),
        "environments": tuple(Environment),
    }  # fmt: skip
    return Page("callbacks/new.html", context, status)


def _shown_once(made: Any, why: str) -> Page:
    """why: told (it is new), rotated (both sign for a day) or replaced."""
    title = "Its signing secret" if why == "told" else "Its new signing secret"
    return Page("callbacks/secret.html", {"title": title, "one": made.callback, "secret": made.secret, "why": why}, 201)


def _typed(form: Form) -> Typed:
    """Every environment chosen is all of them, those that come later too."""
    chosen = [one for one in Environment if str(one) in form.all("environment")]
    every = len(chosen) == len(Environment)
    events = tuple(str(one) for one in Event if str(one) in form.all("event"))
    return Typed(form.text("url"), events, () if every else tuple(map(str, chosen)), form.ticked("enabled"))


def _errors(error: Invalid | InUse) -> dict[str, str]:
    field = str(error.extra.get("field", "")).split("[")[0]
    if field == "events":
        return {"event": "Choose at least one thing to tell."}
    if field == "url":
        return {"url": "Enter the whole address, beginning with https://, without a space."}
    return {field: error.detail}


def _may(visit: Visit) -> bool:
    return visit.may(Permission.APP_WRITE, Scope(visit.where.organisation, visit.where.app))


def _api(visit: Visit) -> str:
    return f"/v1/apps/{visit.where.app}/callbacks"


def _one(visit: Visit) -> str:
    return f"{_api(visit)}/{visit.params['callback']}"


def _page(visit: Visit) -> str:
    return f"{visit.base}/settings/callbacks/{visit.params['callback']}"


def routes() -> tuple[PageRoute, ...]:
    base, write = "/apps/{app}/{env}/settings/callbacks", Permission.APP_WRITE
    one = base + "/{callback}"
    return (
        page("GET", base + "/new", new, write),
        page("POST", base, create, write),
        page("GET", one, show, Permission.APP_READ),
        page("POST", one, change, write),
        page("POST", one + "/secret", give_secret, write),
        page("POST", one + "/test", try_it, write),
        page("POST", one + "/retry", try_again, write),
        page("POST", one + "/delete", delete, write),
    )
