"""Certificate requests: made here, taken to Apple, answered with the .cer."""

from __future__ import annotations

from pushwarden.control.console.credentials.report import shown
from pushwarden.control.console.credentials.upload import Refused, take
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.principal import Permission
from pushwarden.web.call import Answer


async def create(visit: Visit) -> Redirect:
    renews = visit.form.text("renews")
    made = await visit.api.post(f"{visit.v1}/credentials/requests", {"renews": renews} if renews else {})
    return Redirect(f"{visit.base}/credentials/requests/{made.request.id}")


async def show(visit: Visit) -> Page:
    return await _drawn(visit)


async def download(visit: Visit) -> Answer:
    return await visit.api.answer(
        "GET", f"{visit.v1}/credentials/requests/{visit.params['request']}.certSigningRequest"
    )


async def answer(visit: Visit) -> Page | Redirect:
    found = await take(visit)
    if isinstance(found, Refused):
        return await _drawn(visit, found)
    return Redirect(f"{visit.base}/credentials?c={found.credential}&p={found.probe}#report")


async def delete(visit: Visit) -> Redirect:
    await visit.api.delete(f"{visit.v1}/credentials/requests/{visit.params['request']}")
    return Redirect(f"{visit.base}/credentials", toast="The request and its key are destroyed.")


async def _drawn(visit: Visit, refused: Refused | None = None) -> Page:
    told = await visit.api.get(f"{visit.v1}/credentials/requests/{visit.params['request']}")
    context = {"title": "Certificate request", "told": told, "refused": shown(refused) if refused else None}
    return Page("credentials/request.html", context, 422 if refused else 200)


def routes(base: str) -> tuple[PageRoute, ...]:
    every, write = base + "/requests", Permission.CREDENTIAL_WRITE
    one = every + "/{request}"
    return (
        page("POST", every, create, write),
        page("GET", one, show, Permission.CREDENTIAL_READ),
        page("GET", one + "/file", download, Permission.CREDENTIAL_READ),
        page("POST", one, answer, write),
        page("POST", one + "/delete", delete, write),
    )
