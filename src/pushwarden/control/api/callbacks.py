"""/v1/apps/{app}/callbacks: where outcomes are told, signed. A secret is shown once and opens only in chores."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pushwarden.control.api.fields import Request, Url, Version, given
from pushwarden.control.services import Services, new_id
from pushwarden.control.versions import keep
from pushwarden.core.callback import TEST, Callback, Course, Delivery, Event, Message, failing, made, says, url_fault
from pushwarden.core.errors import InUse, Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.receipts import iso
from pushwarden.web.routes import Route, Shape, Within, route

MOST = 10
"""Callbacks of an app."""
DAY_S = 86_400
Events = Annotated[tuple[Event, ...], Meta(min_length=1, max_length=len(Event))]
Environments = Annotated[tuple[Environment, ...], Meta(max_length=len(Environment))]


class NewCallback(Request):
    """events: all when left out. environments: all when left out."""

    url: Url
    events: Events = tuple(Event)
    environments: Environments = ()
    enabled: bool = True


class CallbackChange(Request):
    version: Version
    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    environments: Environments | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Rotation(Request):
    """Both secrets sign for so long; 0 when the old one is known to others."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=30 * DAY_S)] = DAY_S


class Skipping(Request):
    """all: tell nothing of what happened before now; else only the message that is not taken is given up."""

    all: bool = False


class CallbackView(msgspec.Struct):
    """says: how it stands. message, attempts and next_try: of what is being told."""

    id: str
    url: str
    events: tuple[Event, ...]
    environments: tuple[Environment, ...]
    enabled: bool
    failing: bool
    says: str
    message: str
    attempts: int
    next_try: str | None
    two_secrets_until: str | None
    version: int
    created_at: int


class CallbackList(msgspec.Struct):
    callbacks: list[CallbackView]


class WithSecret(msgspec.Struct):
    """secret: shown this once."""

    callback: CallbackView
    secret: str


class Queued(msgspec.Struct):
    """message: find it in `deliveries`."""

    message: str


class DeliveryView(msgspec.Struct):
    message: str
    type: str
    at: str
    status: int
    ms: int
    error: str


class DeliveryList(msgspec.Struct):
    deliveries: list[DeliveryView]


_NEW = msgspec.json.Decoder(NewCallback)
_CHANGE = msgspec.json.Decoder(CallbackChange)
_ROTATION = msgspec.json.Decoder(Rotation)
_SKIPPING = msgspec.json.Decoder(Skipping)
Work = Callable[[Tables, Callback, Course], Any]


