"""/v1/organisations: who shares this installation. Only its own admins make one."""

from __future__ import annotations

from dataclasses import asdict, replace

import msgspec
from msgspec import UNSET, UnsetType

from pushwarden.control.access import reload
from pushwarden.control.api.fields import Name, Request, Slug, Version, given
from pushwarden.control.services import Services
from pushwarden.core.errors import NotFound
from pushwarden.core.organisation import Organisation
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class NewOrganisation(Request):
    id: Slug
    name: Name


class OrganisationChange(Request):
    """admin_credentials: only admins of the organisation touch credentials, not its operators."""

    version: Version
    name: Name | UnsetType = UNSET
    admin_credentials: bool | UnsetType = UNSET


class OrganisationList(msgspec.Struct):
    organisations: list[Organisation]


_NEW = msgspec.json.Decoder(NewOrganisation)
_CHANGE = msgspec.json.Decoder(OrganisationChange)


class Organisations:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        kept = await self._services.catalog.read(lambda tables: tables.organisations.all())
        mine = [one for one in kept if call.principal.about(Permission.APP_READ, Scope(one.id))]
        return Answer(OrganisationList(mine))

    async def create(self, call: Call) -> Answer:
        wanted = await call.json(_NEW)
        now = self._services.clock.now_ms()
        organisation = Organisation(wanted.id, wanted.name, created_at=now)

        def work(tables: Tables) -> Changed[Organisation]:
            tables.organisations.insert(organisation)
            return Changed(organisation, target=organisation.id, after=asdict(organisation))

        done = await self._services.catalog.change(call.entry("organisation.create", now), work)
        await reload(self._services)
        return Answer(done, status=201)

    async def change(self, call: Call) -> Answer:
        """Its name is the installation's to give; who touches credentials is its own affair."""
        call.require(Permission.PEOPLE_WRITE, Scope(call.params["organisation"]))
        wanted = await call.json(_CHANGE)
        if wanted.name is not UNSET:
            call.require(Permission.ORGANISATION_WRITE, Scope())

        def work(tables: Tables) -> Changed[Organisation]:
            before = tables.organisations.get(call.params["organisation"])
            if before is None:
                raise NotFound
            after = replace(before, **given(wanted), version=wanted.version + 1)
            tables.organisations.update(after)
            return Changed(after, target=after.id, before=asdict(before), after=asdict(after))

        entry = call.entry("organisation.change", self._services.clock.now_ms())
        done = await self._services.catalog.change(entry, work)
        await reload(self._services)
        return Answer(done)


def routes(services: Services) -> tuple[Route, ...]:
    organisations, all_of_it = Organisations(services), Within.INSTALLATION
    write = Permission.ORGANISATION_WRITE
    return (
        route("GET", "/v1/organisations", organisations.list, permission=Permission.APP_READ, within=Within.HANDLER,
              summary="The organisations this key may see.", shape=Shape(None, OrganisationList)),
        route("POST", "/v1/organisations", organisations.create, permission=write, within=all_of_it,
              action="organisation.create", summary="Make an organisation.",
              shape=Shape(NewOrganisation, Organisation, 201)),
        route("PATCH", "/v1/organisations/{organisation}", organisations.change, permission=Permission.PEOPLE_WRITE,
              within=Within.HANDLER, fresh=True, action="organisation.change",
              summary="Rename an organisation, or keep its credentials to its admins.",
              shape=Shape(OrganisationChange, Organisation)),
    )  # fmt: skip
