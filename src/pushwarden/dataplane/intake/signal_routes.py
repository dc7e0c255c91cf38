"""Where devices report that a push arrived or was opened. The nonce that only its recipients know is the permission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct, json

from pushwarden.core.addressed import digest, names, unpack
from pushwarden.core.device import RAW_AUDIENCE, Device
from pushwarden.core.device_search import DeviceQuery
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.signal import FEW, Signal, SignalKind, proves
from pushwarden.ports.clock import Clock
from pushwarden.ports.journal import Progress
from pushwarden.ports.stores import DeviceStore, JournalStore
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

BODY = 8192
_Text = Annotated[str, Meta(max_length=4096)]


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """push and nonce: as the payload has them. Either the installation or its token. at: Unix ms, 0 for now."""

    push: Annotated[str, Meta(pattern="^[0-9a-f]{20}$")]
    nonce: Annotated[str, Meta(max_length=64)]
    event: SignalKind
    installation_id: _Text = ""
    token: _Text = ""
    at: Annotated[int, Meta(ge=0, le=2**53)] = 0


_REPORT = json.Decoder(Report)


@dataclass(frozen=True, slots=True)
class SignalRoutes:
    journal: JournalStore
    devices: DeviceStore
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            route("POST", "/v1/apps/{app}/{env}/signals", self.post, permission=None, action="push.signal",
                  summary="A device reports that it received or opened a push", shape=Shape(Report, status=204),
                  limit=BODY),
        ]  # fmt: skip

    async def post(self, call: Call) -> Answer:
        said = await call.json(_REPORT)
        if bool(said.installation_id) == bool(said.token):
            raise Invalid("Name either the installation_id or the token of the device.", field="installation_id")
        progress = await self.journal.progress(Scope(), said.push)
        if progress is None or not _is_of(progress, call) or not proves(progress.push.message.data, said.nonce):
            raise _unknown()
        await self.journal.signal([self._signal(progress, said, await self._device(progress, said))])
        return Answer(status=204)

    def _signal(self, progress: Progress, said: Report, device: tuple[int, int]) -> Signal:
        """A time that cannot be is replaced by now: phones' clocks are often wrong."""
        now = self.clock.now_ms()
        at = said.at if progress.push.accepted_at <= said.at <= now else now
        return Signal(said.push, *device, said.event, at, apart=progress.estimated <= FEW)

    async def _device(self, progress: Progress, said: Report) -> tuple[int, int]:
        """Audience and number of the device that reports. NotFound when it is none of the push's."""
        where = progress.push.scope
        place = Scope(where.organisation, where.app, where.environment)
        raw = _raw(progress, said.token.encode())
        if raw is not None:
            return RAW_AUDIENCE, raw
        kind = progress.push.type.token_kind
        found = [one for one in await self._named(place, said) if one.token_kind.startswith(kind)]
        audiences = {(one.provider, one.token_kind): one.id for one in await self.devices.audiences(place)}
        keys = [(audiences[one.provider, one.token_kind], one.seq) for one in found]
        own = [key for key in keys if names(progress.addressed, *key) is not False]
        if not own:
            raise _unknown()
        return own[0]

    async def _named(self, place: Scope, said: Report) -> Sequence[Device]:
        if said.installation_id:
            return await self.devices.get(place, said.installation_id)
        if len(said.token) < 16:
            raise _unknown()
        found = await self.devices.search(place, DeviceQuery(token=said.token), limit=2)
        return [one for one in found.devices if one.token == said.token.lower() or one.token == said.token]


def _is_of(progress: Progress, call: Call) -> bool:
    push = progress.push
    known = call.params["env"] in Environment.__members__.values()
    return known and (push.app, str(push.environment)) == (call.params["app"], call.params["env"])


def _raw(progress: Progress, token: bytes) -> int | None:
    """The place of a raw token among those the push named."""
    if not token:
        return None
    raw = [entry for audience, entry in unpack(progress.addressed) if audience == RAW_AUDIENCE]
    wanted = digest(token)
    return raw.index(wanted) if wanted in raw else None


def _unknown() -> NotFound:
    return NotFound("There is no such push for this device, or the nonce is not its own.")
