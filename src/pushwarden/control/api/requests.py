"""/v1/apps/{app}/{env}/credentials/requests: a key pair made and kept sealed here, so that nobody needs a Mac."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from pushwarden.control.api.adding import Adding, app_of, kept
from pushwarden.control.api.credential_views import Uploaded, probe_view, view_of
from pushwarden.control.api.fields import Identifier, Request
from pushwarden.control.api.upload import LIMIT, UploadBody, uploaded
from pushwarden.control.services import Services, new_id
from pushwarden.core.app import App, Credential, CredentialKind
from pushwarden.core.errors import InUse, Invalid, NotFound
from pushwarden.core.line import LINE
from pushwarden.core.principal import Permission
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.providers.port import Requesting
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

PROVIDER = "apns"
MOST = 20
"""Open requests of an app."""
LONGEST_NAME = 64
"""Characters of a common name (RFC 5280)."""
PKCS10 = b"application/pkcs10"
"""RFC 5967."""

Name = Annotated[str, Meta(pattern=LINE, max_length=LONGEST_NAME)]
Email = Annotated[str, Meta(pattern=r"^([!-?A-~]+@[!-?A-~]+)?$(?!\n)", max_length=254)]


class NewRequest(Request):
    """name: the app's by itself, or that of what it renews. email: the app's first contact by itself.

    renews: the certificate whose successor it is for.
    """

    name: Name = ""
    email: Email = ""
    renews: Identifier = ""


class RequestView(msgspec.Struct):
    """state: open, stale (open for 90 days; still answerable) or answered. answered_by: the last credential."""

    id: str
    environment: Environment
    name: str
    state: str
    public_key: str
    renews: str
    answered_by: str
    created_by: str
    created_at: int
    version: int


class RequestList(msgspec.Struct):
    requests: list[RequestView]


class Instructions(msgspec.Struct):
    """What to give to Apple, and what to do there. answer: where Apple's certificate goes then."""

    request: RequestView
    pem: str
    file_name: str
    download: str
    page: str
    steps: list[str]
    answer: str


@dataclass(frozen=True, slots=True)
class _Plan:
    app: App
    renewed: Credential | None
    name: str
    email: str


class Requests:
    def __init__(self, services: Services) -> None:
        self._services, self._adding = services, Adding(services)

    async def list(self, call: Call) -> Answer:
        def work(tables: Tables) -> RequestList:
            app_of(tables, call.where)
            found = tables.requests.of(call.where.organisation, call.where.app)
            return RequestList([self._view(one) for one in found if one.environment is call.where.environment])

        return Answer(await self._services.catalog.read(work))

    async def create(self, call: Call) -> Answer:
        wanted = await call.json(_NEW)
        plan = await self._services.catalog.read(lambda tables: _planned(tables, call.where, wanted))
        request, key = await asyncio.to_thread(self._made, call, plan)

        def work(tables: Tables) -> Changed[Instructions]:
            _planned(tables, call.where, wanted)
            sealed = self._services.vault.seal(key, request.label)  # in the transaction, as in adding.py
            tables.requests.insert(replace(request, sealed=sealed))
            made = self._instructions(request, plan.app, plan.renewed)
            return Changed(made, target=request.id, after=msgspec.to_builtins(made.request))

        entry = call.entry("credential.request", request.created_at)
        return Answer(await self._services.catalog.change(entry, work), status=201)

    async def get(self, call: Call) -> Answer:
        def work(tables: Tables) -> Instructions:
            request = _one(tables, call)
            renewed = tables.credentials.get(request.organisation, request.app, request.renews)
            return self._instructions(request, app_of(tables, call.where), renewed)

        return Answer(await self._services.catalog.read(work))

    async def download(self, call: Call) -> Answer:
        def work(tables: Tables) -> tuple[str, str]:
            request = _one(tables, call)
            return file_name(request, app_of(tables, call.where)), request.pem

        name, pem = await self._services.catalog.read(work)
        kept_as = (b"content-disposition", f'attachment; filename="{name}"'.encode())
        return Answer(pem.encode(), headers=(kept_as,), content_type=PKCS10)

    async def answer(self, call: Call) -> Answer:
        """A certificate that is here already is told as it stands; another one for the same key is a new credential."""
        meant = await self._services.catalog.read(lambda tables: _one(tables, call))
        sent = replace(await uploaded(call), provider=PROVIDER)
        report = await self._adding.examine(call.where, sent, meant)
        if report.kind != CredentialKind.APNS_CERTIFICATE:
            raise Invalid("That is no certificate; upload it to …/credentials.", field="file")
        same = await self._services.catalog.read(lambda tables: kept(tables, call.where, report.fingerprint))
        if same is not None:
            last = await self._services.catalog.read(lambda tables: tables.probes.last(same.organisation, same.id))
            return Answer(Uploaded(view_of(same), list(report.checks), probe_view(last, same) if last else None))
        return Answer(await self._adding.keep(call, "credential.answer", report), status=201)

    async def delete(self, call: Call) -> Answer:
        def work(tables: Tables) -> Changed[None]:
            request = _one(tables, call)
            tables.requests.delete(request)
            return Changed(None, target=request.id, before=msgspec.to_builtins(self._view(request)))

        await self._services.catalog.change(call.entry("credential.request_delete", self._now()), work)
        return Answer(status=204)

    def _now(self) -> int:
        return self._services.clock.now_ms()

    def _requesting(self) -> Requesting:
        found = self._services.providers[PROVIDER].requesting
        assert found is not None
        return found

    def _made(self, call: Call, plan: _Plan) -> tuple[CertificateRequest, Secret]:
        """In a thread."""
        assert call.where.environment is not None
        made = self._requesting().make(plan.name, plan.email)
        request = CertificateRequest(
            plan.app.organisation, plan.app.id, call.where.environment, new_id(), plan.name, made.pem, made.public_key,
            renews=plan.renewed.id if plan.renewed else "", created_by=call.principal.id, created_at=self._now(),
        )  # fmt: skip
        return request, made.key

    def _view(self, request: CertificateRequest) -> RequestView:
        state = "stale" if request.stale(self._now()) else "open" if request.open else "answered"
        return RequestView(
            request.id, request.environment, request.name, state, request.public_key, request.renews,
            request.answered_by, request.created_by, request.created_at, request.version,
        )  # fmt: skip

    def _instructions(self, request: CertificateRequest, app: App, renewed: Credential | None) -> Instructions:
        one = f"/v1/apps/{request.app}/{request.environment}/credentials/requests/{request.id}"
        answer, name, requesting = f"{one}/certificate", file_name(request, app), self._requesting()
        steps = (
            *requesting.steps(app.bundle_id, renewed.slot if renewed else "", name),
            f"Bring the file back: `pushwarden credentials answer {app.id} FILE --env {request.environment}`, "
            f"or POST it to {answer}.",
        )
        return Instructions(
            self._view(request), request.pem, name, f"{one}.certSigningRequest", requesting.page, list(steps), answer
        )


