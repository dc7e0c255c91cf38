"""One's own account: sessions, password, second step, passkeys, and how the console looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.signin.gate import Gate
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.control.people.account import Account
from pushwarden.control.people.roll import ORGANISATION, set_cookie
from pushwarden.core.errors import Invalid, NotFound, SignInRefused

HOME = "/profile"
SECOND = HOME + "/second-step"
"""Where a new person is led to."""


@dataclass(frozen=True, slots=True)
class Profile:
    gate: Gate
    account: Account = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "account", Account(self.gate.desk))

    async def show(self, visit: Visit) -> Reply:
        return await self._page(visit)

    async def prefer(self, visit: Visit) -> Reply:
        form = visit.form
        try:
            await self.account.prefer(
                self.gate.signed(visit), self.gate.came(visit), form.text("name"), form.text("theme"),
                form.text("density"), form.ticked("shortcuts"),
            )  # fmt: skip
        except Invalid as error:
            return await self._page(visit, {str(error.extra["field"]): error.detail}, 422)
        return Redirect(HOME, toast="Kept.")

    async def password(self, visit: Visit) -> Reply:
        form = visit.form
        try:
            await self.account.set_password(
                self.gate.signed(visit), self.gate.came(visit), form.raw("password"), form.raw("again")
            )
        except Invalid as error:
            return await self._page(visit, {"password": error.detail}, 422)
        return Redirect(HOME, toast="The password is changed; your other sessions have ended.")

    async def end(self, visit: Visit) -> Reply:
        await visit.api.delete(f"/v1/sessions/{visit.form.text('session')}")
        if visit.form.text("session") == visit.visitor.session:
            return Redirect("/signin", headers=(self.gate.roll.give(""),))
        return Redirect(HOME, toast="That session has ended.")

    async def choose(self, visit: Visit) -> Reply:
        """Whose pages somebody of the installation sees."""
        wanted, roll = visit.form.text("organisation"), self.gate.roll
        if wanted not in roll.organisations(visit.principal):
            raise NotFound("There is no such organisation, or it is not yours.")
        secure = roll.cookie.startswith("__Host-")
        return Redirect("/apps", headers=(set_cookie(ORGANISATION, wanted, 31_536_000, secure=secure),))

    async def second(self, visit: Visit) -> Reply:
        """A passkey or a code, offered once at the beginning."""
        return await self._second(visit, {})

    async def _second(self, visit: Visit, errors: dict[str, str], status: int = 200) -> Page:
        question = await self.account.enrolment(self.gate.signed(visit), self.gate.came(visit))
        return Page("profile/second.html", {"title": "One thing more", "question": question, "errors": errors}, status)

    async def offer(self, visit: Visit) -> Reply:
        context = {"title": "Second step", "offer": self.account.offer(self.gate.signed(visit)), "errors": {}}
        return Page("profile/code.html", context)

    async def take_offer(self, visit: Visit) -> Reply:
        signed, sealed = self.gate.signed(visit), visit.form.raw("offer")
        try:
            texts = await self.account.take_offer(signed, self.gate.came(visit), sealed, visit.form.text("code"))
        except Invalid as error:
            offer = self.account.offered(signed, sealed)
            context = {"title": "Second step", "offer": offer, "errors": {"code": error.detail}}
            return Page("profile/code.html", context, 422)
        return _shown_once(texts)

    async def no_code(self, visit: Visit) -> Reply:
        await self.account.no_code(self.gate.signed(visit), self.gate.came(visit))
        return Redirect(HOME, toast="The second step is off.")

    async def codes(self, visit: Visit) -> Reply:
        return _shown_once(await self.account.new_codes(self.gate.signed(visit), self.gate.came(visit)))

    async def passkey(self, visit: Visit) -> Reply:
        form, first = visit.form, visit.form.ticked("first")
        try:
            await self.account.add_passkey(
                self.gate.signed(visit), self.gate.came(visit), form.raw("question"), form.raw("passkey"),
                form.text("name"),
            )  # fmt: skip
        except (Invalid, SignInRefused) as error:
            return await (self._second if first else self._page)(visit, {"passkey": error.detail}, 422)
        return Redirect("/apps" if first else HOME, toast="The passkey is yours from now on.")

    async def drop(self, visit: Visit) -> Reply:
        try:
            await self.account.drop_passkey(self.gate.signed(visit), self.gate.came(visit), visit.form.text("id"))
        except Invalid as error:
            return await self._page(visit, {"passkey": error.detail}, 422)
        return Redirect(HOME, toast="The passkey is gone.")

    async def _page(self, visit: Visit, errors: dict[str, str] | None = None, status: int = 200) -> Page:
        signed, came = self.gate.signed(visit), self.gate.came(visit)
        me, known = await self.account.mine(signed)
        sessions = await self.account.sessions(signed)
        context: dict[str, Any] = {
            "title": "Your account",
            "me": me,
            "passkeys": known,
            "sessions": sessions,
            "here": signed.session.id,
            "question": await self.account.enrolment(signed, came),
            "errors": errors or {},
        }
        return Page("profile/page.html", context, status)


def _shown_once(texts: list[str]) -> Page:
    return Page("profile/recovery.html", {"title": "Recovery codes", "codes": texts})


def routes(gate: Gate) -> tuple[PageRoute, ...]:
    profile = Profile(gate)
    table = (
        ("", profile.prefer), ("/password", profile.password), ("/sessions/end", profile.end),
        ("/organisation", profile.choose), ("/code", profile.take_offer), ("/code/off", profile.no_code),
        ("/recovery", profile.codes), ("/passkeys", profile.passkey), ("/passkeys/remove", profile.drop),
    )  # fmt: skip
    return (
        page("GET", HOME, profile.show, None),
        page("GET", HOME + "/code", profile.offer, None),
        page("GET", SECOND, profile.second, None),
        *(page("POST", HOME + path, view, None) for path, view in table),
    )
