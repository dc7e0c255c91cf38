"""A key that may stop, pasted into a form. No session comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.visit import Page, Visit
from pushwarden.core.errors import PushwardenError, Unauthenticated
from pushwarden.web.access import DEFAULT_ORGANISATION, KeyRing

PATH = "/stop-key"


@dataclass(frozen=True, slots=True)
class StopKey:
    ring: KeyRing

    async def show(self, _: Visit) -> Reply:
        return _asked({})

    async def stop(self, visit: Visit) -> Reply:
        """All the key reaches. The receipt is the answer itself: without a session there is no page to lead to."""
        try:
            principal = self.ring.authenticate([(b"authorization", b"Bearer " + visit.form.text("key").encode())])
            api = replace(visit.api, principal=principal, organisation=principal.home or DEFAULT_ORGANISATION)
            whole = {} if principal.home else {"installation": True}
            receipt = await api.post("/v1/stop", {"reason": visit.form.text("reason"), **whole})
        except Unauthenticated as error:
            return _asked({"key": error.detail}, error.status)
        except PushwardenError as error:
            return _asked({"": error.detail}, error.status, visit.form.text("reason"))
        return Page("stopkey/done.html", {"title": "Stopped", "receipt": receipt})


def _asked(errors: dict[str, str], status: int = 200, reason: str = "") -> Page:
    return Page("stopkey/page.html", {"title": "Stop pushes with a key", "errors": errors, "reason": reason}, status)


def routes(ring: KeyRing) -> tuple[PageRoute, ...]:
    desk = StopKey(ring)
    return (
        page("GET", PATH, desk.show, None, signed_in=False),
        page("POST", PATH, desk.stop, None, signed_in=False),
    )
