"""/v1/bin: apps that were deleted, and the way back for a week."""

from __future__ import annotations

from dataclasses import asdict, replace

import msgspec

from pushwarden.control.api.apps import seen
from pushwarden.control.emptying import WEEK_MS
from pushwarden.control.publish import publish
from pushwarden.control.services import Services
from pushwarden.core.app import App
from pushwarden.core.errors import InUse, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class Binned(msgspec.Struct):
    """until: when it is destroyed, with its devices and credentials. Times are Unix milliseconds."""

    app: App
    deleted_at: int
    until: int


class BinList(msgspec.Struct):
    apps: list[Binned]


class Bin:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        """Those the caller could put back."""
        organisation = call.where.organisation
        found = await self._services.catalog.read(lambda tables: tables.apps.binned(organisation))
        mine = [app for app in found if call.principal.may(Permission.APP_DELETE, Scope(organisation, app.id))]
        return Answer(BinList([Binned(app, app.deleted_at, app.deleted_at + WEEK_MS) for app in mine]))

    async def put_back(self, call: Call) -> Answer:
        entry = call.entry("app.undelete", self._services.clock.now_ms())

        def work(tables: Tables) -> Changed[App]:
            found = next((app for app in tables.apps.binned(call.where.organisation) if app.id == call.where.app), None)
            if found is None:
                raise NotFound(f"There is no app `{call.where.app}` in the bin.")
            if found.deleted_at + WEEK_MS <= entry.at:
                raise InUse("Its week is over, and it is being destroyed; make it anew.")
            tables.apps.update(replace(found, deleted_at=0, version=found.version + 1))
            publish(tables, entry)
            app = seen(tables, replace(found, deleted_at=0, version=found.version + 1))
            return Changed(app, target=app.id, after=asdict(app))

        return Answer(await self._services.catalog.change(entry, work))


def routes(services: Services) -> tuple[Route, ...]:
    desk, may = Bin(services), Permission.APP_DELETE
    return (
        route("GET", "/v1/bin", desk.list, permission=may, within=Within.HANDLER,
              summary="Apps that were deleted and can be put back.", shape=Shape(None, BinList)),
        route("POST", "/v1/bin/{app}", desk.put_back, permission=may, action="app.undelete",
              summary="Put an app back as it was.", shape=Shape(None, App)),
    )  # fmt: skip
