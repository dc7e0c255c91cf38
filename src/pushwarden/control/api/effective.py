"""/v1/apps/{app}/{env}/effective: what sends now, with what, since when and on which senders; to read or to copy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from pushwarden.control.api.apps import app_of
from pushwarden.control.api.credential_views import CredentialView, HealthView, absent, stood
from pushwarden.control.services import Services
from pushwarden.control.standings import Stand, stands_of
from pushwarden.core.app import App, Credential
from pushwarden.core.configuration import credential_words
from pushwarden.core.errors import Invalid
from pushwarden.core.outcome import Ending
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.core.tally import HOUR_MS
from pushwarden.core.yaml import written
from pushwarden.ports.catalog import Tables
from pushwarden.ports.tallies import Step
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

YAML = b"application/yaml; charset=utf-8"
COPIED = ("key_id", "team_id", "serial", "topics", "environments", "project_id", "client_email")
"""What is known of a credential that a person compares with what the provider shows."""


class StopView(msgspec.Struct):
    id: str
    scope: str
    reason: str
    actor: str
    stopped_at: int


class Loading(msgspec.Struct):
    """loaded of `senders` have the newest configuration; since: all of them, Unix ms, 0 while one has not."""

    senders: int
    loaded: int
    since: int


class Effective(msgspec.Struct):
    """snapshot: the version published last; senders say which one each has. version: of this app's configuration.

    credentials: by provider for the main slot, by provider/slot for the others. words: what each is called. absent:
    providers for which the app has a name and no credential. accepted_at: by provider, when it last accepted a push
    (Unix ms, to the second), as far as that is known.
    """

    app: App
    environment: str
    snapshot: int
    version: int
    credentials: dict[str, CredentialView]
    words: dict[str, str]
    stops: list[StopView]
    senders: list[dict[str, Any]]
    loading: Loading
    accepted_at: dict[str, int]
    absent: dict[str, HealthView]


def form_of(call: Call) -> str:
    """json, or yaml to copy it."""
    form = call.query("format").get("format", "json")
    if form not in ("json", "yaml"):
        raise Invalid("`format` is json or yaml.", field="format")
    return form


class Desk:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def get(self, call: Call) -> Answer:
        form = form_of(call)
        found = await self._services.catalog.read(lambda tables: self._effective(tables, call))
        if form == "json":
            return Answer(found)
        return Answer(written(copied(found)).encode(), content_type=YAML)

    def _effective(self, tables: Tables, call: Call) -> Effective:
        where, environment, now_ms = call.where, call.where.environment, self._services.clock.now_ms()
        assert environment is not None
        app, requests = app_of(tables, where), tables.requests.of(where.organisation, where.app)
        own = stands_of(tables, now_ms, app, environment)
        chosen = {_seat(one.credential): one for one in own if one.chosen}
        stops = [stop for stop in tables.stops.open(where.organisation) if stop.scope.covers(where)]
        version = tables.snapshots.version()
        return Effective(
            app,
            environment,
            version,
            last.number if (last := tables.versions.last(where.organisation, where.app)) else 0,
            {seat: stood(one, now_ms) for seat, one in chosen.items()},
            {seat: _words(one.credential) for seat, one in chosen.items()},
            [StopView(stop.id, str(stop.scope), stop.reason, stop.actor, stop.stopped_at) for stop in stops],
            [dict(sender) for sender in self._services.senders(where)],
            self._loading(version),
            self._accepted(tables, where, own, now_ms),
            absent(app, environment, own, requests),
        )

    def _loading(self, version: int) -> Loading:
        situation = self._services.situation()
        loaded = [one for one in situation.senders.values() if one.version == version]
        whole = bool(loaded) and len(loaded) == len(situation.senders)
        return Loading(len(situation.senders), len(loaded), max(one.since for one in loaded) if whole else 0)

    def _accepted(self, tables: Tables, where: Scope, own: list[Stand], now_ms: int) -> dict[str, int]:
        """As the senders' counters showed; since the api began, the last minute that counted one, or the last proof."""
        found = {one.credential.provider: one.record.proven_at for one in own if one.chosen}
        for tally in tables.tallies.of(where, Step.MINUTE, now_ms - HOUR_MS, now_ms + 1):
            if tally.amounts.ended(Ending.ACCEPTED):
                found[tally.provider] = max(tally.at, found.get(tally.provider, 0))
        accepted = self._services.situation().accepted
        place = (where.organisation, where.app, str(where.environment))
        newest = {provider: max(accepted.get((*place, provider), 0), at) for provider, at in found.items()}
        return {provider: at for provider, at in newest.items() if at}


def copied(found: Effective) -> dict[str, Any]:
    """What is in effect as a short document: no times that pass, nothing that is secret."""
    app = found.app
    named = {"bundle_id": app.bundle_id, "android_package": app.android_package, "wns_sid": app.wns_sid}
    return {
        "app": app.id,
        "name": app.name,
        "environment": str(found.environment),
        "version": found.version,
        **{name: value for name, value in named.items() if value},
        "sending": {"enabled": app.enabled, "test_devices_only": app.trial, "stopped": bool(found.stops)},
        "credentials": {seat: _credential(one) for seat, one in found.credentials.items()},
        "callbacks": list(app.callbacks),
    }


def _credential(one: CredentialView) -> dict[str, Any]:
    facts = {name: _plain(one.facts[name]) for name in COPIED if one.facts.get(name)}
    ends = one.facts.get("not_after")
    until = {"valid_to": f"{datetime.fromtimestamp(ends / 1000, UTC):%Y-%m-%d}"} if ends else {}
    kept = {"id": one.id, "kind": str(one.kind), "fingerprint": one.fingerprint, "enabled": one.enabled}
    return kept | facts | until


def _plain(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, list | tuple | set | frozenset) else value


def _words(one: Credential) -> str:
    return credential_words(one.kind, one.facts, one.fingerprint)


def _seat(credential: Credential) -> str:
    return f"{credential.provider}/{credential.slot}" if credential.slot else credential.provider


def routes(services: Services) -> tuple[Route, ...]:
    return (
        route("GET", "/v1/apps/{app}/{env}/effective", Desk(services).get, permission=Permission.APP_READ,
              summary="The configuration in effect now; `format=yaml` to copy it.",
              shape=Shape(None, Effective, query=("format",))),
    )  # fmt: skip