def file_name(request: CertificateRequest, app: App) -> str:
    """What a browser saves it as: `Shop_Push_2026-11-22.certSigningRequest`."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", app.name).strip("_") or app.id
    return f"{words}_Push_{datetime.fromtimestamp(request.created_at / 1000, UTC):%Y-%m-%d}.certSigningRequest"


def _planned(tables: Tables, where: Scope, wanted: NewRequest) -> _Plan:
    """What will be made; InUse or Invalid when nothing may be."""
    app = app_of(tables, where)
    if sum(one.open for one in tables.requests.of(app.organisation, app.id)) >= MOST:
        raise InUse(
            f"{MOST} requests of this app wait for Apple's certificate already; delete those that nobody will answer."
        )
    renewed = _renewed(tables, where, wanted.renews) if wanted.renews else None
    name = wanted.name or (_name_of(tables, renewed) if renewed else f"{app.name} Push")
    email = wanted.email or next((one for one in app.contacts if one.isascii()), "")
    return _Plan(app, renewed, name[:LONGEST_NAME], email)


def _renewed(tables: Tables, where: Scope, credential: str) -> Credential:
    found = tables.credentials.get(where.organisation, where.app, credential)
    if found is None or found.environment is not where.environment:
        raise Invalid("`renews` is no credential of this app and environment.", field="renews")
    if found.kind is not CredentialKind.APNS_CERTIFICATE:
        raise Invalid("`renews` is no certificate; a key does not end, so it needs no successor.", field="renews")
    return found


def _name_of(tables: Tables, renewed: Credential) -> str:
    """The name of the request it came from, or its own."""
    request = tables.requests.get(renewed.organisation, renewed.app, renewed.request)
    return request.name if request else str(renewed.facts["subject"])


def _one(tables: Tables, call: Call) -> CertificateRequest:
    app_of(tables, call.where)
    found = tables.requests.get(call.where.organisation, call.where.app, call.params["request"])
    if found is None or found.environment is not call.where.environment:
        raise NotFound
    return found


_NEW = msgspec.json.Decoder(NewRequest)


def routes(services: Services) -> tuple[Route, ...]:
    requests, base = Requests(services), "/v1/apps/{app}/{env}/credentials/requests"
    one, read, write = base + "/{request}", Permission.CREDENTIAL_READ, Permission.CREDENTIAL_WRITE
    return (
        route("GET", base, requests.list, permission=read, summary="Certificate requests made here, newest first.",
              shape=Shape(None, RequestList)),
        route("POST", base, requests.create, permission=write, action="credential.request",
              summary="Make a key pair that stays sealed here, and a request for Apple's certificate.",
              shape=Shape(NewRequest, Instructions, 201)),
        route("GET", one, requests.get, permission=read, summary="A request and what to do with it at Apple.",
              shape=Shape(None, Instructions)),
        route("GET", one + ".certSigningRequest", requests.download, permission=read,
              summary="The file for Apple (PKCS#10, PEM)."),
        route("POST", one + "/certificate", requests.answer, permission=write, action="credential.answer", limit=LIMIT,
              summary="Bring Apple's certificate back; it becomes a standby credential.",
              shape=Shape(UploadBody, Uploaded, 201, query=("wait",))),
        route("DELETE", one, requests.delete, permission=write, action="credential.request_delete",
              summary="Destroy a request and its key; credentials made from it stay.", shape=Shape(status=204)),
    )  # fmt: skip
