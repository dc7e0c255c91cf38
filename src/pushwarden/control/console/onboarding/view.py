"""From nothing to the first push that arrived: every step can be left and taken up again."""

from __future__ import annotations

from pushwarden.control.console.onboarding import device, first, live, proof
from pushwarden.control.console.onboarding.form import NewApp
from pushwarden.control.console.onboarding.steps import Facts, facts_of, next_step, steps
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import AlreadyExists, Invalid
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment

TRIED = 20
"""Ids that are tried for one name."""


async def new(visit: Visit) -> Page:
    return _drawn(NewApp())


async def check(visit: Visit) -> Page:
    """The line under the form while somebody types."""
    typed = NewApp.of(visit.form)
    return Page("onboarding/derived.html", {"typed": typed, "problems": typed.problems()})


async def create(visit: Visit) -> Page | Redirect:
    typed = NewApp.of(visit.form)
    problems = typed.problems()
    if problems:
        return _drawn(typed, problems, 422)
    for number in range(1, TRIED + 1):
        try:
            made = await visit.api.post("/v1/apps", typed.body(number))
        except AlreadyExists:
            continue
        except Invalid as error:
            return _drawn(typed, {str(error.extra.get("field", "name")): error.detail}, 422)
        return Redirect(f"/apps/{made.id}/{Environment.SANDBOX}/start/credential", toast=f"{made.name} is made.")
    return _drawn(typed, {"name": "There are many apps of this name already; give it another one."}, 409)


async def begin(visit: Visit) -> Redirect:
    """The first step that is not done."""
    left = next_step(await facts_of(visit))
    return Redirect(f"{visit.base}/start/{left}" if left else f"{visit.base}/overview")


def _drawn(typed: NewApp, problems: dict[str, str] | None = None, status: int = 200) -> Page:
    context = {"title": "A new app", "here": "app", "steps": steps(Facts(), "app"), "typed": typed}
    return Page("onboarding/new.html", {**context, "problems": problems or {}}, status)


def routes() -> tuple[PageRoute, ...]:
    start, make = "/apps/{app}/{env}/start", Permission.APP_WRITE
    return (
        page("GET", "/apps/new", new, make),
        page("POST", "/apps/new/check", check, make),
        page("POST", "/apps/new", create, make),
        page("GET", start, begin, Permission.APP_READ),
        *proof.routes(start),
        *device.routes(start),
        *first.routes(start),
        *live.routes(),
    )
