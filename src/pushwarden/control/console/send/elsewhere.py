"""Production and Sandbox taken for each other: seen before a push leaves, and mended after Apple refused it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from pushwarden.control.console.send.compose import marks, repeated, request
from pushwarden.control.console.send.outcome import Account, sole
from pushwarden.control.console.visit import Redirect, Visit
from pushwarden.core.errors import Invalid, NotFound, PushwardenError
from pushwarden.core.scope import Environment

OTHER = {Environment.SANDBOX: Environment.PRODUCTION, Environment.PRODUCTION: Environment.SANDBOX}
SHOWN = 3
Row = Mapping[str, Any]


def other_of(visit: Visit) -> Environment | None:
    return OTHER.get(visit.where.environment) if visit.where.environment else None


async def foreign(visit: Visit, here: Sequence[Row]) -> list[Row]:
    """Test devices of the other environment that are not here: a push from here would not reach them."""
    known = {one["installation_id"] for one in here}
    found = await _devices(visit, test="true", state="live", limit=SHOWN + len(known))
    return [one for one in found if one["installation_id"] not in known][:SHOWN]


async def registered_there(visit: Visit, body: Mapping[str, Any]) -> str:
    """The installation of Apple's other environment whose token this push names; empty when it is none."""
    to = body.get("to")
    if not isinstance(to, dict) or to.get("provider") != "apns" or not to.get("tokens"):
        return ""
    token = str(to["tokens"][0])
    if not (there := await _devices(visit, token=token, limit=1)):
        return ""
    here = (await visit.api.get(f"{visit.v1}/devices", token=token, limit=1))["devices"]
    return "" if here else str(there[0]["installation_id"])


async def again_there(visit: Visit) -> Redirect:
    """The same push to the same token in the other environment, of whose builds the token is."""
    other = other_of(visit)
    if other is None:
        raise NotFound
    push = visit.form.text("push")
    story = await visit.api.get(f"{visit.v1}/pushes/{push}/story")
    there = f"/v1/apps/{visit.where.app}/{other}"
    name = await _moved(visit, story, there)
    body, wrong = request(repeated(story, name))
    if wrong:
        raise Invalid("This push cannot be repeated; compose it anew.")
    sent = await visit.api.post(f"{there}/pushes", {**marks(body), **body})
    return Redirect(f"/apps/{visit.where.app}/{other}/send?push={sent['id']}&device={name}#outcome")


async def _moved(visit: Visit, story: Account, there: str) -> str:
    """The installation as which its token is a test device there now."""
    if name := sole(story):
        rows = (await visit.api.get(f"{visit.v1}/devices/{name}/tokens"))["devices"]
    else:
        name = f"test-{secrets.token_hex(4)}"
        rows = [{"provider": "apns", "token": one["token"], "token_kind": ""} for one in story["failures"][:1]]
    if not rows:
        raise NotFound("The token of this push is not kept any more; paste it once more.")
    for row in rows:
        await visit.api.put(
            f"{there}/devices/{name}",
            {"provider": row["provider"], "token": row["token"], "token_kind": row["token_kind"], "test": True},
        )
    return name


async def _devices(visit: Visit, **query: object) -> list[Row]:
    """Of the other environment; none where there is none, or it is not this person's to see."""
    other = other_of(visit)
    if other is None:
        return []
    try:
        found: list[Row] = (await visit.api.get(f"/v1/apps/{visit.where.app}/{other}/devices", **query))["devices"]
    except PushwardenError:
        return []
    return found
