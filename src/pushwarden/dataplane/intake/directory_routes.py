"""Devices for people who look: listed and searched, marked for tests, their tokens shown, what is gone cleared away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from msgspec import Meta, Struct, json

from pushwarden.core.app import Snapshot
from pushwarden.core.device import TOKEN_KINDS, Device, DeviceState
from pushwarden.core.device_search import LEAST_WHOLE, MOST, DeviceQuery, Place, token_prefix
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.core.secret import redacted
from pushwarden.core.tags import parse_tags
from pushwarden.dataplane.intake.views import iso
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import Registry
from pushwarden.ports.directory import Directory
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

BASE = "/v1/apps/{app}/{env}/devices"
PAGE = 50
_HOUR_MS = 3_600_000
_TEXTS = ("installation_id", "user", "app_version", "build", "reason")
QUERY = ("token", *_TEXTS, "tags", "provider", "token_kind", "test", "state", "after", "limit")


class Marking(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether every device of the installation is a test device, whatever its app says."""

    test: bool


class Clearing(Struct, frozen=True, forbid_unknown_fields=True):
    """Tombstones older than so many hours; with a reason only those of that reason. dry_run counts and drops none."""

    older_than_hours: Annotated[int, Meta(ge=0, le=720)] = 0
    reason: Annotated[str, Meta(max_length=128)] = ""
    dry_run: bool = False


_MARKING, _CLEARING = json.Decoder(Marking), json.Decoder(Clearing)


@dataclass(frozen=True, slots=True)
class DirectoryRoutes:
    directory: Directory
    registry: Registry
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def routes(self) -> list[Route]:
        read, write = Permission.DEVICE_READ, Permission.DEVICE_WRITE
        one = BASE + "/{installation_id}"
        return [
            route("GET", BASE, self.search, permission=read, shape=Shape(query=QUERY),
                  summary="Devices, newest first; `token` is how it begins; `next` of a page is `after` of the next"),
            route("GET", one, self.get, permission=read, summary="An installation's devices, tokens redacted"),
            route("PATCH", one, self.patch, permission=write, action="device.mark", noted=True, shape=Shape(Marking),
                  summary="Make an installation's devices test devices, or not"),
            route("GET", one + "/tokens", self.tokens, permission=write, action="device.reveal", noted=True,
                  summary="An installation's devices with their whole tokens; who asked stands in the audit"),
            route("POST", BASE + "/clear", self.clear, permission=write, action="device.clear", noted=True,
                  shape=Shape(Clearing), summary="Drop what the provider called gone now, not after 30 days"),
        ]  # fmt: skip

    async def search(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        asked = call.query(*QUERY)
        after = Place.parse(asked["after"]) if asked.get("after") else None
        limit = call.number(asked.get("limit"), "limit", PAGE, MOST)
        query = query_of(asked)
        found = await self.directory.search(call.where, query, after=after, limit=max(1, limit))
        if query.token and not found.devices:  # not a whole one then
            query = replace(query, token="", begins=query.token)
            found = await self.directory.search(call.where, query, after=after, limit=max(1, limit))
        return Answer(
            {
                "devices": [device_view(device) for device in found.devices],
                "next": str(found.after) if found.after else None,
                "searched": found.searched,
            }
        )

    async def get(self, call: Call) -> Answer:
        return Answer(installation_view(call.params["installation_id"], await self._devices(call)))

    async def tokens(self, call: Call) -> Answer:
        devices = await self._devices(call)
        views = [device_view(device) | {"token": device.token} for device in devices]
        return Answer({"installation_id": call.params["installation_id"], "devices": views})

    async def patch(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        wanted, name = await call.json(_MARKING), call.params["installation_id"]
        devices = await self.directory.mark(call.where, name, test=wanted.test)
        if not devices:
            raise _nobody()
        return Answer(installation_view(name, devices))

    async def clear(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        wanted = await call.json(_CLEARING)
        before = self.clock.now_ms() + 1 - wanted.older_than_hours * _HOUR_MS
        count = await self.directory.clear_gone(
            call.where, before_ms=before, reason=wanted.reason, dry_run=wanted.dry_run
        )
        return Answer({"cleared": count, "dry_run": wanted.dry_run})

    async def _devices(self, call: Call) -> list[Device]:
        devices = await self.registry.get(call.where, call.params["installation_id"])
        if not devices:
            raise _nobody()
        return devices


def known(snapshot: Snapshot, where: Scope) -> None:
    """NotFound unless the app is there. A disabled one still takes registrations: its phones go on living."""
    if snapshot.app(where.organisation, where.app) is None:
        raise NotFound(f"There is no app {where.app[:64]} here, or it is not yours.")


def query_of(asked: dict[str, str]) -> DeviceQuery:
    """Invalid names the parameter that cannot be."""
    provider, kind = asked.get("provider", ""), asked.get("token_kind", "")
    if provider and provider not in TOKEN_KINDS:
        raise Invalid(f"provider must be one of {', '.join(TOKEN_KINDS)}.", field="provider")
    state, test = asked.get("state", ""), asked.get("test", "")
    if state not in ("", *DeviceState):
        raise Invalid("state must be live or gone.", field="state")
    if test not in ("", "true", "false"):
        raise Invalid("test must be true or false.", field="test")
    token = token_prefix(asked["token"]) if asked.get("token") else ""
    whole = len(token) >= LEAST_WHOLE
    return DeviceQuery(
        token=token if whole else "",
        begins="" if whole else token,
        tags=parse_tags(asked["tags"]) if asked.get("tags") else None,
        provider=provider,
        token_kind=kind,
        test=test == "true" if test else None,
        state=DeviceState(state) if state else None,
        **{name: asked.get(name, "") for name in _TEXTS},
    )


def _nobody() -> NotFound:
    return NotFound("There is no such installation here, or it is not yours.")


def installation_view(name: str, devices: Sequence[Device]) -> dict[str, Any]:
    return {"installation_id": name, "devices": [device_view(device) for device in devices]}


def device_view(device: Device) -> dict[str, Any]:
    """What people see of a device: its token only by its first characters. marked: a person made it a test device."""
    return {
        "installation_id": device.installation_id,
        "provider": device.provider,
        "token_kind": device.token_kind,
        "token": redacted(device.token),
        "user": device.user,
        "app_version": device.app_version,
        "build": device.build,
        "tags": list(device.tags),
        "test": device.test,
        "marked": device.marked,
        "state": str(device.state),
        "registered_at": iso(device.registered_at),
        "gone_at": iso(device.gone_at),
        "gone_reason": device.gone_reason,
        "version": device.version,
    }
