"""The tab Credentials: what proves us to Apple and Google, until when, and what could take its place."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.credentials import asking, switching
from pushwarden.control.console.credentials.lanes import SHAPES, Lane, facts, lanes, verdict
from pushwarden.control.console.credentials.report import Report, report_of, shown
from pushwarden.control.console.credentials.since import switched
from pushwarden.control.console.credentials.upload import OTHER, Refused, take
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.plots import Validity, expiry
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.control.console.zone import zone_of
from pushwarden.core.names import called
from pushwarden.core.principal import Permission

KINDS = {"apns_token": "key", "apns_certificate": "certificate", "fcm_service_account": "service account key"}


async def show(visit: Visit) -> Page:
    return await drawn(visit)


async def upload(visit: Visit) -> Page | Redirect:
    found = await take(visit)
    if isinstance(found, Refused):
        return await drawn(visit, found)
    return Redirect(f"{visit.base}/credentials?c={found.credential}&p={found.probe}#report")


async def drawn(visit: Visit, refused: Refused | None = None) -> Page:
    app = await visit.api.get(f"/v1/apps/{visit.where.app}")
    kept = await _kept(visit)
    found = lanes(app, kept)
    report = await _report(visit, kept)
    requests = (await visit.api.get(f"{visit.v1}/credentials/requests")).requests
    context = {
        "title": "Credentials",
        "lanes": found,
        "verdict": verdict(found),
        "shapes": SHAPES,
        "facts": facts,
        "kinds": KINDS,
        "line": expiry("expiry", _validities(found), visit.now_ms, zone_of(visit.headers)),
        "report": report,
        "switched": await switched(visit, found),
        "provider": called(report.credential.provider) if report else "",
        "requests": [one for one in requests if one.state != "answered"],
        "refused": shown(refused) if refused else None,
        "both": visit.form.ticked("both"),
        "other": OTHER.get(visit.where.environment, "") if visit.where.environment else "",
    }
    return Page("credentials/page.html", context, 422 if refused else 200)


async def _kept(visit: Visit) -> list[Any]:
    found: list[Any] = (await visit.api.get(f"{visit.v1}/credentials")).credentials
    return found


async def _report(visit: Visit, kept: list[Any]) -> Report | None:
    one = next((one for one in kept if one.id == visit.query.get("c")), None)
    return await report_of(visit, one, visit.query.get("p", "")) if one else None


def _validities(found: list[Lane]) -> list[Validity]:
    return [
        Validity(
            lane.name, word, int(one.facts.get("not_after") or 0), f"{KINDS[one.kind].capitalize()}, does not expire"
        )
        for lane in found
        for word, one in (
            ("active", lane.active),
            *((one.slot, one) for one in lane.special),
            ("standby", lane.standby),
        )
        if one is not None
    ]


def routes() -> tuple[PageRoute, ...]:
    base, read, write = "/apps/{app}/{env}/credentials", Permission.CREDENTIAL_READ, Permission.CREDENTIAL_WRITE
    return (
        page("GET", base, show, read),
        page("POST", base, upload, write),
        *switching.routes(base),
        *asking.routes(base),
    )
