"""A credential file becomes a credential: checked, sealed or joined with a key that waits sealed, kept as standby."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pushwarden.control.api.credential_views import Uploaded, probe_view, view_of
from pushwarden.control.api.upload import Upload
from pushwarden.control.proofs import Waiting, ask, not_asked, waited
from pushwarden.control.publish import publish
from pushwarden.control.services import Services, new_id
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.errors import AlreadyExists, Invalid, NotFound, UnusableCredential
from pushwarden.core.messages import Result
from pushwarden.core.names import PEOPLE
from pushwarden.core.probe import Probe
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.slots import members
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.providers.port import Report
from pushwarden.web.call import Call


class Adding:
    """What an upload and the answer to a certificate request have in common."""

    def __init__(self, services: Services) -> None:
        self._services, self._waiting = services, Waiting(services)

    async def examine(self, where: Scope, sent: Upload, meant: CertificateRequest | None = None) -> Report:
        """The report of a usable file; UnusableCredential has the checks of another. meant: the request it answers."""
        if sent.provider and sent.provider not in PEOPLE:
            known = ", ".join(PEOPLE)
            raise Invalid(f"There is no provider `{sent.provider}`; it is one of {known}.", field="provider")
        hints = await self._services.catalog.read(lambda tables: _hints(tables, where))
        asked = {"request": meant.public_key} if meant else {}
        own = {**sent.hints, **hints, **asked}
        report = await self._services.inspect(sent.provider, sent.content, sent.password, own)
        if not report.usable:
            failed = next((check.sentence for check in report.checks if check.result == Result.FAILED), "")
            raise UnusableCredential(failed, kind=report.kind, checks=report.checks, facts=report.facts)
        return report

    async def keep(self, call: Call, action: str, report: Report) -> Uploaded:
        """AlreadyExists when it is there. Its proof is asked for at once, and waited for as `?wait=` says."""
        credential, seconds = self._credential(call.where, report), waited(call, 0)
        stopped, entry = self._services.stopped(call.where), call.entry(action, credential.created_at)

        def work(tables: Tables) -> Changed[tuple[Credential, Probe | None]]:
            if same := kept(tables, call.where, credential.fingerprint):
                raise AlreadyExists("This credential was uploaded before; activate the one that is there.", id=same.id)
            joined = "public_key" in report.facts
            made = _joined(tables, credential, report) if joined else self._sealed(credential, report)
            beside = members(tables.credentials.of(*_place(call.where)), made.provider, made.slot)
            made = replace(made, revision=max((one.revision for one in beside), default=1))
            tables.credentials.insert(made)
            publish(tables, entry)
            probe = None if stopped else ask(tables, made, call.principal.id, made.created_at)
            return Changed((made, probe), target=made.id, after=msgspec.to_builtins(view_of(made)))

        made, probe = await self._services.catalog.change(entry, work)
        if probe is None:
            return Uploaded(view_of(made), [*report.checks, not_asked(made.provider)])
        probe = await self._waiting.until_done(probe, seconds)
        return Uploaded(view_of(made), list(report.checks), probe_view(probe, made))

    def _credential(self, where: Scope, report: Report) -> Credential:
        """Not sealed yet."""
        assert where.environment is not None
        return Credential(
            where.organisation,
            where.app,
            where.environment,
            new_id(),
            report.provider,
            CredentialKind(report.kind),
            CredentialState.STANDBY,
            report.fingerprint,
            dict(report.facts),
            slot=next(iter(report.facts.get("slots", ())), ""),
            created_at=self._services.clock.now_ms(),
        )

    def _sealed(self, credential: Credential, report: Report) -> Credential:
        """In the transaction: a rotation that found nothing left to seal anew before it is seen here."""
        assert report.material is not None
        return replace(credential, sealed=self._services.vault.seal(report.material, credential.label))


def app_of(tables: Tables, where: Scope) -> App:
    """NotFound when there is none, as for one of others."""
    app = tables.apps.get(where.organisation, where.app)
    if app is None:
        raise NotFound(f"There is no app `{where.app}` here, or it is not yours.")
    return app


def kept(tables: Tables, where: Scope, fingerprint: str) -> Credential | None:
    """The credential of this fingerprint that is there already."""
    found = tables.credentials.of(*_place(where))
    return next(
        (one for one in found if one.fingerprint == fingerprint and one.state is not CredentialState.RETIRED), None
    )


def _place(where: Scope) -> tuple[str, str, Environment]:
    assert where.environment is not None
    return where.organisation, where.app, where.environment


def _hints(tables: Tables, where: Scope) -> dict[str, str]:
    """Keys of all environments are known, because Apple's certificates are for both; only the own ones are named."""
    app, requests = app_of(tables, where), tables.requests.of(where.organisation, where.app)
    waiting = [one.name for one in requests if one.open and one.environment is where.environment]
    there = tables.credentials.of(*_place(where))
    projects = [one.facts.get("project_id", "") for one in there if one.state is CredentialState.ACTIVE]
    hints = {
        "environment": str(where.environment),
        "bundle_id": app.bundle_id,
        "requests": msgspec.json.encode({one.public_key: one.name for one in requests}).decode(),
        "open_requests": ", ".join(waiting),
        "known_project": next(filter(None, projects), ""),
    }
    return {name: value for name, value in hints.items() if value}


def _joined(tables: Tables, credential: Credential, report: Report) -> Credential:
    """The certificate beside its sealed key. Nobody but a sender can put the two together."""
    assert report.material is not None
    requests = tables.requests.of(credential.organisation, credential.app)
    request = next((one for one in requests if one.public_key == report.facts["public_key"]), None)
    if request is None:
        raise NotFound("The request this certificate was made from was deleted meanwhile, and its key with it.")
    if request.environment is credential.environment:
        tables.requests.update(replace(request, answered_by=credential.id, version=request.version + 1))
    pem = report.material.reveal().decode()
    return replace(credential, sealed=request.sealed, request=request.id, certificate=pem)
