"""Simulated phones of an app: added in one request, registered as test devices, and what they showed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json

from pushwarden.core.app import Snapshot
from pushwarden.core.device import Device
from pushwarden.core.errors import Invalid, NoSimulator, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import Registry
from pushwarden.ports.phones import Phone, Phones, Shown
from pushwarden.web.body import decode
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

BASE = "/v1/apps/{app}/{env}/phones"
NAMES = {"apns": "simulated-iphone", "fcm": "simulated-android"}
"""Provider → the installation id of an app's phone there: one is enough to see a push arrive."""


class NewPhone(Struct, frozen=True, forbid_unknown_fields=True):
    """provider: whose phone, apns an iPhone, fcm an Android phone. user: whose it is to be."""

    provider: Literal["apns", "fcm"] = "apns"
    user: Annotated[str, Meta(max_length=256)] = ""


class PhoneView(Struct):
    """shown: what it showed last, newest first; at in Unix ms, texts empty for a silent push."""

    installation_id: str
    provider: str
    added_at: int
    shown: list[dict[str, Any]]


class PhoneList(Struct):
    """stand: the providers that have a simulator here."""

    phones: list[PhoneView]
    stand: list[str]


_NEW = json.Decoder(NewPhone)


@dataclass(frozen=True, slots=True)
class PhoneRoutes:
    registry: Registry
    phones: Phones
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def routes(self) -> list[Route]:
        write = Permission.DEVICE_WRITE
        return [
            route("GET", BASE, self.list, permission=Permission.PUSH_READ, shape=Shape(None, PhoneList),
                  summary="The simulated phones of an app and what they showed"),
            route("POST", BASE, self.post, permission=write, action="phone.add", noted=True,
                  summary="Add the simulated phone: a test device that receives, shows and confirms",
                  shape=Shape(NewPhone, PhoneView, 201, also=(200,))),
            route("DELETE", BASE + "/{installation_id}", self.delete, permission=write, action="phone.remove",
                  noted=True, summary="Remove a simulated phone and its device"),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        where = self._simulated(call)
        found = [_view(phone, shown) for phone, shown in self.phones.of(where)]
        return Answer(PhoneList(found, [provider for provider in NAMES if self.phones.stand(provider)]))

    async def post(self, call: Call) -> Answer:
        """The one that is there, if there is one; its device is registered anew either way."""
        where, wanted = self._simulated(call), decode(_NEW, await call.read() or b"{}")
        if not self.phones.stand(wanted.provider):
            raise NoSimulator
        known = {phone.provider: (phone, shown) for phone, shown in self.phones.of(where)}
        phone, shown = known.get(wanted.provider) or (self._made(where, wanted.provider), ())
        if wanted.provider not in known:
            await self.phones.add(phone)
        device = Device(phone.installation_id, phone.provider, phone.token, user=wanted.user, test=True)
        await self.registry.register(where, [device], self.clock.now_ms())
        return Answer(_view(phone, shown), 200 if wanted.provider in known else 201)

    async def delete(self, call: Call) -> Answer:
        where = self._simulated(call)
        if not await self.phones.remove(where, call.params["installation_id"]):
            raise NotFound("There is no such phone here, or it is not yours.")
        await self.registry.remove(where, call.params["installation_id"])
        return Answer(status=204)

    def _made(self, where: Scope, provider: str) -> Phone:
        token = secrets.token_hex(32)
        if provider == "fcm":
            token = f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_urlsafe(100)}"
        return Phone(where.organisation, where.app, NAMES[provider], provider, token, self.clock.now_ms())

    def _simulated(self, call: Call) -> Scope:
        if self.snapshot().app(call.where.organisation, call.where.app) is None:
            raise NotFound(f"There is no app {call.where.app[:64]} here, or it is not yours.")
        if call.where.environment is not Environment.SIMULATED:
            raise Invalid("A simulated phone receives only in the environment `simulated`.", field="env")
        return call.where


def _view(phone: Phone, shown: Sequence[Shown]) -> PhoneView:
    return PhoneView(phone.installation_id, phone.provider, phone.added_at, [asdict(one) for one in shown])
