"""/v1/apps/{app}/versions: what was configured when, by whom, what differs, and the way back."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import Any

import msgspec

from pushwarden.control.api.adding import app_of
from pushwarden.control.api.callbacks import new_secret
from pushwarden.control.api.effective import YAML, form_of
from pushwarden.control.api.version_views import (
    Restored,
    Restoring,
    Row,
    VersionDiff,
    VersionPage,
    VersionView,
    VersionWhole,
    copied,
)
from pushwarden.control.naming import called
from pushwarden.control.publish import publish
from pushwarden.control.restoring import Means, Restoration, decided
from pushwarden.control.services import Services
from pushwarden.core.app import App
from pushwarden.core.callback import Callback
from pushwarden.core.configuration import Version, differences, settings
from pushwarden.core.errors import ConfirmationNeeded, NotFound, stale
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.secret import Secret
from pushwarden.core.yaml import written
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

MOST = 100
_LATEST = 2**53


_RESTORING = msgspec.json.Decoder(Restoring)


class Versions:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        asked = call.query("before", "limit")
        before = call.number(asked.get("before"), "before", 0, _LATEST)
        limit = max(1, call.number(asked.get("limit"), "limit", 50, MOST))

        def work(tables: Tables) -> VersionPage:
            app = app_of(tables, call.where)
            found = tables.versions.page(app.organisation, app.id, before, limit + 1)
            seen = [_seen(call, one) for one in found]
            views = [self._view(one, past) for one, past in zip_longest(seen, seen[1:])][:limit]
            return VersionPage(views, found[limit - 1].number if len(found) > limit else None)

        return Answer(await self._services.catalog.read(work))

    async def get(self, call: Call) -> Answer:
        form = form_of(call)

        def work(tables: Tables) -> VersionWhole:
            one = _seen(call, _named(tables, call))
            before = tables.versions.get(one.organisation, one.app, one.number - 1)
            past = _seen(call, before) if before else None
            rows = [Row(where, row.name, row.words) for where, row in settings(one.configuration).items()]
            whole = {name: dict(section) for name, section in one.configuration.items()}
            return VersionWhole(**msgspec.structs.asdict(self._view(one, past)), rows=rows, configuration=whole)

        found = await self._services.catalog.read(work)
        return Answer(found) if form == "json" else Answer(written(copied(found)).encode(), content_type=YAML)

    async def diff(self, call: Call) -> Answer:
        """From this version to another one, or to the one in effect."""
        to = call.number(call.query("to").get("to"), "to", 0, _LATEST)

        def work(tables: Tables) -> VersionDiff:
            one = _named(tables, call)
            place = one.organisation, one.app
            other = tables.versions.get(*place, to) if to else tables.versions.last(*place)
            if other is None:
                raise NotFound(f"There is no version {to} of this app.")
            was, will = _seen(call, one), _seen(call, other)
            return VersionDiff(one.number, to, differences(was.configuration, will.configuration))

        return Answer(await self._services.catalog.read(work))

    async def restore(self, call: Call) -> Answer:
        await self._services.catalog.read(lambda tables: _named(tables, call))
        dry, wanted, where = call.flag("dry_run"), await call.json(_RESTORING), call.where
        services = self._services
        entry = call.entry("app.restore", services.clock.now_ms(), reason=wanted.reason)
        audiences = {
            environment: await services.audiences(Scope(where.organisation, where.app, environment))
            for environment in Environment
        }

        def plan(tables: Tables) -> tuple[Version, Restoration]:
            app, one = app_of(tables, where), _named(tables, call)
            _still(tables, app, wanted.version)
            means = Means(
                tables, app, entry.at, services.providers, audiences, call.principal.id, services.stopped, self._secret
            )
            found = decided(means, one.configuration)
            for environment in found.environments:
                call.require(Permission.CREDENTIAL_WRITE, Scope(app.organisation, app.id, environment))
            return one, found

        def work(tables: Tables) -> Changed[Restored]:
            one, found = plan(tables)
            if found.lost and "lost" not in wanted.confirm:
                raise _confirmation(found)
            found.do()
            publish(tables, entry, restored=one.number)
            told = _restored(found, one, _number(tables, where), done=True)
            return Changed(told, one.app, *_audited(told))

        if dry:
            one, found = await services.catalog.read(plan)
            return Answer(_restored(found, one, wanted.version, done=False))
        return Answer(await services.catalog.change(entry, work))

    def _view(self, one: Version, past: Version | None) -> VersionView:
        """past: the version before it, None for the first."""
        changed = differences(past.configuration, one.configuration) if past else []
        by = called(self._services, one.actor, one.actor_name)
        return VersionView(one.number, one.at, one.actor, by, one.action, one.restored, changed)

    def _secret(self, callback: Callback) -> bytes:
        return self._services.callback_vault.seal(Secret(new_secret().encode()), callback.label)


def _seen(call: Call, one: Version) -> Version:
    """What the caller may see of it: credentials only of environments that are his."""
    app = Scope(one.organisation, one.app)
    mine = {where for where in Environment if call.principal.may(Permission.APP_READ, replace(app, environment=where))}
    if len(mine) == len(Environment):
        return one
    seats = one.configuration.get("credentials", {})
    kept = {seat: value for seat, value in seats.items() if seat.partition("/")[0] in mine}
    return replace(one, configuration={**one.configuration, "credentials": kept})


def _named(tables: Tables, call: Call) -> Version:
    """The version a path names."""
    app, text = app_of(tables, call.where), call.params["version"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    found = tables.versions.get(app.organisation, app.id, number)
    if found is None:
        raise NotFound(f"There is no version {text} of this app.")
    return found


def _number(tables: Tables, where: Scope) -> int:
    last = tables.versions.last(where.organisation, where.app)
    return last.number if last else 0


def _still(tables: Tables, app: App, seen: int) -> None:
    number = _number(tables, Scope(app.organisation, app.id))
    if number != seen:
        raise stale(number)


def _confirmation(found: Restoration) -> ConfirmationNeeded:
    said = " ".join(one.sentence for one in found.lost)
    detail = f"Not everything can be brought back: {said} To restore the rest send `confirm` with lost."
    return ConfirmationNeeded(detail, confirm=["lost"], lost=found.lost)


def _restored(found: Restoration, one: Version, version: int, *, done: bool) -> Restored:
    return Restored(done, version, one.number, found.differences, found.lost, found.notes)


def _audited(told: Restored) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after, with the version that was brought back and the one that made."""
    before = {one.name: one.before for one in told.differences}
    after = {one.name: one.after for one in told.differences}
    return before, {**after, "restored": told.restored, "version": told.version}


def routes(services: Services) -> tuple[Route, ...]:
    versions, base = Versions(services), "/v1/apps/{app}/versions"
    one, read, part = base + "/{version}", Permission.APP_READ, Within.AROUND
    return (
        route("GET", base, versions.list, permission=read, within=part,
              summary="What was configured when, newest first.",
              shape=Shape(None, VersionPage, query=("before", "limit"))),
        route("GET", one, versions.get, permission=read, within=part,
              summary="A version, whole; `format=yaml` to copy it.",
              shape=Shape(None, VersionWhole, query=("format",))),
        route("GET", one + "/diff", versions.diff, permission=read, within=part,
              summary="What differs from it to version `to`, or to what is in effect.",
              shape=Shape(None, VersionDiff, query=("to",))),
        route("POST", one + "/restore", versions.restore, permission=Permission.APP_WRITE, action="app.restore",
              summary="Configure it again as it was then; `version` is the newest one you saw.",
              shape=Shape(Restoring, Restored, query=("dry_run",))),
    )  # fmt: skip
