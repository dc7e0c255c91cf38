"""/v1/apps/{app}/{env}/people: who can do what here, and why."""

from __future__ import annotations

import msgspec

from pushwarden.control.api.adding import app_of
from pushwarden.control.api.people import RoleView, role_views
from pushwarden.control.services import Services
from pushwarden.core.person import Person, principal_of
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route


class PersonHere(msgspec.Struct):
    """roles: those that reach here. may: what they add up to."""

    id: str
    name: str
    email: str
    roles: list[RoleView]
    may: list[str]
    last_seen_at: int | None


class KeyHere(msgspec.Struct):
    id: str
    name: str
    kind: str
    may: list[str]
    last_used_at: int | None


class PeopleHere(msgspec.Struct):
    people: list[PersonHere]
    keys: list[KeyHere]


class Here:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, call: Call) -> Answer:
        return Answer(await self._services.catalog.read(lambda tables: self._found(tables, call.where)))

    def _found(self, tables: Tables, where: Scope) -> PeopleHere:
        app_of(tables, where)
        organisations, now = tables.organisations.all(), self._services.clock.now_ms()
        people = []
        for person in tables.people.all():
            principal = principal_of(person, organisations)
            may = [one.value for one in Permission if principal.may(one, where)]
            if may and person.disabled_at is None:
                people.append(_person(person, where, may))
        keys = [
            KeyHere(one.id, one.name, one.kind, [p.value for p in Permission if one.principal.may(p, where)],
                    one.last_used_at)
            for one in tables.keys.all()
            if one.usable(now) and one.scope.covers(where)
        ]  # fmt: skip
        return PeopleHere(people, keys)


def _person(person: Person, where: Scope, may: list[str]) -> PersonHere:
    roles = role_views([one for one in person.bindings if one.scope.covers(where)])
    return PersonHere(person.id, person.name, person.email, roles, may, person.last_seen_at)


def routes(services: Services) -> tuple[Route, ...]:
    return (
        route("GET", "/v1/apps/{app}/{env}/people", Here(services).show, permission=Permission.PEOPLE_READ,
              summary="Who can do what here.", shape=Shape(None, PeopleHere)),
    )  # fmt: skip
