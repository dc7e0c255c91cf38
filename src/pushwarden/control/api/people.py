"""/v1/users: the people, their roles, their sessions. A password or a code is nobody's but its owner's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from pushwarden.control.access import reload
from pushwarden.control.api.fields import Name, Request, Slug, Version
from pushwarden.control.people.granting import an_admin_stays, may_change, may_stand
from pushwarden.control.people.links import PATH, back_in_link, said_of
from pushwarden.control.people.roll import alive
from pushwarden.control.services import Services
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.person import Person, Session
from pushwarden.core.principal import ROLES, Binding, Permission, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class RoleAt(Request):
    """Where nothing is named it is for the whole organisation; `installation` for all of them."""

    role: Role
    app: Slug = ""
    environment: Environment | None = None
    installation: bool = False


class UserChange(Request):
    """two_step: false takes an authenticator that was lost away; its owner sets up another."""

    version: Version
    name: Name | UnsetType = UNSET
    roles: list[RoleAt] | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    two_step: bool | UnsetType = UNSET


class RoleView(msgspec.Struct):
    role: str
    organisation: str
    app: str
    environment: str | None


class UserView(msgspec.Struct):
    """two_step: whether a code is asked for beside the password."""

    id: str
    email: str
    name: str
    organisation: str
    roles: list[RoleView]
    two_step: bool
    passkeys: int
    sessions: int
    disabled_at: int | None
    last_seen_at: int | None
    created_at: int
    version: int


class UserList(msgspec.Struct):
    users: list[UserView]


class RoleRow(msgspec.Struct):
    role: str
    permissions: list[str]


class RoleTable(msgspec.Struct):
    roles: list[RoleRow]


class SignInLink(msgspec.Struct):
    """`path` is shown this once; it is below the console's address and works once, for a quarter of an hour."""

    path: str


T = TypeVar("T")

_CHANGE = msgspec.json.Decoder(UserChange)


def bindings_of(wanted: Sequence[RoleAt], organisation: str) -> tuple[Binding, ...]:
    """organisation: the request's. Invalid when a place is none."""
    return tuple(Binding(one.role, _place(one, organisation)) for one in wanted)


def _place(wanted: RoleAt, organisation: str) -> Scope:
    if wanted.installation:
        if wanted.app or wanted.environment:
            raise Invalid("A role for the installation names no app and no environment.", field="roles")
        return Scope()
    if wanted.environment and not wanted.app:
        raise Invalid("Name the `app` this environment belongs to.", field="roles")
    return Scope(organisation, wanted.app, wanted.environment)


def role_views(bindings: Sequence[Binding]) -> list[RoleView]:
    return [RoleView(one.role, one.scope.organisation, one.scope.app, one.scope.environment) for one in bindings]


def visible(call: Call, organisation: str) -> bool:
    """Whether people of this organisation are shown to the caller; the installation's own only to their like."""
    if not organisation:
        return call.principal.may(Permission.PEOPLE_READ, Scope())
    return organisation == call.where.organisation and call.principal.about(Permission.PEOPLE_READ, Scope(organisation))