class Callbacks:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        def work(tables: Tables) -> CallbackList:
            _app(tables, call.where)
            return CallbackList([_seen(tables, one) for one in tables.callbacks.of(*_place(call.where))])

        return Answer(await self._services.catalog.read(work))

    async def get(self, call: Call) -> Answer:
        return Answer(await self._services.catalog.read(lambda tables: _seen(tables, _one(tables, call))))

    async def create(self, call: Call) -> Answer:
        wanted, now = await call.json(_NEW), self._services.clock.now_ms()
        entry = call.entry("callback.create", now)

        def work(tables: Tables) -> Changed[WithSecret]:
            callback, secret = new_callback(self._services, call.where, wanted, now)
            _app(tables, call.where)
            if len(tables.callbacks.of(*_place(call.where))) >= MOST:
                raise InUse(f"An app has at most {MOST} callbacks; delete one first.")
            tables.callbacks.insert(callback)
            keep(tables, entry)
            return Changed(WithSecret(_seen(tables, callback), secret), callback.id, after=audited(callback))

        return Answer(await self._services.catalog.change(entry, work), status=201)

    async def change(self, call: Call) -> Answer:
        wanted, now = await call.json(_CHANGE), self._services.clock.now_ms()
        fields, entry = given(wanted), call.entry("callback.change", now)
        if wanted.url is not UNSET:
            checked_url(wanted.url)

        def work(tables: Tables) -> Changed[CallbackView]:
            before = _one(tables, call)
            ended = "" if wanted.enabled is True else before.ended
            after = replace(before, **fields, ended=ended, version=wanted.version + 1)
            tables.callbacks.update(after)
            keep(tables, entry)
            return Changed(_seen(tables, after), after.id, audited(before), audited(after))

        return Answer(await self._services.catalog.change(entry, work))

    async def delete(self, call: Call) -> Answer:
        entry = call.entry("callback.delete", self._services.clock.now_ms())

        def work(tables: Tables) -> Changed[None]:
            callback = _one(tables, call)
            tables.callbacks.delete(callback)
            keep(tables, entry)
            return Changed(None, callback.id, before=audited(callback))

        await self._services.catalog.change(entry, work)
        return Answer(status=204)

    async def rotate(self, call: Call) -> Answer:
        wanted, now = await call.json(_ROTATION), self._services.clock.now_ms()
        secret = new_secret()

        def work(tables: Tables) -> Changed[WithSecret]:
            before = _one(tables, call)
            sealed = self._services.callback_vault.seal(Secret(secret.encode()), before.label)
            until = now + 1000 * wanted.overlap_seconds
            previous = before.sealed if wanted.overlap_seconds else b""
            after = replace(
                before, sealed=sealed, previous=previous, previous_until=until if previous else 0,
                version=before.version + 1,
            )  # fmt: skip
            tables.callbacks.update(after)
            return Changed(WithSecret(_seen(tables, after), secret), after.id, after={"two_secrets_until": until})

        return Answer(await self._services.catalog.change(call.entry("callback.rotate", now), work))

    async def test(self, call: Call) -> Answer:
        now = self._services.clock.now_ms()

        def put(tables: Tables, callback: Callback, course: Course) -> Queued:
            if not callback.enabled:
                raise InUse("This callback is off; turn it on first.")
            if any(one.trial for one in course.messages):
                raise InUse("A test is under way already; look at `deliveries`.")
            message = made(TEST, callback.app, [], now, trial=True)
            tables.courses.put(callback, message)
            return Queued(message.id)

        return Answer(await self._on_course(call, "callback.test", put), status=202)

    async def retry(self, call: Call) -> Answer:
        now = self._services.clock.now_ms()

        def put(tables: Tables, callback: Callback, course: Course) -> CallbackView:
            message = _stuck(course)
            tables.courses.put(callback, replace(message, since=now, due_at=now, attempts=0, gave_up=False))
            return _seen(tables, callback)

        return Answer(await self._on_course(call, "callback.retry", put))

    async def skip(self, call: Call) -> Answer:
        wanted, now = await call.json(_SKIPPING), self._services.clock.now_ms()

        def drop(tables: Tables, callback: Callback, course: Course) -> CallbackView:
            if not wanted.all:
                tables.courses.drop(callback, _stuck(course).id)
                return _seen(tables, callback)
            fresh = replace(callback, created_at=now, version=callback.version + 1)
            tables.callbacks.delete(callback)  # with all that is kept of how far it came
            tables.callbacks.insert(fresh)
            return _seen(tables, fresh)

        return Answer(await self._on_course(call, "callback.skip", drop))

    async def deliveries(self, call: Call) -> Answer:
        found = await self._services.catalog.read(lambda tables: tables.courses.deliveries(_one(tables, call)))
        return Answer(DeliveryList([delivery_view(one) for one in found]))

    async def _on_course(self, call: Call, action: str, work: Work) -> Any:
        def changed(tables: Tables) -> Changed[Any]:
            callback = _one(tables, call)
            course = tables.courses.get(callback)
            return Changed(work(tables, callback, course), callback.id)

        return await self._services.catalog.change(call.entry(action, self._services.clock.now_ms()), changed)


