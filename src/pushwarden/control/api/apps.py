"""/v1/apps: what Pushwarden sends for, and the configuration in effect."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pushwarden.control.api.callbacks import NewCallback, new_callback
from pushwarden.control.api.fields import Email, Identifier, Name, Request, Slug, Text, Url, Version, given
from pushwarden.control.publish import publish
from pushwarden.control.services import Services
from pushwarden.core.app import App
from pushwarden.core.errors import NotFound, stale
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

Callbacks = Annotated[tuple[Url, ...], Meta(max_length=10)]
Contacts = Annotated[tuple[Email, ...], Meta(max_length=20)]


class NewApp(Request):
    id: Slug
    name: Name | UnsetType = UNSET
    description: Text = ""
    enabled: bool = True
    bundle_id: Identifier = ""
    android_package: Identifier = ""
    wns_sid: Text = ""
    callbacks: Callbacks = ()
    contacts: Contacts = ()
    trial: bool = False


class AppChange(Request):
    version: Version
    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    bundle_id: Identifier | UnsetType = UNSET
    android_package: Identifier | UnsetType = UNSET
    wns_sid: Text | UnsetType = UNSET
    callbacks: Callbacks | UnsetType = UNSET
    contacts: Contacts | UnsetType = UNSET
    trial: bool | UnsetType = UNSET


class AppList(msgspec.Struct):
    apps: list[App]


_NEW = msgspec.json.Decoder(NewApp)
_CHANGE = msgspec.json.Decoder(AppChange)


class Apps:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        """Those of which the caller may see a part at least."""
        organisation, may = call.where.organisation, call.principal.about
        apps = await self._services.catalog.read(
            lambda tables: [seen(tables, app) for app in tables.apps.all(organisation)]
        )
        return Answer(AppList([one for one in apps if may(Permission.APP_READ, Scope(organisation, one.id))]))

    async def get(self, call: Call) -> Answer:
        return Answer(await self._services.catalog.read(lambda tables: app_of(tables, call.where)))

    async def create(self, call: Call) -> Answer:
        wanted = await call.json(_NEW)
        call.require(Permission.APP_WRITE, Scope(call.where.organisation, wanted.id))
        now = self._services.clock.now_ms()
        fields = {"name": wanted.id, **given(wanted), "callbacks": ()}
        app = App(call.where.organisation, **fields, created_at=now)
        entry = replace(call.entry("app.create", now), scope=Scope(app.organisation, app.id))

        def work(tables: Tables) -> Changed[App]:
            tables.apps.insert(app)
            self._tell(tables, app, wanted.callbacks, now)
            publish(tables, entry)
            made = seen(tables, app)
            return Changed(made, target=app.id, after=asdict(made))

        return Answer(await self._services.catalog.change(entry, work), status=201)

    async def change(self, call: Call) -> Answer:
        wanted, now = await call.json(_CHANGE), self._services.clock.now_ms()
        entry = call.entry("app.change", now)

        def work(tables: Tables) -> Changed[App]:
            before = app_of(tables, call.where)
            after = replace(before, **(given(wanted) | {"callbacks": ()}), version=wanted.version + 1)
            tables.apps.update(after)
            if wanted.callbacks is not UNSET:
                self._tell(tables, after, wanted.callbacks, now)
            publish(tables, entry)
            after = seen(tables, after)
            return Changed(after, target=after.id, before=asdict(before), after=asdict(after))

        return Answer(await self._services.catalog.change(entry, work))

    def _tell(self, tables: Tables, app: App, urls: tuple[str, ...], now_ms: int) -> None:
        """The app has callbacks to exactly these addresses afterwards; `rotate` shows a new one's secret."""
        standing = tables.callbacks.of(app.organisation, app.id)
        for callback in standing:
            if callback.url not in urls:
                tables.callbacks.delete(callback)
        where = Scope(app.organisation, app.id)
        for url in dict.fromkeys(urls):
            if url not in {callback.url for callback in standing}:
                tables.callbacks.insert(new_callback(self._services, where, NewCallback(url=url), now_ms)[0])

    async def delete(self, call: Call) -> Answer:
        version = call.number(call.query("version").get("version"), "version", 0, 2**53)
        entry = call.entry("app.delete", self._services.clock.now_ms())

        def work(tables: Tables) -> Changed[None]:
            before = app_of(tables, call.where)
            if version not in (0, before.version):
                raise stale(before.version)
            tables.apps.update(replace(before, callbacks=(), deleted_at=entry.at, version=before.version + 1))
            publish(tables, entry)
            return Changed(None, target=before.id, before=asdict(before))

        await self._services.catalog.change(entry, work)
        return Answer(status=204)


def app_of(tables: Tables, where: Scope) -> App:
    """The app a path names; NotFound where there is none in this organisation."""
    app = tables.apps.get(where.organisation, where.app)
    if app is None:
        raise NotFound(f"There is no app `{where.app}` here, or it is not yours.")
    return seen(tables, app)


def seen(tables: Tables, app: App) -> App:
    """With the addresses of its callbacks, which stand in their own table."""
    return replace(app, callbacks=tuple(one.url for one in tables.callbacks.of(app.organisation, app.id)))


def routes(services: Services) -> tuple[Route, ...]:
    apps, one = Apps(services), "/v1/apps/{app}"
    return (
        route("GET", "/v1/apps", apps.list, permission=Permission.APP_READ, within=Within.HANDLER,
              summary="The apps this key may see.", shape=Shape(None, AppList)),
        route("POST", "/v1/apps", apps.create, permission=Permission.APP_WRITE, within=Within.HANDLER,
              action="app.create", summary="Make an app.", shape=Shape(NewApp, App, 201)),
        route("GET", one, apps.get, permission=Permission.APP_READ, within=Within.AROUND, summary="An app.",
              shape=Shape(None, App)),
        route("PATCH", one, apps.change, permission=Permission.APP_WRITE, action="app.change",
              summary="Change an app; `version` is the one you read.", shape=Shape(AppChange, App)),
        route("DELETE", one, apps.delete, permission=Permission.APP_DELETE, fresh=True, action="app.delete",
              summary="Put an app into the bin: nothing is sent for it, and it can be put back for a week.",
              shape=Shape(status=204, query=("version",))),
    )  # fmt: skip