class Users:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        views = await self._services.catalog.read(
            lambda tables: [self._view(tables, one) for one in tables.people.all() if visible(call, one.organisation)]
        )
        return Answer(UserList(views))

    async def get(self, call: Call) -> Answer:
        return Answer(await self._services.catalog.read(lambda tables: self._view(tables, _one(tables, call))))

    async def change(self, call: Call) -> Answer:
        await self._services.catalog.read(lambda tables: _one(tables, call))
        wanted, now = await call.json(_CHANGE), self._services.clock.now_ms()

        def work(tables: Tables) -> Changed[UserView]:
            before = _one(tables, call)
            after = self._altered(call, before, wanted, now)
            may_change(call.principal, before.bindings, after.bindings)
            may_stand(tables, before.organisation, set(after.bindings) - set(before.bindings))
            an_admin_stays(tables, before, after)
            tables.people.update(after)
            if after.disabled_at is not None or set(before.bindings) - set(after.bindings):
                _end_sessions(tables, before.id)
            return Changed(self._view(tables, after), before.id, said_of(before), said_of(after))

        return Answer(await self._commit(call, "person.change", work))

    async def delete(self, call: Call) -> Answer:
        def work(tables: Tables) -> Changed[None]:
            before = _one(tables, call)
            call.require(Permission.PEOPLE_WRITE, Scope(before.organisation))
            may_change(call.principal, before.bindings, ())
            an_admin_stays(tables, before, None)
            tables.people.delete(before.id)
            return Changed(None, before.id, said_of(before))

        await self._commit(call, "person.delete", work)
        return Answer(status=204)

    async def link(self, call: Call) -> Answer:
        def work(tables: Tables) -> Changed[str]:
            person = _one(tables, call)
            call.require(Permission.PEOPLE_WRITE, Scope(person.organisation))
            may_change(call.principal, person.bindings, ())
            made, end = back_in_link(person, self._services.clock.now_ms(), call.principal.id)
            tables.invitations.insert(made)
            return Changed(end, person.id, after={"expires_at": made.expires_at})

        return Answer(SignInLink(PATH + await self._commit(call, "person.signin_link", work)), status=201)

    async def roles(self, _: Call) -> Answer:
        return Answer(RoleTable([RoleRow(role, sorted(ROLES[role])) for role in Role]))

    def _altered(self, call: Call, before: Person, wanted: UserChange, now: int) -> Person:
        after = replace(before, version=wanted.version + 1)
        own = [wanted.name, wanted.disabled, wanted.two_step]
        if any(one is not UNSET for one in own):
            call.require(Permission.PEOPLE_WRITE, Scope(before.organisation))
        if wanted.name is not UNSET:
            after = replace(after, name=wanted.name)
        if wanted.disabled is not UNSET:
            after = replace(after, disabled_at=(before.disabled_at or now) if wanted.disabled else None)
        if wanted.two_step is False:
            after = replace(after, totp=b"", recovery=())
        if wanted.roles is not UNSET:
            after = replace(after, bindings=_others(call, before) + bindings_of(wanted.roles, call.where.organisation))
        return after

    def _view(self, tables: Tables, person: Person) -> UserView:
        open_ = [one for one in tables.sessions.all() if one.person == person.id and self._alive(one)]
        return UserView(
            person.id, person.email, person.name, person.organisation, role_views(person.bindings), bool(person.totp),
            len(tables.passkeys.of(person.id)), len(open_), person.disabled_at, person.last_seen_at, person.created_at,
            person.version,
        )  # fmt: skip

    def _alive(self, session: Session) -> bool:
        return alive(session, self._services.roll.seen_at(session), self._services.clock.now_ms())

    async def _commit(self, call: Call, action: str, work: Callable[[Tables], Changed[T]]) -> T:
        done = await self._services.catalog.change(call.entry(action, self._services.clock.now_ms()), work)
        await reload(self._services)
        return done


def _others(call: Call, before: Person) -> tuple[Binding, ...]:
    """Roles elsewhere, which a change from here leaves alone: those of an installation's person in other places."""
    here = call.where.organisation
    return tuple(one for one in before.bindings if one.scope.organisation not in ("", here))


def _one(tables: Tables, call: Call) -> Person:
    person = tables.people.get(call.params["person"])
    if person is None or not visible(call, person.organisation):
        raise NotFound
    return person


def _end_sessions(tables: Tables, person: str) -> None:
    for session in tables.sessions.all():
        if session.person == person:
            tables.sessions.delete(session.id)


def routes(services: Services) -> tuple[Route, ...]:
    users, one, write = Users(services), "/v1/users/{person}", Permission.PEOPLE_WRITE
    read, mine = Permission.PEOPLE_READ, Within.HANDLER
    return (
        route("GET", "/v1/roles", users.roles, permission=read, within=mine, summary="What each role may do.",
              shape=Shape(None, RoleTable)),
        route("GET", "/v1/users", users.list, permission=read, within=mine, summary="The people of the organisation.",
              shape=Shape(None, UserList)),
        route("GET", one, users.get, permission=read, within=mine, summary="A person.", shape=Shape(None, UserView)),
        route("PATCH", one, users.change, permission=write, within=mine, action="person.change", fresh=True,
              summary="Change a person's roles, or disable it.", shape=Shape(UserChange, UserView)),
        route("DELETE", one, users.delete, permission=write, within=mine, action="person.delete", fresh=True,
              summary="Remove a person with all sessions and passkeys.", shape=Shape(status=204)),
        route("POST", one + "/signin-link", users.link, permission=write, within=mine, action="person.signin_link",
              fresh=True, summary="Let somebody in who lost the password.", shape=Shape(None, SignInLink, 201)),
    )  # fmt: skip