def new_secret() -> str:
    """32 random bytes in the form Standard Webhooks has."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_callback(services: Services, where: Scope, wanted: NewCallback, now_ms: int) -> tuple[Callback, str]:
    """The callback and its secret, which is kept nowhere but sealed."""
    secret = new_secret()
    callback = Callback(
        where.organisation, where.app, f"cb_{new_id()}", checked_url(wanted.url), tuple(dict.fromkeys(wanted.events)),
        tuple(dict.fromkeys(wanted.environments)), wanted.enabled, created_at=now_ms,
    )  # fmt: skip
    sealed = services.callback_vault.seal(Secret(secret.encode()), callback.label)
    return replace(callback, sealed=sealed), secret


def checked_url(url: str) -> str:
    """Whether its address may be reached is asked again whenever something is told."""
    if fault := url_fault(url):
        raise Invalid(f"`url` {fault}.", field="url")
    return url


def audited(callback: Callback) -> dict[str, Any]:
    return {
        "url": callback.url, "events": [str(event) for event in callback.events], "enabled": callback.enabled,
        "environments": [str(one) for one in callback.environments],
    }  # fmt: skip


def delivery_view(one: Delivery) -> DeliveryView:
    return DeliveryView(one.message, one.kind, iso(one.at), one.status, one.ms, one.error)


def _seen(tables: Tables, callback: Callback) -> CallbackView:
    course = tables.courses.get(callback)
    message = course.message
    trying = message is not None and message.attempts > 0
    due = message.due_at if message and trying and not message.gave_up else 0
    return CallbackView(
        callback.id, callback.url, callback.events, callback.environments, callback.enabled,
        failing(callback, course), says(callback, course),
        message.id if message else "", message.attempts if message else 0, iso(due) if due else None,
        iso(callback.previous_until) if callback.previous_until else None, callback.version, callback.created_at,
    )  # fmt: skip


def _stuck(course: Course) -> Message:
    if course.message is None:
        raise InUse("Nothing waits to be told; there is nothing to retry or skip.")
    return course.message


def _place(where: Scope) -> tuple[str, str]:
    return where.organisation, where.app


def _app(tables: Tables, where: Scope) -> None:
    if tables.apps.get(where.organisation, where.app) is None:
        raise NotFound(f"There is no app `{where.app}` here, or it is not yours.")


def _one(tables: Tables, call: Call) -> Callback:
    found = tables.callbacks.get(*_place(call.where), call.params["callback"])
    if found is None:
        raise NotFound
    return found


def routes(services: Services) -> tuple[Route, ...]:
    desk, base = Callbacks(services), "/v1/apps/{app}/callbacks"
    one, read, write = base + "/{callback}", Permission.APP_READ, Permission.APP_WRITE
    return (
        route("GET", base, desk.list, permission=read, within=Within.AROUND,
              summary="Where an app's outcomes are told.", shape=Shape(None, CallbackList)),
        route("POST", base, desk.create, permission=write, action="callback.create",
              summary="Have outcomes told to an address; its signing secret is shown once.",
              shape=Shape(NewCallback, WithSecret, 201)),
        route("GET", one, desk.get, permission=read, within=Within.AROUND, summary="A callback and how it stands.",
              shape=Shape(None, CallbackView)),
        route("PATCH", one, desk.change, permission=write, action="callback.change",
              summary="Change a callback; `version` is the one you read.", shape=Shape(CallbackChange, CallbackView)),
        route("DELETE", one, desk.delete, permission=write, action="callback.delete",
              summary="Remove a callback; what was not told is not told.", shape=Shape(status=204)),
        route("POST", one + "/rotate", desk.rotate, permission=write, action="callback.rotate",
              summary="Give it a new secret; both sign for a while.", shape=Shape(Rotation, WithSecret)),
        route("POST", one + "/test", desk.test, permission=write, action="callback.test",
              summary="Send one `callback.test`, whatever else waits.", shape=Shape(None, Queued, 202)),
        route("GET", one + "/deliveries", desk.deliveries, permission=read, within=Within.AROUND,
              summary="The last tries, newest first.", shape=Shape(None, DeliveryList)),
        route("POST", one + "/retry", desk.retry, permission=write, action="callback.retry",
              summary="Try what was not taken again now.", shape=Shape(None, CallbackView)),
        route("POST", one + "/skip", desk.skip, permission=write, action="callback.skip",
              summary="Give up what was not taken, or all until now.", shape=Shape(Skipping, CallbackView)),
    )  # fmt: skip
