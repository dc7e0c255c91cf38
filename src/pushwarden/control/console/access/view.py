"""Access: the people, whom to invite, who can do what where, and who is signed in."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.access import keys, organisations, person
from pushwarden.control.console.access.form import INSTALLATION, places, role_at
from pushwarden.control.console.pages import PageRoute, Reply, page
from pushwarden.control.console.signin.gate import Gate
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import AlreadyExists, Conflict, Invalid
from pushwarden.core.principal import Permission, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.web.routes import Within

HOME = "/access"


class Access:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def people(self, visit: Visit) -> Reply:
        may_write = visit.may(Permission.PEOPLE_WRITE, Scope(visit.visitor.organisation))
        organisations = (await visit.api.get("/v1/organisations")).organisations
        invitations = (await visit.api.get("/v1/invitations")).invitations if may_write else []
        context = {
            "title": "People",
            "mail": await visit.api.get("/v1/mail"),
            "users": (await visit.api.get("/v1/users")).users,
            "invitations": invitations,
            "may_write": may_write,
            "own": next((one for one in organisations if one.id == visit.visitor.organisation), None),
        }
        return Page("access/people.html", context)

    async def invite(self, visit: Visit) -> Reply:
        return await self._invite(visit, {})

    async def invited(self, visit: Visit) -> Reply:
        """The link is shown once, to be handed on."""
        form = visit.form
        where = form.text("place")
        body = {
            "email": form.text("email"),
            "name": form.text("name"),
            "roles": [role_at(form.text("role"), where)],
            "installation": where == INSTALLATION,
            "mail": form.ticked("mail"),
        }
        try:
            made = await visit.api.post("/v1/invitations", body)
        except (Invalid, AlreadyExists) as error:
            return await self._invite(visit, {_field(error): _sentence(error)}, 422)
        link = self._gate.came(visit).origin + made.path
        return Page("access/invited.html", {"title": "Invitation", "made": made.view, "link": link, "sent": made}, 201)

    async def uninvite(self, visit: Visit) -> Reply:
        await visit.api.delete(f"/v1/invitations/{visit.form.text('id')}")
        return Redirect(HOME, toast="The invitation is taken back; its link is dead.")

    async def try_mail(self, visit: Visit) -> Reply:
        """To whoever asks."""
        own = await visit.api.get(f"/v1/users/{visit.principal.id}")
        tried = await visit.api.post("/v1/mail/test", {"recipient": own.email})
        said = f"The mail server took a mail to {own.email}; look whether it arrived."
        return Redirect(HOME, toast=said if tried.taken else tried.error)

    async def credentials(self, visit: Visit) -> Reply:
        """Whether only admins touch credentials."""
        body = {"version": _number(visit), "admin_credentials": visit.form.ticked("admin_credentials")}
        try:
            done = await visit.api.patch(f"/v1/organisations/{visit.visitor.organisation}", body)
        except Conflict:
            return Redirect(HOME, toast="Somebody changed this a moment ago; look at it again.")
        who = "Only admins" if done.admin_credentials else "Operators and admins"
        return Redirect(HOME, toast=f"{who} touch credentials from now on.")

    async def here(self, visit: Visit) -> Reply:
        """Who can do what in an app and environment."""
        apps = (await visit.api.get("/v1/apps")).apps
        app = visit.query.get("app") or (apps[0].id if apps else "")
        wanted = visit.query.get("env", "")
        environment = wanted if wanted in Environment.__members__.values() else Environment.PRODUCTION
        found = await visit.api.get(f"/v1/apps/{app}/{environment}/people") if app else None
        context = {"title": "Who can do what", "apps_here": apps, "chosen": app, "env": environment, "found": found}
        return Page("access/here.html", context)

    async def sessions(self, visit: Visit) -> Reply:
        context = {
            "title": "Sessions",
            "sessions": (await visit.api.get("/v1/sessions")).sessions,
            "may_write": visit.may(Permission.PEOPLE_WRITE, Scope(visit.visitor.organisation)),
        }
        return Page("access/sessions.html", context)

    async def end(self, visit: Visit) -> Reply:
        await visit.api.delete(f"/v1/sessions/{visit.form.text('session')}")
        return Redirect(f"{HOME}/sessions", toast="That session has ended.")

    async def _invite(self, visit: Visit, errors: dict[str, str], status: int = 200) -> Page:
        form = visit.form
        typed = {name: form.text(name) for name in ("email", "name", "role", "place")}
        context: dict[str, Any] = {
            "title": "Invite somebody",
            "mail": await visit.api.get("/v1/mail"),
            "mailed": form.ticked("mail") or not form.fields,
            "places": await places(visit),
            "roles": tuple(Role),
            "typed": typed,
            "errors": errors,
        }
        return Page("access/invite.html", context, status)


def _number(visit: Visit) -> int:
    text = visit.form.text("version")
    return int(text) if text.isdigit() else 0


def _field(error: Invalid | AlreadyExists) -> str:
    return {"roles": "place"}.get(name := str(error.extra.get("field", "")), name)


def _sentence(error: Invalid | AlreadyExists) -> str:
    if error.extra.get("field") == "email" and isinstance(error, Invalid):
        return "Enter an e-mail address, like dana@example.com."
    return error.detail


def routes(gate: Gate) -> tuple[PageRoute, ...]:
    access, read, write, mine = Access(gate), Permission.PEOPLE_READ, Permission.PEOPLE_WRITE, Within.HANDLER
    return (
        page("GET", HOME, access.people, read, within=mine),
        page("GET", HOME + "/invite", access.invite, write, within=mine),
        page("POST", HOME + "/invite", access.invited, write, within=mine),
        page("POST", HOME + "/invitations/remove", access.uninvite, write, within=mine),
        page("POST", HOME + "/mail", access.try_mail, write, within=mine),
        page("POST", HOME + "/credentials", access.credentials, write, within=mine),
        page("GET", HOME + "/here", access.here, read, within=mine),
        page("GET", HOME + "/sessions", access.sessions, read, within=mine),
        page("POST", HOME + "/sessions/end", access.end, read, within=mine),
        *person.routes(gate),
        *keys.routes(),
        *organisations.routes(),
    )
