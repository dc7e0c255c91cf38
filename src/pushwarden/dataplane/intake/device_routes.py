"""Registering, importing, exporting. A device key registers and removes an installation it can name, and sees none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta, Struct, json

from pushwarden.core.app import Snapshot
from pushwarden.core.columns import GUESS, columns_of
from pushwarden.core.device_rules import Entry, entry_of, parse_device
from pushwarden.core.errors import Invalid, PushwardenError
from pushwarden.core.importing import lister, write_lines
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.directory_routes import BASE, device_view, known
from pushwarden.dataplane.intake.import_book import ImportBook, errors_file
from pushwarden.dataplane.intake.import_preview import previewed
from pushwarden.dataplane.intake.imports import import_file, try_file
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import Devices, Registry
from pushwarden.web.body import decode
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

BODY_LIMIT = 64 * 1024
IMPORT_LIMIT = 1 << 40
IMPORT_QUERY = ("progress", "dry_run", "columns", "id", "size")


class Revival(Struct, frozen=True, forbid_unknown_fields=True):
    """Tombstones set within so many hours, 30 days at most; with a reason only those of that reason."""

    within_hours: Annotated[int, Meta(ge=1, le=720)]
    reason: Annotated[str, Meta(max_length=64)] = ""


_REVIVAL = json.Decoder(Revival)


@dataclass(frozen=True, slots=True)
class DeviceRoutes:
    registry: Registry
    devices: Devices
    snapshot: Callable[[], Snapshot]
    clock: Clock
    book: ImportBook

    def routes(self) -> list[Route]:
        write, register = Permission.DEVICE_WRITE, Permission.DEVICE_REGISTER
        one = BASE + "/{installation_id}"
        return [
            route("PUT", one, self.put, permission=register, action="device.register", limit=BODY_LIMIT,
                  summary="Register a device, or its new token", shape=Shape(Entry)),
            route("DELETE", one, self.delete, permission=register, action="device.remove",
                  summary="Opt out: forget an installation and withdraw what is queued for it"),
            route("POST", BASE + "/import", self.post_import, permission=write, action="device.import", noted=True,
                  limit=IMPORT_LIMIT, summary="Import NDJSON or CSV; every bad line is told by its number",
                  shape=Shape(query=IMPORT_QUERY)),
            route("POST", BASE + "/import/preview", self.preview, permission=write, limit=BODY_LIMIT * 2,
                  summary="What the first lines of a file would be taken for", shape=Shape(query=("columns",))),
            route("GET", BASE + "/imports", self.imports, permission=write,
                  summary="Imports under way and the last ones that ended, newest first"),
            route("GET", BASE + "/imports/{import}", self.get_import, permission=write, summary="How far an import is"),
            route("DELETE", BASE + "/imports/{import}", self.remove_import, permission=write, noted=True,
                  action="device.import_remove", summary="Remove an import's report; what it brought stays"),
            route("GET", BASE + "/imports/{import}/errors", self.import_errors, permission=write,
                  summary="Every line it refused, with its number, as CSV"),
            route("POST", BASE + "/revive", self.revive, permission=write, action="device.revive", noted=True,
                  limit=BODY_LIMIT, summary="Undo tombstones set of late", shape=Shape(Revival)),
            route("GET", BASE + "/export", self.export, permission=write, action="device.export", noted=True,
                  summary="All devices with their tokens as NDJSON that an import takes back"),
        ]  # fmt: skip

    async def put(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        device = parse_device(await call.read(), call.params["installation_id"])
        (done,) = await self.registry.register(call.where, [device], self.clock.now_ms())
        return Answer(device_view(done.device) | {"change": done.change}, 201 if done.change == "created" else 200)

    async def delete(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        removed = await self.registry.remove(call.where, call.params["installation_id"])
        return Answer({"removed": removed})

    async def post_import(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        asked = call.query(*IMPORT_QUERY)
        progress, dry_run = (_yes(asked, name) for name in ("progress", "dry_run"))
        reader = lister(call.header(b"content-type"), columns_of(asked.get("columns", "")))
        size = call.header(b"content-length") or asked.get("size", "")
        noted = await self.book.open(
            call.where, call.principal.name, asked.get("id", ""), dry_run=dry_run,
            size=call.number(size or "0", "size", 0, IMPORT_LIMIT),
        )  # fmt: skip
        parts = self.book.counted(noted, call.stream())
        read = try_file(parts, reader) if dry_run else import_file(self.registry, call.where, parts, reader)
        reports = self.book.follow(noted, read)
        if progress:
            return Answer(stream=_told(reports), content_type=b"application/x-ndjson")
        async for report in reports:
            last = report
        return Answer(last)

    async def imports(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        return Answer({"imports": [one.view() for one in await self.book.of(call.where)]})

    async def get_import(self, call: Call) -> Answer:
        return Answer((await self.book.get(call.where, call.params["import"])).view())

    async def import_errors(self, call: Call) -> Answer:
        return errors_file((await self.book.get(call.where, call.params["import"])).errors)

    async def remove_import(self, call: Call) -> Answer:
        await self.book.remove(call.where, call.params["import"])
        return Answer({"removed": call.params["import"]})

    async def preview(self, call: Call) -> Answer:
        """What the beginning of a file would be taken for; nothing is written or remembered."""
        known(self.snapshot(), call.where)
        columns = call.query("columns").get("columns", GUESS)
        return Answer(previewed(call.header(b"content-type"), await call.read(), columns))

    async def revive(self, call: Call) -> Answer:
        """Buried tokens live again; the provider's next word may bury them anew."""
        known(self.snapshot(), call.where)
        wanted = decode(_REVIVAL, await call.read())
        now = self.clock.now_ms()
        since, revived = now - wanted.within_hours * 3_600_000, 0
        for audience in await self.devices.audiences(call.where):
            revived += await self.devices.exhume(audience.id, since_ms=since, now_ms=now, reason=wanted.reason)
        return Answer({"revived": revived})

    async def export(self, call: Call) -> Answer:
        known(self.snapshot(), call.where)
        return Answer(stream=self._lines(call.where), content_type=b"application/x-ndjson")

    async def _lines(self, where: Scope) -> AsyncIterator[bytes]:
        async for page in self.registry.export(where):
            yield write_lines([entry_of(device) for device in page])


def _yes(asked: dict[str, str], name: str) -> bool:
    """1 or true; absent is no."""
    value = asked.get(name, "")
    if value not in ("", "1", "true", "false"):
        raise Invalid(f"Say ?{name}=1, or leave it out.", field=name)
    return value in ("1", "true")


async def _told(reports: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """A line a report. The status is long sent when the store fails, so the last line then is a problem's fields."""
    try:
        async for report in reports:
            yield json.encode(report) + b"\n"
    except PushwardenError as error:
        yield json.encode({"code": error.code, "detail": error.detail, **error.extra}) + b"\n"
