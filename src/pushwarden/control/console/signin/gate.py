"""Where the door sends those who must sign in, or prove once more, with what they had typed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pushwarden.control.console.kept import Keeper, Kept
from pushwarden.control.console.visit import Page, Visit
from pushwarden.control.people.browsers import found, marked
from pushwarden.control.people.desk import Came, Desk
from pushwarden.control.people.reception import Reception
from pushwarden.control.people.roll import Roll, Signed, cookie
from pushwarden.core.errors import Unauthenticated

HOME = "/apps"
_OWN = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*\Z")
"""A path of this site. Browsers leave tabs and line breaks out of an address, and `/<tab>/` is another site then."""


class Gate:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.reception, self._keeper = desk, Reception(desk), Keeper(desk.chest)

    @property
    def roll(self) -> Roll:
        return self.desk.services.roll

    def keep(self, visit: Visit) -> str:
        return self._keeper.keep(visit.path, visit.query, visit.form, visit.now_ms, self._browser(visit))

    def kept(self, visit: Visit) -> Kept | None:
        """What the form carries along."""
        text = visit.form.raw("kept")
        return self._keeper.find(text, visit.now_ms, self._browser(visit)) if text else None

    def _browser(self, visit: Visit) -> str:
        """A form goes on in the browser it was typed in, and for nobody else who signs in there."""
        known = found(self.desk.chest, cookie(visit.headers, self.roll.browser), visit.now_ms)
        return known.browser if known else ""

    def came(self, visit: Visit) -> Came:
        return self.desk.came(visit.headers, visit.address, visit.request_id)

    def signed(self, visit: Visit) -> Signed:
        """Unauthenticated when the session ended a moment ago."""
        found = self.roll.signed(visit.headers)
        if found is None:
            raise Unauthenticated("Your session has ended; sign in again.")
        return found

    def let_in(self, visit: Visit, secret: str) -> tuple[tuple[bytes, bytes], ...]:
        """The headers a browser gets with its new session: the session, and that it is known from now on."""
        signed = self.roll.signed([(b"cookie", f"{self.roll.cookie}={secret}".encode())])
        account = signed.person.email if signed else ""
        text = marked(self.desk.chest, cookie(visit.headers, self.roll.browser), account, visit.now_ms)
        return self.roll.give(secret), self.roll.mark(text)

    async def signin(
        self, visit: Visit, kept: str = "", errors: Mapping[str, str] | None = None, status: int = 200
    ) -> Page:
        """The first step: address and password, or a passkey."""
        question = self.reception.challenge(self.came(visit))
        context = {
            "title": "Sign in",
            "site": self.came(visit).origin.partition("//")[2],
            "kept": kept,
            "next": onward(visit.query.get("next") or visit.form.text("next")),
            "errors": errors or {},
            "email": visit.form.text("email"),
            "question": question,
        }
        return Page("signin/page.html", context, status)

    async def confirm(
        self, visit: Visit, kept: str = "", errors: Mapping[str, str] | None = None, status: int = 403
    ) -> Page:
        """Asks once more who it is."""
        signed, came = self.signed(visit), self.came(visit)
        person = await self.desk.person(signed.person.id)
        context = {
            "title": "Is it you?",
            "kept": kept,
            "next": onward(visit.query.get("next") or visit.form.text("next")),
            "errors": errors or {},
            "coded": bool(person.totp),
            "has_password": bool(person.password),
            "files": bool(visit.form.files),
            "question": await self.reception.own_challenge(signed, came),
        }
        return Page("signin/confirm.html", context, status)


def onward(address: str) -> str:
    """An address of this console, or its beginning."""
    if not _OWN.match(address) or address.startswith(("/signin", "/signout")):
        return HOME
    return address
