"""Steps 6 and 7: the first push, its outcome as it happens, and whether somebody saw it."""

from __future__ import annotations

from urllib.parse import urlencode

from pushwarden.control.console.onboarding.steps import facts_of, steps
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.send.outcome import outcome_of
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import NotFound, PushwardenError
from pushwarden.core.principal import Permission


async def show(visit: Visit) -> Page | Redirect:
    device = visit.query.get("device", "") or await _any(visit)
    if not device:
        return Redirect(f"{visit.base}/start/device")
    return await _drawn(visit, device, visit.query.get("push", ""))


async def part(visit: Visit) -> Page:
    return Page("send/live.html", await _outcome(visit, visit.query.get("device", ""), visit.query["push"]))


async def send(visit: Visit) -> Page | Redirect:
    device, form = visit.form.text("device"), visit.form
    body = {
        "to": {"device": device},
        "title": form.text("title"),
        "body": form.text("body"),
        "sound": "default",
        "confirm": True,
        "test": True,
    }
    try:
        push = await visit.api.post(f"{visit.v1}/pushes", body)
    except PushwardenError as error:
        return await _drawn(visit, device, "", error.detail)
    return Redirect(f"{visit.base}/start/send?{urlencode({'device': device, 'push': push['id']})}")


async def _any(visit: Visit) -> str:
    found = await visit.api.get(f"{visit.v1}/devices", test="true", state="live", limit=1)
    return str(found["devices"][0]["installation_id"]) if found["devices"] else ""


async def _drawn(visit: Visit, device: str, push: str, problem: str = "") -> Page:
    context = {
        "title": "First push",
        "here": "send",
        "steps": steps(await facts_of(visit), "send"),
        "device": device,
        "problem": problem,
        "typed": {name: visit.form.text(name) for name in ("title", "body")} if problem else None,
        **(await _outcome(visit, device, push) if push else {"outcome": None, "part": ""}),
    }
    return Page("onboarding/send.html", context, 422 if problem else 200)


async def _outcome(visit: Visit, device: str, push: str) -> dict[str, object]:
    if not push:
        raise NotFound
    part = f"{visit.base}/start/outcome?{urlencode({'device': device, 'push': push})}"
    return {"outcome": await outcome_of(visit, push, device), "part": part, "device": device}


def routes(start: str) -> tuple[PageRoute, ...]:
    return (
        page("GET", f"{start}/send", show, Permission.PUSH_READ),
        page("GET", f"{start}/outcome", part, Permission.PUSH_READ),
        page("POST", f"{start}/send", send, Permission.PUSH_TEST),
    )
