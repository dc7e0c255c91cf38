"""/v1/keys: made, listed, rotated, revoked. A key's text is shown once and kept nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from pushwarden.control.access import minted, reload
from pushwarden.control.api.fields import Name, Request, Slug
from pushwarden.control.services import Services
from pushwarden.core.apikey import DAY_MS, ApiKey
from pushwarden.core.errors import InUse, Invalid, NotFound
from pushwarden.core.principal import KeyKind, Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

LONGEST_OVERLAP = 7 * 86_400


class NewKey(Request):
    """Without `app` it is for the whole organisation; `installation` makes it one for every organisation."""

    name: Name
    kind: KeyKind
    app: Slug = ""
    environment: Environment | None = None
    installation: bool = False
    expires_in_days: Annotated[int, Meta(ge=1, le=366)] = 365


class Rotation(Request):
    """overlap_seconds: how long the old key still works."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP)] = 86_400
    expires_in_days: Annotated[int, Meta(ge=1, le=366)] = 365


class KeyView(msgspec.Struct):
    id: str
    name: str
    kind: str
    organisation: str
    app: str
    environment: str | None
    created_at: int
    created_by: str
    expires_at: int
    revoked_at: int | None
    last_used_at: int | None
    rotated_from: str
    version: int


class KeyList(msgspec.Struct):
    keys: list[KeyView]


class Minted(msgspec.Struct):
    """`key` is shown this once."""

    key: str
    view: KeyView


_NEW = msgspec.json.Decoder(NewKey)
_ROTATION = msgspec.json.Decoder(Rotation)


def view_of(key: ApiKey) -> KeyView:
    own = {name: getattr(key, name) for name in KeyView.__struct_fields__ if hasattr(key, name)}
    scope = key.scope
    return KeyView(organisation=scope.organisation, app=scope.app, environment=scope.environment, **own)


class Keys:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        kept = await self._services.catalog.read(lambda tables: tables.keys.all())
        return Answer(KeyList([view_of(key) for key in kept if _visible(call, key)]))

    async def get(self, call: Call) -> Answer:
        return Answer(view_of(await self._services.catalog.read(lambda tables: _one(tables, call))))

    async def create(self, call: Call) -> Answer:
        wanted = await call.json(_NEW)
        scope = _scope(call, wanted)
        call.require(Permission.KEY_WRITE, scope)
        now = self._services.clock.now_ms()
        key, text = minted(
            wanted.name,
            wanted.kind,
            scope,
            now_ms=now,
            expires_at=now + wanted.expires_in_days * DAY_MS,
            by=call.principal.id,
        )

        def work(tables: Tables) -> Changed[None]:
            if scope.app and tables.apps.get(scope.organisation, scope.app) is None:
                raise Invalid(f"There is no app `{scope.app}`; make it first.", field="app")
            tables.keys.insert(key)
            return Changed(None, target=key.id, after=_said(key))

        await self._commit(call, "key.create", work)
        return Answer(Minted(text, view_of(key)), status=201)

    async def revoke(self, call: Call) -> Answer:
        now = self._services.clock.now_ms()

        def work(tables: Tables) -> Changed[ApiKey]:
            key = _one(tables, call)
            call.require(Permission.KEY_WRITE, key.scope)
            revoked = replace(key, revoked_at=key.revoked_at or now, version=key.version + 1)
            tables.keys.update(revoked)
            return Changed(revoked, target=key.id, before=_said(key), after=_said(revoked))

        return Answer(view_of(await self._commit(call, "key.revoke", work)))

    async def rotate(self, call: Call) -> Answer:
        wanted = await call.json(_ROTATION)
        now = self._services.clock.now_ms()
        old = await self._services.catalog.read(lambda tables: _one(tables, call))
        call.require(Permission.KEY_WRITE, old.scope)
        key, text = minted(
            old.name,
            old.kind,
            old.scope,
            now_ms=now,
            expires_at=now + wanted.expires_in_days * DAY_MS,
            by=call.principal.id,
        )
        key = replace(key, rotated_from=old.id)

        def work(tables: Tables) -> Changed[None]:
            kept = _one(tables, call)
            if not kept.usable(now):
                raise InUse("This key has ended; make a new one.")
            ends = min(kept.expires_at, now + wanted.overlap_seconds * 1000)
            tables.keys.update(replace(kept, expires_at=ends, version=kept.version + 1))
            tables.keys.insert(key)
            return Changed(None, target=key.id, before=_said(kept), after=_said(key) | {"old_expires_at": ends})

        await self._commit(call, "key.rotate", work)
        return Answer(Minted(text, view_of(key)), status=201)

    async def _commit(self, call: Call, action: str, work: Any) -> Any:
        """The change, then the ring of this process at once; others follow within their poll."""
        done = await self._services.catalog.change(call.entry(action, self._services.clock.now_ms()), work)
        await reload(self._services)
        return done


def _scope(call: Call, wanted: NewKey) -> Scope:
    if wanted.installation:
        if wanted.app or wanted.environment:
            raise Invalid("A key for the installation names no app and no environment.", field="installation")
        return Scope()
    if wanted.environment and not wanted.app:
        raise Invalid("Name the `app` this environment belongs to.", field="environment")
    return Scope(call.where.organisation, wanted.app, wanted.environment)


def _visible(call: Call, key: ApiKey) -> bool:
    """Keys of this organisation within the caller's reach; installation-wide ones only to those who have all of it."""
    here = key.scope.organisation in ("", call.where.organisation)
    return here and call.principal.may(Permission.KEY_READ, key.scope)


def _one(tables: Tables, call: Call) -> ApiKey:
    for organisation in (call.where.organisation, ""):
        key = tables.keys.get(organisation, call.params["key"])
        if key is not None and _visible(call, key):
            return key
    raise NotFound


def _said(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "kind": key.kind.value,
        "scope": key.scope.key,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def routes(services: Services) -> tuple[Route, ...]:
    keys, one, write = Keys(services), "/v1/keys/{key}", Permission.KEY_WRITE
    mine = Within.HANDLER
    return (
        route("GET", "/v1/keys", keys.list, permission=Permission.KEY_READ, within=mine,
              summary="The keys within your scope.", shape=Shape(None, KeyList)),
        route("POST", "/v1/keys", keys.create, permission=write, within=mine, action="key.create", fresh=True,
              summary="Make a key; its text is in this answer only.", shape=Shape(NewKey, Minted, 201)),
        route("GET", one, keys.get, permission=Permission.KEY_READ, within=mine, summary="A key.",
              shape=Shape(None, KeyView)),
        route("POST", one + "/revoke", keys.revoke, permission=write, within=mine, action="key.revoke",
              summary="End a key now.", shape=Shape(None, KeyView)),
        route("POST", one + "/rotate", keys.rotate, permission=write, within=mine, action="key.rotate", fresh=True,
              summary="Make its successor; the old one works for a while yet.", shape=Shape(Rotation, Minted, 201)),
    )  # fmt: skip
