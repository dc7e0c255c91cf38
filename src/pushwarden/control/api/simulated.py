"""A credential for the simulators, made here: trying Pushwarden needs no file of Apple's or Google's."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import msgspec

from pushwarden.control.api.adding import Adding
from pushwarden.control.api.credential_views import CredentialView, Uploaded, view_of
from pushwarden.control.api.fields import Request
from pushwarden.control.api.kept import all_of, store
from pushwarden.control.api.upload import Upload
from pushwarden.control.services import Services
from pushwarden.core.app import CredentialState
from pushwarden.core.errors import InUse, Invalid
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment
from pushwarden.core.slots import members, switched
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.providers.generated import generated_account, generated_key
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

KEY, TEAM = "SIMULATEDK", "SIMULATEDT"
"""Ten characters, as Apple's have, that say everywhere what they are."""
PROJECT = "simulated-project"


class NewSimulated(Request):
    provider: Literal["apns", "fcm"] = "apns"


_NEW = msgspec.json.Decoder(NewSimulated)


class Simulated:
    def __init__(self, services: Services) -> None:
        self._services, self._adding = services, Adding(services)

    async def create(self, call: Call) -> Answer:
        """Made, proven like an uploaded one, and active at once; InUse where there is an active one."""
        wanted = await call.json(_NEW)
        await self._services.catalog.read(lambda tables: _free(tables, call, wanted.provider))
        if call.where.environment is not Environment.SIMULATED:
            raise Invalid("A credential is made here only for the environment `simulated`.", field="env")
        report = await self._adding.examine(call.where, _generated(wanted.provider))
        made = await self._adding.keep(call, "credential.create", report)
        return Answer(Uploaded(await self._activated(call, made.credential.id), made.checks, made.probe), status=201)

    async def _activated(self, call: Call, credential: str) -> CredentialView:
        now_ms = self._services.clock.now_ms()
        entry = replace(call.entry("credential.activate", now_ms), target=credential)

        def work(tables: Tables) -> Changed[CredentialView]:
            kept = all_of(tables, call.where)
            chosen = next(one for one in kept if one.id == credential)
            _free(tables, call, chosen.provider)
            rows = switched(kept, chosen, chosen.slot, now_ms)
            store(tables, rows, entry)
            return Changed(view_of(rows[-1]), credential, {"active": ""}, {"active": credential, "slot": chosen.slot})

        return await self._services.catalog.change(entry, work)


def _free(tables: Tables, call: Call, provider: str) -> None:
    there = members(all_of(tables, call.where), provider, "")
    if any(one.state is CredentialState.ACTIVE for one in there):
        raise InUse("There is an active credential for this provider here already; send with that.")


def _generated(provider: str) -> Upload:
    if provider == "fcm":
        return Upload(provider, generated_account(PROJECT), None, {"file_name": f"{PROJECT}.json"})
    hints = {"file_name": f"AuthKey_{KEY}.p8", "key_id": KEY, "team_id": TEAM}
    return Upload(provider, generated_key(), None, hints)


def routes(services: Services) -> tuple[Route, ...]:
    return (
        route("POST", "/v1/apps/{app}/{env}/credentials/simulated", Simulated(services).create,
              permission=Permission.CREDENTIAL_WRITE, action="credential.create",
              summary="Make a credential for the simulators and send with it: no file is needed.",
              shape=Shape(NewSimulated, Uploaded, 201)),
    )  # fmt: skip
