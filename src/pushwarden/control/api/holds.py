"""/v1/holds: lanes that wait because too many tokens died at once; a person looks and decides."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pushwarden.control.api.fields import Request, Text
from pushwarden.control.services import Services
from pushwarden.core.errors import InUse, Invalid, NotFound
from pushwarden.core.hold import Hold, Release
from pushwarden.core.lane import Lane
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class HoldRelease(Request):
    """apply: bury the tokens the provider named. discard: it was our mistake, touch none."""

    verdict: Release
    reason: Text = ""


class HoldList(msgspec.Struct):
    holds: list[Hold]


_RELEASE = msgspec.json.Decoder(HoldRelease)


class HoldDesk:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        asked = call.query("open").get("open", "false")
        if asked not in ("true", "false"):
            raise Invalid("`open` is true or false.", field="open")
        found = await self._services.catalog.read(
            lambda tables: tables.holds.all(call.where.organisation, open_only=asked == "true")
        )
        return Answer(
            HoldList([hold.shown() for hold in found if call.principal.may(Permission.APP_READ, _scope(hold))])
        )

    async def get(self, call: Call) -> Answer:
        return Answer(await self._services.catalog.read(lambda tables: _one(tables, call).shown()))

    async def release(self, call: Call) -> Answer:
        wanted = await call.json(_RELEASE)
        now = self._services.clock.now_ms()
        scope = _scope(await self._services.catalog.read(lambda tables: _one(tables, call)))
        call.require(Permission.HOLD_RELEASE, scope)

        def work(tables: Tables) -> Changed[Hold]:
            hold = _one(tables, call)
            if hold.released_at is not None:
                raise InUse(f"This hold was released by {hold.released_by} ({hold.release}).")
            ended = replace(hold, released_at=now, released_by=call.principal.id, release=wanted.verdict)
            tables.holds.put(ended)
            return Changed(ended.shown(), target=hold.id, after={"verdict": wanted.verdict.value, "lane": hold.lane})

        entry = replace(call.entry("hold.release", now, reason=wanted.reason), scope=scope)
        return Answer(await self._services.catalog.change(entry, work))


def _scope(hold: Hold) -> Scope:
    return Lane.parse(hold.lane).scope


def _one(tables: Tables, call: Call) -> Hold:
    hold = tables.holds.get(call.params["hold"])
    if hold is None or not Scope(call.where.organisation).covers(_scope(hold)):
        raise NotFound
    if not call.principal.may(Permission.APP_READ, _scope(hold)):
        raise NotFound
    return hold


def routes(services: Services) -> tuple[Route, ...]:
    desk, one = HoldDesk(services), "/v1/holds/{hold}"
    return (
        route("GET", "/v1/holds", desk.list, permission=Permission.APP_READ, within=Within.HANDLER,
              summary="Lanes held, newest first.", shape=Shape(None, HoldList, query=("open",))),
        route("GET", one, desk.get, permission=Permission.APP_READ, within=Within.HANDLER,
              summary="A hold with its evidence.", shape=Shape(None, Hold)),
        route("POST", one + "/release", desk.release, permission=Permission.HOLD_RELEASE, within=Within.HANDLER,
              action="hold.release", summary="Let the lane go, and say who was right.",
              shape=Shape(HoldRelease, Hold)),
    )  # fmt: skip
