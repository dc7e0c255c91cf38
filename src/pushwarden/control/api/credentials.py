"""/v1/apps/{app}/{env}/credentials: checked, sealed, listed. Key material comes in and never goes out."""

from __future__ import annotations

import msgspec

from pushwarden.control.api.adding import Adding, app_of
from pushwarden.control.api.credential_views import CredentialList, Uploaded, stood, view_of
from pushwarden.control.api.kept import beside, one_of, store
from pushwarden.control.api.overview import healths_of
from pushwarden.control.api.upload import LIMIT, UploadBody, uploaded
from pushwarden.control.services import Services
from pushwarden.control.standings import stands
from pushwarden.core.app import CredentialState
from pushwarden.core.errors import InUse
from pushwarden.core.principal import Permission
from pushwarden.core.slots import revised
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route


class Credentials:
    def __init__(self, services: Services) -> None:
        self._services, self._adding = services, Adding(services)

    async def list(self, call: Call) -> Answer:
        wanted, now_ms = healths_of(call.query("health").get("health")), self._services.clock.now_ms()

        def work(tables: Tables) -> CredentialList:
            app_of(tables, call.where)
            own = [one for one in stands(tables, now_ms, call.where.organisation) if one.where == call.where]
            own.sort(key=lambda one: (-one.credential.created_at, one.credential.id))
            return CredentialList([stood(one, now_ms) for one in own if one.standing.health in wanted])

        return Answer(await self._services.catalog.read(work))

    async def create(self, call: Call) -> Answer:
        sent = await uploaded(call)
        report = await self._adding.examine(call.where, sent)
        return Answer(await self._adding.keep(call, "credential.create", report), status=201)

    async def delete(self, call: Call) -> Answer:
        force = call.flag("force")
        entry = call.entry("credential.delete", self._services.clock.now_ms())

        def work(tables: Tables) -> Changed[None]:
            credential = one_of(tables, call)
            if credential.state is CredentialState.ACTIVE and not force:
                raise InUse("This credential is active; activate another first, or add `?force=true` to send no more.")
            tables.credentials.delete(credential.organisation, credential.app, credential.id)
            store(tables, revised(beside(tables, call, credential)), entry)
            return Changed(None, target=credential.id, before=msgspec.to_builtins(view_of(credential)))

        await self._services.catalog.change(entry, work)
        return Answer(status=204)


def routes(services: Services) -> tuple[Route, ...]:
    credentials, base = Credentials(services), "/v1/apps/{app}/{env}/credentials"
    one, write = base + "/{credential}", Permission.CREDENTIAL_WRITE
    return (
        route("GET", base, credentials.list, permission=Permission.CREDENTIAL_READ,
              summary="The credentials of an app and environment, without their material.",
              shape=Shape(None, CredentialList, query=("health",))),
        route("POST", base, credentials.create, permission=write, action="credential.create", limit=LIMIT,
              summary="Check and seal a credential file, as JSON or multipart.",
              shape=Shape(UploadBody, Uploaded, 201, query=("wait",))),
        route("DELETE", one, credentials.delete, permission=write, action="credential.delete", fresh=True,
              summary="Forget a credential.", shape=Shape(status=204, query=("force",))),
    )  # fmt: skip
