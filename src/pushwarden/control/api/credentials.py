"""/v1/apps/{app}/{env}/credentials: checked, sealed, switched. Key material comes in and never goes out."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pushwarden.control.api.adding import Adding, app_of
from pushwarden.control.api.credential_views import CredentialList, CredentialView, Uploaded, view_of
from pushwarden.control.api.upload import LIMIT, UploadBody, uploaded
from pushwarden.control.publish import publish
from pushwarden.control.services import Services
from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.errors import InUse, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route


class Credentials:
    def __init__(self, services: Services) -> None:
        self._services, self._adding = services, Adding(services)

    async def list(self, call: Call) -> Answer:
        def work(tables: Tables) -> CredentialList:
            return CredentialList([view_of(one) for one in _all(tables, call.where)])

        return Answer(await self._services.catalog.read(work))

    async def create(self, call: Call) -> Answer:
        sent = await uploaded(call)
        report = await self._adding.examine(call.where, sent)
        view = await self._adding.keep(call, "credential.create", sent.provider, report)
        return Answer(Uploaded(view, list(report.checks)), status=201)

    async def activate(self, call: Call) -> Answer:
        return await self._switch(call, "credential.activate", frozenset({CredentialState.STANDBY}))

    async def switch_back(self, call: Call) -> Answer:
        return await self._switch(call, "credential.switch_back", frozenset({CredentialState.PREVIOUS}))

    async def delete(self, call: Call) -> Answer:
        force = call.query("force").get("force") == "true"

        def work(tables: Tables) -> Changed[None]:
            credential = _one(tables, call)
            if credential.state is CredentialState.ACTIVE and not force:
                raise InUse("This credential is active; activate another first, or add `?force=true` to send no more.")
            tables.credentials.delete(credential.organisation, credential.app, credential.id)
            publish(tables)
            return Changed(None, target=credential.id, before=msgspec.to_builtins(view_of(credential)))

        await self._services.catalog.change(call.entry("credential.delete", self._services.clock.now_ms()), work)
        return Answer(status=204)

    async def _switch(self, call: Call, action: str, allowed: frozenset[CredentialState]) -> Answer:
        def work(tables: Tables) -> Changed[CredentialView]:
            chosen = _one(tables, call)
            if chosen.state not in allowed:
                raise InUse(f"This credential is {chosen.state}; that can be done with one that is {min(allowed)}.")
            replaced = _step_back(tables, call.where, chosen)
            active = replace(chosen, state=CredentialState.ACTIVE)
            tables.credentials.update(active)
            publish(tables)
            return Changed(
                view_of(active),
                target=active.id,
                before={"active": replaced, "state": chosen.state},
                after={"active": active.id, "previous": replaced},
            )

        entry = call.entry(action, self._services.clock.now_ms())
        return Answer(await self._services.catalog.change(entry, work))


def _all(tables: Tables, where: Scope) -> list[Credential]:
    app_of(tables, where)
    assert where.environment is not None
    return tables.credentials.of(where.organisation, where.app, where.environment)


def _one(tables: Tables, call: Call) -> Credential:
    for credential in _all(tables, call.where):
        if credential.id == call.params["credential"]:
            return credential
    raise NotFound


def _step_back(tables: Tables, where: Scope, chosen: Credential) -> str:
    """Active → previous, previous → standby; the id that was active, empty when none was."""
    replaced = ""
    for one in _all(tables, where):
        if one.provider != chosen.provider or one.id == chosen.id:
            continue
        if one.state is CredentialState.ACTIVE:
            replaced = one.id
            tables.credentials.update(replace(one, state=CredentialState.PREVIOUS))
        elif one.state is CredentialState.PREVIOUS:
            tables.credentials.update(replace(one, state=CredentialState.STANDBY))
    return replaced


def routes(services: Services) -> tuple[Route, ...]:
    credentials, base = Credentials(services), "/v1/apps/{app}/{env}/credentials"
    one, write = base + "/{credential}", Permission.CREDENTIAL_WRITE
    return (
        route("GET", base, credentials.list, permission=Permission.CREDENTIAL_READ,
              summary="The credentials of an app and environment, without their material.",
              shape=Shape(None, CredentialList)),
        route("POST", base, credentials.create, permission=write, action="credential.create", limit=LIMIT,
              summary="Check and seal a credential file, as JSON or multipart.",
              shape=Shape(UploadBody, Uploaded, 201)),
        route("POST", one + "/activate", credentials.activate, permission=write, action="credential.activate",
              summary="Send with it from now on; the one before stays as `previous`.",
              shape=Shape(None, CredentialView)),
        route("POST", one + "/switch-back", credentials.switch_back, permission=write,
              action="credential.switch_back", summary="Send with the previous one again.",
              shape=Shape(None, CredentialView)),
        route("DELETE", one, credentials.delete, permission=write, action="credential.delete",
              summary="Forget a credential.", shape=Shape(status=204, query=("force",))),
    )  # fmt: skip
