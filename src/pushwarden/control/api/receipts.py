"""/v1/receipts: every stop's proof, for as long as the database is kept: read, signed, and the pace around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from pushwarden.control.api.stop_views import RecordList, RecordView, record_view
from pushwarden.control.outlook import Outlook
from pushwarden.control.pace import Pace, by_minute, by_second
from pushwarden.control.signed import signed
from pushwarden.control.stop_parts import patiently
from pushwarden.control.stops import PATIENCE_SECONDS, Stops
from pushwarden.core.app import Snapshot
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.ports.catalog import Catalog, StopRecord
from pushwarden.ports.clock import Clock
from pushwarden.ports.signer import Signer
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

MOST = 50


class PaceView(msgspec.Struct):
    """A value for every step from since_ms on, null where nobody counted; cut_ms: when the stop was in effect.

    counts: `written`, requests as senders wrote them, or `accepted`, answers, where seconds are not known any more.
    """

    since_ms: int
    step_ms: int
    cut_ms: int
    counts: str
    values: list[float | None]


class KeyView(msgspec.Struct):
    """key: as signed receipts name it. public: PEM, Ed25519."""

    key: str
    public: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What receipts are shown with. names: what people call an actor."""

    catalog: Catalog
    clock: Clock
    snapshot: Callable[[], Snapshot]
    outlook: Outlook
    names: Callable[[str], str]
    signer: Signer


class ReceiptDesk:
    def __init__(self, stops: Stops, shown: Shown) -> None:
        self._stops, self._shown = stops, shown

    async def list(self, call: Call) -> Answer:
        asked = call.query("limit").get("limit")
        most = min(MOST, call.number(asked, "limit", MOST, MOST))
        found = await self._stops.past(call.where.organisation, most)
        return Answer(RecordList([self._view(one) for one in found if _seen(call, one)]))

    async def one(self, call: Call) -> Answer:
        return Answer(self._view(await self._record(call)))

    async def signed(self, call: Call) -> Answer:
        """A file; the bytes are what a signature is over, so they go out as they are."""
        view = self._view(await self._record(call)).receipt
        if view is None:
            raise NotFound("What the senders confirmed is not known; there is no receipt to sign.")
        name = f'attachment; filename="{view.id}.json"'.encode()
        return Answer(signed(view, self._shown.signer), headers=((b"content-disposition", name),))

    async def key(self, _: Call) -> Answer:
        return Answer(KeyView(self._shown.signer.name, self._shown.signer.public))

    async def pace(self, call: Call) -> Answer:
        by = call.query("by").get("by", "")
        if by not in ("", "second"):
            raise Invalid("`by` is second, or left out.", field="by")
        record, shown = await self._record(call), self._shown
        now = shown.clock.now_ms()
        found = by_second(record, shown.outlook.trace, now)
        if by and found is None:
            raise NotFound("Nobody looked at the seconds around this stop; leave `by` out for the minutes.")
        if found is None or not (found.told or by):
            names = sorted({app.organisation for app in shown.snapshot().apps.values()})
            reading = shown.catalog.browse(partial(by_minute, record, organisations=names, now=now))
            found = await patiently(reading, PATIENCE_SECONDS)
        return Answer(_pace_view(found))

    async def _record(self, call: Call) -> StopRecord:
        found = await self._stops.record(call.params["receipt"])
        if found is None or not _seen(call, found):
            raise NotFound("There is no such receipt here, or it is not yours.")
        return found

    def _view(self, record: StopRecord) -> RecordView:
        return record_view(record, self._shown.outlook, self._shown.names)


def _seen(call: Call, record: StopRecord) -> bool:
    """Of this organisation or of the installation, and about something the caller may see."""
    own = record.scope.organisation in ("", call.where.organisation)
    return own and call.principal.about(Permission.STOP_READ, record.scope)


def _pace_view(pace: Pace) -> PaceView:
    counts = "accepted" if pace.accepted else "written"
    return PaceView(pace.since, pace.step, pace.cut, counts, list(pace.values))


def routes(stops: Stops, shown: Shown) -> tuple[Route, ...]:
    desk, read, within = ReceiptDesk(stops, shown), Permission.STOP_READ, Within.HANDLER
    one = "/v1/receipts/{receipt}"
    return (
        route("GET", "/v1/receipts", desk.list, permission=read, within=within,
              summary="Stops, lifted ones too, newest first.", shape=Shape(None, RecordList, query=("limit",))),
        route("GET", "/v1/receipts/key", desk.key, permission=read, within=within,
              summary="The public key that signed receipts are verified by.", shape=Shape(None, KeyView)),
        route("GET", one, desk.one, permission=read, within=within,
              summary="A stop with what each sender confirmed, in force or lifted.", shape=Shape(None, RecordView)),
        route("GET", one + "/signed", desk.signed, permission=read, within=within,
              summary="The receipt as a file signed by this installation (a JSON Web Signature)."),
        route("GET", one + "/pace", desk.pace, permission=read, within=within,
              summary="How fast was sent around the stop; by=second asks no database.",
              shape=Shape(None, PaceView, query=("by",))),
    )  # fmt: skip
