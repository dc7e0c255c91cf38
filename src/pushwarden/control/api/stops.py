"""/v1/stop and /v1/resume. Nothing on the way of a stop reads a database."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pushwarden.control.api.fields import Identifier, Request, Slug, Text
from pushwarden.control.stop_parts import Held, Resumed, Standing
from pushwarden.control.stops import Stops
from pushwarden.core.app import Snapshot
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Environment, Scope
from pushwarden.web.body import decode
from pushwarden.web.call import Answer, Call
from pushwarden.web.receipts import ReceiptView, iso, receipt_view
from pushwarden.web.routes import Route, Shape, Within, route


class Target(Request):
    """What to stop: by itself all the key reaches in its organisation, narrowed by each field.

    `installation` is everything.
    """

    installation: bool = False
    app: Slug = ""
    environment: Environment | None = None
    schedule: Identifier = ""
    cohort: Identifier = ""


class StopRequest(Target):
    reason: Text = ""


class ResumeRequest(Target):
    held: Held = Held.KEEP
    reason: Text = ""


class StandingView(msgspec.Struct):
    """receipt: of the stop that stands; None when only the fence file knows of it."""

    scope: str
    organisation: str
    app: str
    environment: str
    schedule: str
    cohort: str
    since: str
    actor: str
    reason: str
    receipt: ReceiptView | None


class StandingList(msgspec.Struct):
    stops: list[StandingView]


class ResumedView(msgspec.Struct):
    """discarded: pushes whose rest ends `stopped`. shards: released or kept held. still: stops that go on covering."""

    scope: str
    held: Held
    discarded: list[str]
    shards: int
    still: list[str]


_STOP = msgspec.json.Decoder(StopRequest)
_RESUME = msgspec.json.Decoder(ResumeRequest)


class StopDesk:
    """snapshot: the configuration in memory, by which a misspelt app is refused instead of stopping nothing."""

    def __init__(self, stops: Stops, snapshot: Callable[[], Snapshot]) -> None:
        self._stops = stops
        self._snapshot = snapshot

    async def stop(self, call: Call) -> Answer:
        wanted = decode(_STOP, await call.read() or b"{}")
        scope = self._scope(wanted, call, Permission.STOP)
        return Answer(receipt_view(await self._stops.stop(scope, call.principal.id, wanted.reason)))

    async def status(self, call: Call) -> Answer:
        standing = await self._stops.status(Scope(call.where.organisation))
        return Answer(
            StandingList([_view(one) for one in standing if call.principal.about(Permission.STOP_READ, one.scope)])
        )

    async def resume(self, call: Call) -> Answer:
        wanted = await call.json(_RESUME)
        scope = self._scope(wanted, call, Permission.RESUME)
        return Answer(_resumed(await self._stops.resume(scope, call.principal.id, wanted.held, wanted.reason)))

    def _scope(self, wanted: Target, call: Call, permission: Permission) -> Scope:
        if wanted.installation:
            if wanted.app or wanted.environment or wanted.schedule or wanted.cohort:
                raise Invalid("`installation` stands for everything; leave the other fields out.", field="installation")
            scope = Scope()
        else:
            own = call.principal.own
            app, environment = wanted.app or own.app, wanted.environment or own.environment
            scope = Scope(call.where.organisation, app, environment, wanted.schedule, wanted.cohort)
        call.require(permission, scope)
        snapshot = self._snapshot()
        if wanted.app and snapshot.version and snapshot.app(scope.organisation, wanted.app) is None:
            raise NotFound(f"There is no app `{wanted.app}` here, or it is not yours.")
        return scope


def _view(standing: Standing) -> StandingView:
    scope, record = standing.scope, standing.record
    return StandingView(
        str(scope),
        scope.organisation,
        scope.app,
        str(scope.environment or ""),
        scope.schedule,
        scope.cohort,
        iso(standing.since_ms),
        record.actor if record else "",
        record.reason if record else "",
        receipt_view(record.receipt) if record and record.receipt else None,
    )


def _resumed(done: Resumed) -> ResumedView:
    return ResumedView(str(done.scope), done.held, list(done.discarded), done.shards, [str(one) for one in done.still])


def routes(stops: Stops, snapshot: Callable[[], Snapshot]) -> tuple[Route, ...]:
    desk = StopDesk(stops, snapshot)
    return (
        route("POST", "/v1/stop", desk.stop, permission=Permission.STOP, within=Within.HANDLER, action="stop.stop",
              summary="Stop sending at once; the receipt says what each sender confirmed.",
              shape=Shape(StopRequest, ReceiptView)),
        route("GET", "/v1/stop", desk.status, permission=Permission.STOP_READ, within=Within.HANDLER,
              summary="What is stopped now, since when and by whom.", shape=Shape(None, StandingList)),
        route("POST", "/v1/resume", desk.resume, permission=Permission.RESUME, within=Within.HANDLER,
              action="stop.resume", summary="Lift a stop; say what becomes of held pushes.",
              shape=Shape(ResumeRequest, ResumedView)),
    )  # fmt: skip
