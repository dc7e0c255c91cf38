"""Which credential sends: a review with what it means before each change, and what is deleted is named first."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.credentials.lanes import SHAPES, facts
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.app import CredentialState
from pushwarden.core.errors import ConfirmationNeeded, Conflict, NotFound, ProofNeeded, PushwardenError
from pushwarden.core.names import called
from pushwarden.core.principal import Permission


async def review(visit: Visit) -> Page:
    return await _reviewed(visit)


async def switch(visit: Visit) -> Page | Redirect:
    """What was ticked is confirmed; another version than the one that was reviewed is shown anew."""
    one = await _one(visit)
    back = one.state == CredentialState.PREVIOUS
    body = _version(visit)
    if not back:
        body["confirm"] = list(visit.form.all("confirm"))
    step = "switch-back" if back else "activate"
    try:
        await visit.api.post(f"{visit.v1}/credentials/{one.id}/{step}", body)
    except Conflict:
        return await _reviewed(visit, "conflict", 409)
    except ConfirmationNeeded:
        return await _reviewed(visit, "unconfirmed", 422)
    return Redirect(f"{visit.base}/credentials#lanes", toast=f"{called(one.provider)} pushes go by this one now.")


async def verify(visit: Visit) -> Redirect:
    one = await _one(visit)
    probe = await visit.api.post(f"{visit.v1}/credentials/{one.id}/verify", wait=0)
    where = "start/credential" if visit.form.text("back").endswith("/start/credential") else "credentials"
    return Redirect(f"{visit.base}/{where}?c={one.id}&p={probe.id}#report")


async def able(visit: Visit) -> Redirect:
    """Switched off or on. Off is grey: its pushes wait, nothing is lost."""
    one, enabled = await _one(visit), visit.form.text("enabled") == "true"
    await visit.api.patch(
        f"{visit.v1}/credentials/{one.id}", {"version": one.version, **_version(visit), "enabled": enabled}
    )
    said = "It sends again." if enabled else "It is off: its pushes wait."
    return Redirect(f"{visit.base}/credentials#lanes", toast=said)


async def leave(visit: Visit) -> Page:
    return Page("credentials/delete.html", {"title": "Delete a credential", **await _named(visit), "wrong": False})


async def delete(visit: Visit) -> Page | Redirect:
    """The app's name typed, and a fresh proof of who it is."""
    found = await _named(visit)
    app = await visit.api.get(f"/v1/apps/{visit.where.app}")
    if visit.form.text("name") not in (app.name, app.id):
        return Page("credentials/delete.html", {"title": "Delete a credential", **found, "wrong": True}, 422)
    if visit.visitor.fresh_until < visit.now_ms:
        raise ProofNeeded
    one = found["one"]
    await visit.api.delete(f"{visit.v1}/credentials/{one.id}", force=one.state == CredentialState.ACTIVE)
    return Redirect(f"{visit.base}/credentials", toast="It is deleted; its material is destroyed.")


def _version(visit: Visit) -> dict[str, Any]:
    """The one that was looked at."""
    said = visit.form.text("version")
    return {"version": int(said)} if said.isascii() and said.isdigit() and len(said) < 16 else {}


async def _reviewed(visit: Visit, problem: str = "", status: int = 200) -> Page:
    found = await _named(visit)
    one = found["one"]
    step = "switch-back" if one.state == CredentialState.PREVIOUS else "activate"
    after, refusal = None, ""
    try:
        after = await visit.api.post(f"{visit.v1}/credentials/{one.id}/{step}", {}, dry_run=True)
    except PushwardenError as error:
        refusal = error.detail
    now = next((two for two in found["kept"] if after and two.id == after.replaced), None)
    context = {
        "title": "Review the switch",
        **found,
        "after": after,
        "now": now,
        "problem": problem,
        "refusal": refusal,
    }
    return Page("credentials/review.html", context, status)


async def _named(visit: Visit) -> dict[str, Any]:
    kept = (await visit.api.get(f"{visit.v1}/credentials")).credentials
    one = next((one for one in kept if one.id == visit.params["credential"]), None)
    if one is None:
        raise NotFound("There is no such credential here any more.")
    return {"one": one, "kept": kept, "facts": facts, "shapes": SHAPES, "provider": called(one.provider)}


async def _one(visit: Visit) -> Any:
    return (await _named(visit))["one"]


def routes(base: str) -> tuple[PageRoute, ...]:
    one, read, write = base + "/{credential}", Permission.CREDENTIAL_READ, Permission.CREDENTIAL_WRITE
    return (
        page("GET", one + "/switch", review, write),
        page("POST", one + "/switch", switch, write),
        page("POST", one + "/verify", verify, write),
        page("POST", one + "/enabled", able, write),
        page("GET", one + "/delete", leave, read),
        page("POST", one + "/delete", delete, write),
    )
