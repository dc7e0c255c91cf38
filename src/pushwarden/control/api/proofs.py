"""…/credentials/{credential}/verify: does the provider accept it now? Asked here, proven by a sender."""

from __future__ import annotations

from dataclasses import replace

from pushwarden.control.api.adding import app_of
from pushwarden.control.api.credential_views import ProbeView, probe_view
from pushwarden.control.proofs import USUAL_WAIT, Waiting, ask, nobody, waited
from pushwarden.control.services import Services
from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.errors import AppDisabled, InUse, NotFound, Stopped
from pushwarden.core.principal import Permission
from pushwarden.core.probe import Finding, Probe
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route


class Proofs:
    def __init__(self, services: Services) -> None:
        self._services, self._waiting = services, Waiting(services)

    async def verify(self, call: Call) -> Answer:
        seconds, now_ms = waited(call, USUAL_WAIT), self._services.clock.now_ms()
        if self._services.stopped(call.where):
            raise Stopped("Sending is stopped here, so nothing is asked for this app; resume it, then verify again.")

        def work(tables: Tables) -> Changed[tuple[Credential, Probe]]:
            credential = _usable(tables, call)
            probe = ask(tables, credential, call.principal.id, now_ms)
            return Changed((credential, probe), target=credential.id, after={"probe": probe.id})

        credential, probe = await self._services.catalog.change(call.entry("credential.verify", now_ms), work)
        probe = await self._waiting.until_done(probe, seconds)
        if seconds and not probe.done_at:
            probe = replace(probe, done_at=now_ms, checks=(nobody(credential.provider),))
        return _answer(probe_view(probe, credential))

    async def get(self, call: Call) -> Answer:
        def work(tables: Tables) -> ProbeView:
            credential = _one(tables, call)
            probe = tables.probes.get(credential.organisation, call.params["probe"])
            if probe is None or probe.credential != credential.id:
                raise NotFound
            return probe_view(probe, credential)

        return Answer(await self._services.catalog.read(work))


def _one(tables: Tables, call: Call) -> Credential:
    app = app_of(tables, call.where)
    credential = tables.credentials.get(app.organisation, app.id, call.params["credential"])
    if credential is None or credential.environment is not call.where.environment:
        raise NotFound
    return credential


def _usable(tables: Tables, call: Call) -> Credential:
    credential = _one(tables, call)
    if credential.state is CredentialState.RETIRED:
        raise InUse("This credential is retired and its material destroyed; upload it again.")
    if not app_of(tables, call.where).enabled:
        raise AppDisabled(f"The app {call.where.app} is disabled, so nothing is asked for it; enable it first.")
    return credential


def _answer(view: ProbeView) -> Answer:
    if view.finding is not Finding.VERIFYING:
        return Answer(view)
    return Answer(view, status=202, headers=((b"location", view.url.encode()),))


def routes(services: Services) -> tuple[Route, ...]:
    proofs, one = Proofs(services), "/v1/apps/{app}/{env}/credentials/{credential}"
    return (
        route("POST", one + "/verify", proofs.verify, permission=Permission.CREDENTIAL_WRITE,
              action="credential.verify", summary="Ask the provider whether it accepts the credential now.",
              shape=Shape(None, ProbeView, query=("wait",), also=(202,))),
        route("GET", one + "/probes/{probe}", proofs.get, permission=Permission.CREDENTIAL_READ,
              summary="What a live proof found, for a day.", shape=Shape(None, ProbeView)),
    )  # fmt: skip
