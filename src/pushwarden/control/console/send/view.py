"""The tab Send & test: compose, look, send, and see what becomes of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.send.before import Before, Seen, looked
from pushwarden.control.console.send.begun import begun, keep
from pushwarden.control.console.send.compose import KINDS, Draft, as_form, as_json, marks, provider_of, request
from pushwarden.control.console.send.elsewhere import again_there, foreign, other_of, registered_there
from pushwarden.control.console.send.outcome import Outcome, outcome_of, sole
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.app import App
from pushwarden.core.errors import Invalid, ProofNeeded, PushwardenError
from pushwarden.core.principal import Permission
from pushwarden.core.push import Source

TESTS = 20
LAST = 6


async def show(visit: Visit) -> Page:
    return await _drawn(visit, await begun(visit))


async def look(visit: Visit) -> Page:
    """The checks and the phone while somebody types."""
    draft = Draft.of(visit.form)
    return Page("send/looked.html", await _looked(visit, draft))


async def turn(visit: Visit) -> Page:
    """The form as JSON, or JSON as the form; nothing is sent."""
    draft = Draft.of(visit.form)
    if draft.mode == "json":
        draft, wrong = as_form(draft)
        return await _drawn(visit, draft, wrong)
    return await _drawn(visit, as_json(draft))


async def send(visit: Visit) -> Page | Redirect:
    draft = Draft.of(visit.form)
    body, wrong = request(draft)
    if not wrong and await registered_there(visit, body):
        wrong = {"token": "token_elsewhere"}
    if wrong:
        return await _drawn(visit, draft, wrong, 422)
    keep(visit, draft)
    try:
        body, device = await _reachable(visit, body)
        before = await looked(visit, body)
        if before.large:
            await _sure(visit)
        key = visit.form.text("once")
        answer = await visit.api.answer("POST", f"{visit.v1}/pushes", {**marks(body), **body}, key=key)
    except Invalid as error:
        name = str(error.extra.get("field", "")).split(".")[0]
        return await _drawn(visit, draft, {name: error.detail}, 422)
    except PushwardenError as error:
        if isinstance(error, ProofNeeded):
            raise
        return await _drawn(visit, draft, {"": error.detail}, error.status)
    push = json.loads(answer.body)["id"]
    return Redirect(f"{visit.base}/send?{urlencode({'push': push, 'device': device})}#outcome")


async def part(visit: Visit) -> Page:
    outcome = await outcome_of(visit, visit.query.get("push", ""), visit.query.get("device", ""))
    return Page("send/result.html", _result(visit, outcome))


async def helped(visit: Visit) -> Page:
    """It did not show: what is known of it, and the questions that tell the rest."""
    push, device = visit.query.get("push", ""), visit.query.get("device", "")
    outcome = await outcome_of(visit, push, device)
    context = {"title": "It did not show", "outcome": outcome, "device": device}
    return Page("send/help.html", context)


async def _reachable(visit: Visit, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The push, and the installation it goes to. On trial a token becomes a test device first."""
    to = body.get("to") if isinstance(body.get("to"), dict) else {}
    assert isinstance(to, dict)
    if not await _becomes(visit, to):
        return dict(body), str(to.get("device", ""))
    name, token = f"test-{secrets.token_hex(4)}", str(to["tokens"][0])
    device = {"provider": to.get("provider") or provider_of(token), "token": token, "test": True}
    await visit.api.put(f"{visit.v1}/devices/{name}", device)
    return {**body, "to": {"device": name}}, name


async def _becomes(visit: Visit, to: Any) -> bool:
    """Whether a token becomes a test device first, because the app is on trial here."""
    if not isinstance(to, dict) or not to.get("tokens"):
        return False
    app: App = await visit.api.get(f"/v1/apps/{visit.where.app}")
    return app.tries(visit.where.environment)


async def _sure(visit: Visit) -> None:
    """More than a test: the app's name is typed, and who sends it proves to be the one."""
    app = await visit.api.get(f"/v1/apps/{visit.where.app}")
    if visit.form.text("name") not in (app.name, app.id):
        raise Invalid(f"Type the app's name, {app.name}: this push goes to more than 10,000 devices.", field="name")
    if visit.visitor.fresh_until < visit.now_ms:
        raise ProofNeeded


async def _drawn(visit: Visit, draft: Draft, wrong: Mapping[str, str] | None = None, status: int = 200) -> Page:
    devices = (await visit.api.get(f"{visit.v1}/devices", test="true", state="live", limit=TESTS))["devices"]
    draft = draft if draft.device or not devices else replace(draft, device=devices[0]["installation_id"])
    tests = (await visit.api.get(f"{visit.v1}/pushes", source=str(Source.TEST), limit=LAST + 1))["pushes"]
    push = "" if visit.form.fields else visit.query.get("push", "")
    outcome = await outcome_of(visit, push, visit.query.get("device", "")) if push else None
    context = {
        "title": "Send & test",
        "kinds": KINDS,
        "devices": devices,
        "foreign": await foreign(visit, devices),
        "last": [one for one in tests if one["id"] != push][:LAST],
        "wrong": dict(wrong or {}),
        "once": secrets.token_hex(12),
        **await _looked(visit, draft),
        **_result(visit, outcome),
    }
    return Page("send/page.html", context, status)


async def _looked(visit: Visit, draft: Draft) -> dict[str, Any]:
    body, wrong = request(draft)
    before = Before((), None)
    if not wrong and await _becomes(visit, body.get("to")):
        before = Before([Seen("becomes", "ok")], 1)
    elif not wrong:
        before = await looked(visit, body)
    if not wrong and (there := await registered_there(visit, body)):
        before = replace(before, seen=[Seen("elsewhere", "bad", {"name": there}), *before.seen])
    shown = json.dumps(body, ensure_ascii=False)
    return {
        "draft": draft,
        "before": before,
        "body": body,
        "shown": shown,
        "provider": _provider(body),
        "other": other_of(visit) or "",
    }


def _provider(body: Mapping[str, Any]) -> str:
    to = body.get("to")
    return str(to.get("provider", "")) if isinstance(to, dict) else ""


def _result(visit: Visit, outcome: Outcome | None) -> dict[str, Any]:
    device = visit.query.get("device", "")
    query = urlencode({"push": visit.query.get("push", ""), "device": device})
    return {
        "outcome": outcome,
        "part": f"{visit.base}/send/outcome?{query}",
        "device": device or (sole(outcome.push) if outcome else ""),
        "other": other_of(visit) or "",
    }


def routes() -> tuple[PageRoute, ...]:
    base, test = "/apps/{app}/{env}/send", Permission.PUSH_TEST
    return (
        page("GET", base, show, Permission.PUSH_READ),
        page("POST", base, send, test),
        page("POST", base + "/look", look, test),
        page("POST", base + "/turn", turn, test),
        page("GET", base + "/outcome", part, Permission.PUSH_READ),
        page("POST", base + "/elsewhere", again_there, Permission.DEVICE_WRITE),
        page("GET", base + "/help", helped, Permission.PUSH_READ),
    )
