"""/v1/invitations: links by which people join. A link's text is shown once and kept nowhere."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from pushwarden.control.api.fields import Email, Request, Text
from pushwarden.control.api.people import RoleAt, RoleView, bindings_of, role_views, visible
from pushwarden.control.letters import invitation
from pushwarden.control.people.granting import may_change, may_stand
from pushwarden.control.people.links import PATH, drop_ended, minted
from pushwarden.control.services import Services, new_id
from pushwarden.core.apikey import DAY_MS
from pushwarden.core.errors import AlreadyExists, Invalid, NotFound
from pushwarden.core.mail import Mail
from pushwarden.core.person import Invitation
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class NewInvitation(Request):
    """`installation`: a person of the installation itself, who may have roles in every organisation.

    mail: also send the link to `email`.
    """

    email: Email
    roles: list[RoleAt]
    name: Text = ""
    installation: bool = False
    expires_in_days: Annotated[int, Meta(ge=1, le=30)] = 7
    mail: bool = False


class InvitationView(msgspec.Struct):
    id: str
    organisation: str
    email: str
    name: str
    roles: list[RoleView]
    created_at: int
    created_by: str
    expires_at: int


class InvitationList(msgspec.Struct):
    invitations: list[InvitationView]


class Invited(msgspec.Struct):
    """`path` is shown this once; it is below the console's address. mailed: the mail server took it; mail_error: why
    not.
    """

    path: str
    view: InvitationView
    mailed: bool = False
    mail_error: str = ""


_NEW = msgspec.json.Decoder(NewInvitation)


class Invitations:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        """Those that still work and make somebody a person."""
        now = self._services.clock.now_ms()
        kept = await self._services.catalog.read(lambda tables: tables.invitations.all())
        shown = [one for one in kept if one.expires_at > now and not one.person and visible(call, one.organisation)]
        return Answer(InvitationList([_view(one) for one in shown]))

    async def create(self, call: Call) -> Answer:
        wanted, now = await call.json(_NEW), self._services.clock.now_ms()
        organisation = "" if wanted.installation else call.where.organisation
        call.require(Permission.PEOPLE_WRITE, Scope(organisation))
        bindings = bindings_of(wanted.roles, call.where.organisation)
        if not bindings:
            raise Invalid("Say at least one role: without one a person sees nothing.", field="roles")
        if wanted.mail and self._services.post.linkless:
            raise Invalid(self._services.post.linkless, field="mail")
        may_change(call.principal, (), bindings)
        made, end = minted(
            Invitation(
                new_id(), organisation, b"", now + wanted.expires_in_days * DAY_MS, wanted.email.lower(), wanted.name,
                bindings=bindings, created_at=now, created_by=call.principal.id,
            )
        )  # fmt: skip

        def work(tables: Tables) -> Changed[None]:
            may_stand(tables, organisation, bindings)
            known = tables.people.by_email(made.email)
            if known and visible(call, known.organisation):
                raise AlreadyExists(f"{made.email} has an account already; change its roles.", field="email")
            drop_ended(tables, now)
            tables.invitations.insert(made)
            return Changed(None, made.id, after=_said(made))

        await self._services.catalog.change(call.entry("invitation.create", now), work)
        error = await self._mail(call, made, PATH + end) if wanted.mail else ""
        return Answer(Invited(PATH + end, _view(made), wanted.mail and not error, error), status=201)

    async def _mail(self, call: Call, made: Invitation, path: str) -> str:
        """Why it was not taken. After the commit: a link that is out must work."""
        post, now = self._services.post, self._services.clock.now_ms()
        found = await self._services.catalog.read(lambda tables: tables.organisations.get(call.where.organisation))
        name = found.name if found else call.where.organisation
        subject, body = invitation(call.principal.name, name, post.origin + path, made.expires_at)
        return await post.send(Mail(made.organisation, f"mail_{new_id()}", made.email, subject, body, now, now))

    async def delete(self, call: Call) -> Answer:
        def work(tables: Tables) -> Changed[None]:
            kept = tables.invitations.get(call.params["invitation"])
            if kept is None or not visible(call, kept.organisation):
                raise NotFound
            call.require(Permission.PEOPLE_WRITE, Scope(kept.organisation))
            tables.invitations.delete(kept.id)
            return Changed(None, kept.id, _said(kept))

        await self._services.catalog.change(call.entry("invitation.delete", self._services.clock.now_ms()), work)
        return Answer(status=204)


def _view(one: Invitation) -> InvitationView:
    return InvitationView(
        one.id, one.organisation, one.email, one.name, role_views(one.bindings), one.created_at, one.created_by,
        one.expires_at,
    )  # fmt: skip


def _said(one: Invitation) -> dict[str, object]:
    roles = [f"{binding.role} {binding.scope.key}" for binding in one.bindings]
    return {"email": one.email, "roles": roles, "expires_at": one.expires_at}


def routes(services: Services) -> tuple[Route, ...]:
    invitations, write, mine = Invitations(services), Permission.PEOPLE_WRITE, Within.HANDLER
    return (
        route("GET", "/v1/invitations", invitations.list, permission=write, within=mine,
              summary="Invitations that were not taken yet.", shape=Shape(None, InvitationList)),
        route("POST", "/v1/invitations", invitations.create, permission=write, within=mine, fresh=True,
              action="invitation.create", summary="Invite somebody; the link is in this answer only.",
              shape=Shape(NewInvitation, Invited, 201)),
        route("DELETE", "/v1/invitations/{invitation}", invitations.delete, permission=write, within=mine,
              action="invitation.delete", summary="Take an invitation back.", shape=Shape(status=204)),
    )  # fmt: skip
