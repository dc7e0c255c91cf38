"""Sign in, sign out, prove once more, and what stands at the end of a link."""

from __future__ import annotations

from dataclasses import dataclass

from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.profile.view import SECOND
from pushwarden.control.console.signin.gate import Gate, onward
from pushwarden.control.console.visit import Again, Page, Redirect, Visit
from pushwarden.control.people.links import Links, Newcomer
from pushwarden.control.people.reception import Step
from pushwarden.control.people.roll import csrf_of
from pushwarden.core.errors import Invalid, LinkEnded, PushwardenError, SignInRefused, TooManyTries
from pushwarden.core.person import Invitation

_WRONG = (SignInRefused, TooManyTries)


@dataclass(frozen=True, slots=True)
class SignIn:
    gate: Gate

    async def show(self, visit: Visit) -> Reply:
        if visit.visitor.session:
            return Redirect(onward(visit.query.get("next", "")))
        return await self.gate.signin(visit)

    async def enter(self, visit: Visit) -> Reply:
        form, kept = visit.form, visit.form.raw("kept")
        try:
            step = await self._step(visit)
        except _WRONG as error:
            if form.raw("pending") and isinstance(error, TooManyTries):
                return self._code(visit, form.raw("pending"), {"code": error.detail}, error.status)
            if form.raw("pending") and form.text("code"):
                return self._code(visit, form.raw("pending"), {"code": error.detail}, error.status)
            field = "" if form.raw("passkey") else "email"
            return await self.gate.signin(visit, kept, {field: error.detail}, error.status)
        if step.pending:
            return self._code(visit, step.pending, {}, 200)
        return self._in(visit, step.secret)

    async def _step(self, visit: Visit) -> Step:
        form, reception, came = visit.form, self.gate.reception, self.gate.came(visit)
        if form.raw("passkey"):
            return await reception.passkey(form.raw("question"), form.raw("passkey"), came)
        if form.raw("pending"):
            return await reception.code(form.raw("pending"), form.text("code"), came)
        return await reception.password(form.text("email"), form.raw("password"), came)

    def _code(self, visit: Visit, pending: str, errors: dict[str, str], status: int) -> Page:
        context = {
            "title": "Enter the code",
            "pending": pending,
            "kept": visit.form.raw("kept"),
            "next": onward(visit.form.text("next")),
            "errors": errors,
        }
        return Page("signin/code.html", context, status)

    def _in(self, visit: Visit, secret: str) -> Reply:
        """Where the person wanted to go; or the form, to be sent again, when a session ended over it."""
        cookies, kept = self.gate.let_in(visit, secret), self.gate.kept(visit)
        if kept is None:
            return Redirect(onward(visit.form.text("next")), headers=cookies)
        context = {"title": "You are signed in again", "again": kept, "csrf": csrf_of(secret)}
        return Page("signin/again.html", context, headers=cookies)

    async def out(self, visit: Visit) -> Reply:
        await self.gate.reception.sign_out(self.gate.signed(visit), self.gate.came(visit))
        return Redirect("/signin", headers=(self.gate.roll.give(""),))


@dataclass(frozen=True, slots=True)
class Confirm:
    gate: Gate

    async def show(self, visit: Visit) -> Reply:
        return await self.gate.confirm(visit, status=200)

    async def take(self, visit: Visit) -> Reply:
        """Then what was asked for is done, with what was typed."""
        form, came, signed = visit.form, self.gate.came(visit), self.gate.signed(visit)
        reception = self.gate.reception
        try:
            if form.raw("passkey"):
                await reception.confirm_by_passkey(signed, came, form.raw("question"), form.raw("passkey"))
            else:
                await reception.confirm(signed, came, password=form.raw("password"), code=form.text("code"))
        except _WRONG as error:
            return await self.gate.confirm(visit, form.raw("kept"), {"password": error.detail}, error.status)
        kept = self.gate.kept(visit)
        return Redirect(onward(form.text("next"))) if kept is None else Again(kept.path, kept.query, kept.form)


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first person of all, somebody who was invited, somebody who is let back in."""

    gate: Gate

    async def show(self, visit: Visit) -> Reply:
        text = visit.query.get("link", "")
        return self._page(text, await Links(self.gate.desk).find(text), {"next": visit.query.get("next", "")}, {})

    async def enter(self, visit: Visit) -> Reply:
        form, links, came = visit.form, Links(self.gate.desk), self.gate.came(visit)
        text = form.raw("link")
        link = await links.find(text)
        if link.person:
            to = form.text("next")
            said = "" if to else "You are in. Set a password if you lost yours."
            return self._go(visit, await links.enter(text, came), onward(to or "/profile"), said)
        typed = {"name": form.text("name"), "email": form.text("email")}
        wanted = Newcomer(typed["name"], typed["email"], form.raw("password"))
        try:
            if form.raw("password") != form.raw("again"):
                raise Invalid("The two passwords are not the same; type both once more.", field="password")
            return self._go(visit, await links.accept(text, wanted, came), SECOND, "")
        except LinkEnded:
            raise
        except PushwardenError as error:
            return self._page(text, link, typed, {str(error.extra.get("field", "")): error.detail}, error.status)

    def _go(self, visit: Visit, secret: str, to: str, toast: str) -> Redirect:
        return Redirect(to, toast=toast, headers=self.gate.let_in(visit, secret))

    def _page(
        self, text: str, link: Invitation, typed: dict[str, str], errors: dict[str, str], status: int = 200
    ) -> Page:
        context = {
            "title": "Come back in" if link.person else "Welcome",
            "link": text,
            "invitation": link,
            "typed": {"name": link.name, "email": link.email} | typed,
            "errors": errors,
        }
        return Page("signin/welcome.html", context, status)


def routes(gate: Gate) -> tuple[PageRoute, ...]:
    signin, confirm, welcome = SignIn(gate), Confirm(gate), Welcome(gate)
    return (
        page("GET", "/signin", signin.show, None, signed_in=False),
        page("POST", "/signin", signin.enter, None, signed_in=False),
        page("POST", "/signout", signin.out, None),
        page("GET", "/confirm", confirm.show, None),
        page("POST", "/confirm", confirm.take, None),
        page("GET", "/welcome", welcome.show, None, signed_in=False),
        page("POST", "/welcome", welcome.enter, None, signed_in=False),
    )
