"""Resume: what becomes of what is held, in steps or at once, and the name typed: friction grows with the risk."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.places import Target, named
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Busy, ProofNeeded, PushwardenError, StoreFull
from pushwarden.core.principal import Permission
from pushwarden.web.access import require
from pushwarden.web.routes import Within

HELD = ("keep", "release", "discard")
MINUTES = ("5", "10", "30", "60")
SEVERAL = "all apps"
"""What is typed where no single app is meant."""


async def ask(visit: Visit) -> Page | Redirect:
    """One stop is resumed at a time; several are listed to choose from."""
    listed = await visit.api.get("/v1/stop")
    word = visit.query.get("target", "")
    if not word and len(listed.stops) != 1:
        return Page("resume/choose.html", {"title": "Resume", "listed": listed.stops})
    target = Target.of(word) if word else named(listed.stops[0])
    return await _page(visit, target, listed.stops)


async def resume(visit: Visit) -> Page | Redirect:
    form, target = visit.form, Target.of(visit.form.text("target"))
    require(visit.principal, Permission.RESUME, target.scope(visit.visitor.organisation))
    listed = (await visit.api.get("/v1/stop")).stops
    found = next((one for one in listed if target.same(one)), None)
    errors = _wrong(visit, target, found)
    if errors:
        return await _page(visit, target, listed, errors, 422)
    steps = {"minutes": float(form.text("minutes", "10"))} if form.text("how") == "ramp" else None
    try:
        done = await visit.api.post(
            "/v1/resume",
            {**target.asked, "held": form.text("held", "keep"), "reason": form.text("reason")[:500], "ramp": steps},
        )
    except ProofNeeded:
        raise
    except PushwardenError as error:
        return await _page(visit, target, listed, {"": error.detail}, error.status)
    return Redirect(_back(target), toast=said(done))


async def skip(visit: Visit) -> Redirect:
    done = await visit.api.post(f"/v1/ramps/{visit.params['ramp']}/skip")
    target = named(done)
    return Redirect(_back(target), toast="Sending goes on to everybody.")


def said(done: Any) -> str:
    """What was done, in one sentence."""
    if done.still:
        return "Resumed, and still covered by a wider stop: nothing is sent."
    return f"Resumed: {done.ramp.says} first." if done.ramp else "Resumed: sending goes on to everybody."


def _wrong(visit: Visit, target: Target, found: Any) -> dict[str, str]:
    """Field → what is wrong with what was typed. Two may resume at once: the second is told."""
    form, errors = visit.form, dict[str, str]()
    if found is None:
        errors[""] = "It is not stopped any more: somebody resumed it while this page was open. Nothing was changed."
        return errors
    if found.since != form.text("since"):
        errors[""] = "It was stopped again while this page was open. Look at the new numbers, then resume once more."
    if form.text("held", "keep") not in HELD:
        errors["held"] = "Choose what becomes of what is held."
    if form.text("how") not in ("ramp", "all"):
        errors["how"] = "Choose whether to begin small or to send to everybody at once."
    if form.text("minutes", "10") not in MINUTES:
        errors["minutes"] = "Choose how long each step lasts."
    if form.text("name").casefold() != (target.app or SEVERAL).casefold():
        errors["name"] = f"Type {target.app or SEVERAL}, so that it is surely meant."
    return errors


async def _page(
    visit: Visit, target: Target, listed: list[Any], errors: dict[str, str] | None = None, status: int = 200
) -> Page:
    found = next((one for one in listed if target.same(one)), None)
    form, held = visit.form, await _held(visit, target)
    typed = {name: form.text(name, default) for name, default in
             (("held", "keep"), ("how", "ramp"), ("minutes", "10"), ("name", ""), ("reason", ""))}  # fmt: skip
    context = {
        "title": "Resume", "target": target, "found": found, "held": held, "typed": typed, "errors": errors or {},
        "minutes": MINUTES, "phrase": target.app or SEVERAL,
        "may_resume": visit.may(Permission.RESUME, target.scope(visit.visitor.organisation)),
    }  # fmt: skip
    return Page("resume/page.html", context, status)


async def _held(visit: Visit, target: Target) -> Any:
    """None while the journal is locked: the page says what is not known."""
    try:
        return await visit.api.get("/v1/stop/held", **target.asked)
    except (Busy, StoreFull):
        return None


def _back(target: Target) -> str:
    return f"/apps/{quote(target.app)}/{target.environment or 'production'}/overview" if target.app else "/apps"


def routes() -> tuple[PageRoute, ...]:
    handler = Within.HANDLER
    return (
        page("GET", "/resume", ask, Permission.STOP_READ, within=handler),
        page("POST", "/resume", resume, Permission.RESUME, within=handler),
        page("POST", "/ramps/{ramp}/skip", skip, Permission.RESUME, within=handler),
    )
