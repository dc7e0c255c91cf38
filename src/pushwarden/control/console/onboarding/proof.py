"""Steps 3 and 4: a credential goes in and is proven; or the simulators' own, made at once."""

from __future__ import annotations

import contextlib
from typing import Any

from pushwarden.control.console.credentials.report import Report, report_of, shown
from pushwarden.control.console.credentials.upload import OTHER, Refused, take
from pushwarden.control.console.onboarding.steps import facts_of, steps
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.app import CredentialState
from pushwarden.core.errors import ConfirmationNeeded, InUse, NotFound, PushwardenError
from pushwarden.core.names import called
from pushwarden.core.principal import Permission

PROVIDERS = {"apns": "bundle_id", "fcm": "android_package"}


async def show(visit: Visit) -> Page:
    return await _drawn(visit, await _report(visit))


async def part(visit: Visit) -> Page:
    """The report alone, while the proof runs."""
    report = await _report(visit)
    if report is None:
        raise NotFound
    return Page("onboarding/reported.html", {"report": report, "provider": called(report.credential.provider)})


async def upload(visit: Visit) -> Page | Redirect:
    found = await take(visit)
    if isinstance(found, Refused):
        return await _drawn(visit, None, found)
    return Redirect(f"{visit.base}/start/credential?c={found.credential}&p={found.probe}")


async def use(visit: Visit) -> Redirect:
    """The credential sends from now on. What would take something from devices is looked at on its own page first."""
    credential = visit.form.text("credential")
    one = await _kept(visit, credential)
    if one.state == CredentialState.STANDBY:
        try:
            await visit.api.post(
                f"{visit.v1}/credentials/{credential}/activate", {"confirm": list(visit.form.all("confirm"))}
            )
        except ConfirmationNeeded:
            return Redirect(f"{visit.base}/credentials/{credential}/switch")
        await _elsewhere(visit, one)
    return Redirect(f"{visit.base}/start/device")


async def simulated(visit: Visit) -> Redirect:
    """Credentials for what the app has names for, and a phone at the first of them."""
    app = await visit.api.get(f"/v1/apps/{visit.where.app}")
    providers = [provider for provider, name in PROVIDERS.items() if getattr(app, name)] or ["apns"]
    for provider in providers:
        with contextlib.suppress(InUse):  # it was made before
            await visit.api.post(f"{visit.v1}/credentials/simulated", {"provider": provider})
    phone = await visit.api.post(f"{visit.v1}/phones", {"provider": providers[0]})
    return Redirect(f"{visit.base}/start/send?device={phone.installation_id}")


async def _elsewhere(visit: Visit, one: Any) -> None:
    """The same file in the other environment, where nothing sends yet and the provider accepts it."""
    other = OTHER.get(visit.where.environment) if visit.where.environment else None
    if other is None:
        return
    base = f"/v1/apps/{visit.where.app}/{other}/credentials"
    with contextlib.suppress(PushwardenError):
        there = (await visit.api.get(base)).credentials
        taken = any((two.provider, two.state) == (one.provider, CredentialState.ACTIVE) for two in there)
        same = next((two for two in there if two.fingerprint == one.fingerprint), None)
        if same is not None and not taken:
            await visit.api.post(f"{base}/{same.id}/activate", {})


async def _drawn(visit: Visit, report: Report | None, refused: Refused | None = None) -> Page:
    facts = await facts_of(visit)
    here = "verification" if report else "credential"
    context = {
        "title": "Credential",
        "here": "credential",
        "steps": steps(facts, here),
        "sends": facts.sends,
        "report": report,
        "provider": called(report.credential.provider) if report else "",
        "refused": shown(refused) if refused else None,
        "both": visit.form.ticked("both"),
    }
    return Page("onboarding/credential.html", context, 422 if refused else 200)


async def _report(visit: Visit) -> Report | None:
    credential = visit.query.get("c", "")
    if not credential:
        return None
    return await report_of(visit, await _kept(visit, credential), visit.query.get("p", ""))


async def _kept(visit: Visit, credential: str) -> Any:
    listed = await visit.api.get(f"{visit.v1}/credentials")
    found = next((one for one in listed.credentials if one.id == credential), None)
    if found is None:
        raise NotFound("There is no such credential here any more.")
    return found


def routes(start: str) -> tuple[PageRoute, ...]:
    read, write = Permission.CREDENTIAL_READ, Permission.CREDENTIAL_WRITE
    return (
        page("GET", f"{start}/credential", show, read),
        page("GET", f"{start}/credential/report", part, read),
        page("POST", f"{start}/credential", upload, write),
        page("POST", f"{start}/use", use, write),
        page("POST", f"{start}/simulated", simulated, write),
    )
