"""With what the composer opens: what the address names, over what was sent last."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

from pushwarden.control.console.credentials.kept import Shelf
from pushwarden.control.console.send.compose import Draft, from_request, repeated
from pushwarden.control.console.send.outcome import sole
from pushwarden.control.console.visit import Visit

DRAFTS: Shelf[Draft] = Shelf(8 * 3_600_000)
"""What somebody sent last in an app and environment, for the next time."""


def keep(visit: Visit, draft: Draft) -> None:
    DRAFTS.put(draft, visit.now_ms, _shelf(visit))


async def begun(visit: Visit) -> Draft:
    """NotFound when `again` names a push that is not here."""
    draft = DRAFTS.get(_shelf(visit), visit.now_ms) or Draft(title="Hello", body="This is a test.")
    asked = visit.query
    if asked.get("again"):
        story = await visit.api.get(f"{visit.v1}/pushes/{quote(asked['again'], safe='')}/story")
        return repeated(story, sole(story))
    if "payload" in asked:
        return _linked(asked["payload"], draft)
    if asked.get("device"):
        draft = replace(draft, to="device", device=asked["device"])
    if "credential" in asked:
        draft = replace(draft, credential=asked["credential"])
    return draft


def _linked(payload: str, draft: Draft) -> Draft:
    """A link holds the whole request, so that a payload can be kept among one's bookmarks."""
    try:
        read = json.loads(payload)
    except (ValueError, RecursionError):
        return draft
    return from_request(read) if isinstance(read, dict) else draft


def _shelf(visit: Visit) -> str:
    return f"{visit.visitor.csrf}{visit.base}"
