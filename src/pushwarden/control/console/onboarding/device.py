"""Step 5: a device to send to. One that registers while the page waits, a pasted token, or the simulated phone."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pushwarden.control.console.onboarding.steps import facts_of, steps
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.send.compose import provider_of
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Invalid
from pushwarden.core.principal import Permission

SHOWN, LOOKED = 8, 50
HELP_MS = 30_000
LATELY_MS = 15 * 60_000
"""A device that registered since is most likely the one in somebody's hand."""


async def show(visit: Visit) -> Page:
    return await _drawn(visit)


async def part(visit: Visit) -> Page:
    """The list alone, asked for every two seconds."""
    return Page("onboarding/waiting.html", await _waiting(visit))


async def choose(visit: Visit) -> Redirect:
    """It becomes a test device: only those are reached while the app is on trial."""
    name = visit.form.text("device")
    await visit.api.patch(f"{visit.v1}/devices/{name}", {"test": True})
    return Redirect(f"{visit.base}/start/send?{urlencode({'device': name})}")


async def paste(visit: Visit) -> Page | Redirect:
    token = re.sub(r"\s+", "", visit.form.text("token"))
    if not token:
        return await _drawn(visit, "token_missing")
    name = f"test-{secrets.token_hex(4)}"
    device = {"provider": provider_of(token), "token": token, "test": True}
    try:
        await visit.api.put(f"{visit.v1}/devices/{name}", device)
    except Invalid as error:
        return await _drawn(visit, error.detail)
    return Redirect(f"{visit.base}/start/send?{urlencode({'device': name})}")


async def _drawn(visit: Visit, problem: str = "") -> Page:
    facts = await facts_of(visit)
    context = {
        "title": "Test device",
        "here": "device",
        "steps": steps(facts, "device"),
        "facts": facts,
        "problem": problem,
        "token": visit.form.text("token"),
        **await _waiting(visit),
    }
    return Page("onboarding/device.html", context, 422 if problem else 200)


async def _waiting(visit: Visit) -> dict[str, Any]:
    """since: when the page began to wait, so that help comes by itself."""
    since = _number(visit.query.get("since", "")) or visit.now_ms
    found = (await visit.api.get(f"{visit.v1}/devices", state="live", limit=LOOKED))["devices"]
    tests = (await visit.api.get(f"{visit.v1}/devices", state="live", test="true", limit=SHOWN))["devices"]
    names = {one["installation_id"] for one in tests}
    others = [one for one in found if one["installation_id"] not in names]
    newest = sorted(others, key=lambda one: one["registered_at"] or "", reverse=True)[:SHOWN]
    return {
        "since": since,
        "help": visit.now_ms - since >= HELP_MS,
        "tests": tests,
        "found": newest,
        "lately": sum(_ms(one["registered_at"]) > visit.now_ms - LATELY_MS for one in [*tests, *newest]),
    }


def _ms(at: str | None) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000) if at else 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def routes(start: str) -> tuple[PageRoute, ...]:
    return (
        page("GET", f"{start}/device", show, Permission.DEVICE_READ),
        page("GET", f"{start}/device/list", part, Permission.DEVICE_READ),
        page("POST", f"{start}/device", choose, Permission.DEVICE_WRITE),
        page("POST", f"{start}/device/token", paste, Permission.DEVICE_WRITE),
    )
