"""/v1/stop, /v1/resume and /v1/ramps. Nothing on the way of a stop reads a database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from pushwarden.control.api.stop_views import (
    HeldView,
    Preview,
    RampList,
    RampView,
    ResumedView,
    ResumeRequest,
    StandingList,
    StepsRequest,
    StopRequest,
    Target,
    ramp_view,
    resumed_view,
    standing_view,
)
from pushwarden.control.outlook import Outlook
from pushwarden.control.ramps import MINUTE_MS, Steps
from pushwarden.control.stops import Stops
from pushwarden.core.app import Snapshot
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.ramp import WHOLE
from pushwarden.core.scope import Scope
from pushwarden.ports.journal import Waiting
from pushwarden.web.body import decode
from pushwarden.web.call import Answer, Call
from pushwarden.web.receipts import ReceiptView, receipt_view
from pushwarden.web.routes import Route, Shape, Within, route

_STOP = msgspec.json.Decoder(StopRequest)
_RESUME = msgspec.json.Decoder(ResumeRequest)
_TARGET = msgspec.json.Decoder(Target)


@dataclass(frozen=True, slots=True)
class Known:
    """snapshot: the configuration in memory, by which a misspelt app is refused instead of stopping nothing.

    waiting: what is held, from the journal. tests: how many devices are marked as test. names: what people call an
    actor, by its id; empty when that is not known.
    """

    snapshot: Callable[[], Snapshot]
    outlook: Outlook
    waiting: Callable[[Scope], Awaitable[Waiting]]
    tests: Callable[[Scope], Awaitable[int]]
    names: Callable[[str], str] = str


class StopDesk:
    def __init__(self, stops: Stops, known: Known) -> None:
        self._stops, self._known = stops, known

    async def stop(self, call: Call) -> Answer:
        wanted = decode(_STOP, await call.read() or b"{}")
        scope = self._scope(wanted, call, Permission.STOP)
        return Answer(receipt_view(await self._stops.stop(scope, call.principal.id, wanted.reason)))

    async def status(self, call: Call) -> Answer:
        standing = await self._stops.status(Scope(call.where.organisation))
        mine = [one for one in standing if call.principal.about(Permission.STOP_READ, one.scope)]
        return Answer(StandingList([standing_view(one, self._known.outlook, self._known.names) for one in mine]))

    async def preview(self, call: Call) -> Answer:
        scope, outlook = self._asked(call), self._known.outlook
        apps = [Scope(app.organisation, app.id) for app in self._known.snapshot().apps.values()]
        about = sum(app.covers(scope) or scope.covers(app) for app in apps)
        queue, a_minute = outlook.queue(scope), outlook.a_minute(scope)
        queued, held = (queue.queued, queue.held) if queue else (None, None)
        return Answer(Preview(str(scope), about, len(outlook.senders), a_minute, queued, held))

    async def held(self, call: Call) -> Answer:
        scope = self._asked(call)
        return Answer(HeldView(str(scope), **asdict(await self._known.waiting(scope))))

    async def resume(self, call: Call) -> Answer:
        wanted = await call.json(_RESUME)
        scope = self._scope(wanted, call, Permission.RESUME)
        steps = await self._steps(wanted.ramp, scope) if wanted.ramp else None
        done = await self._stops.resume(scope, call.principal.id, wanted.held, wanted.reason, steps)
        return Answer(resumed_view(done))

    async def ramps(self, call: Call) -> Answer:
        found = self._stops.ramps.known(call.where.organisation)
        mine = [one for one in found if call.principal.about(Permission.STOP_READ, one.scope)]
        return Answer(RampList([ramp_view(one, self._known.names) for one in mine]))

    async def skip(self, call: Call) -> Answer:
        def allowed(scope: Scope) -> None:
            call.require(Permission.RESUME, scope)

        made = await self._stops.ramps.skip(call.where.organisation, call.params["ramp"], call.principal.id, allowed)
        return Answer(ramp_view(made))

    async def _steps(self, wanted: StepsRequest, scope: Scope) -> Steps:
        """The first step is left out where no device is marked as test."""
        first = 0 if await self._known.tests(scope) else 1
        return Steps(int(wanted.minutes * MINUTE_MS), int(wanted.most_refused * WHOLE), first)

    def _asked(self, call: Call) -> Scope:
        """The scope a query names, as a body would."""
        asked = call.query("app", "environment", "installation")
        return self._scope(decode(_TARGET, msgspec.json.encode(_typed(asked))), call, Permission.STOP_READ)

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
        snapshot = self._known.snapshot()
        if wanted.app and snapshot.version and snapshot.app(scope.organisation, wanted.app) is None:
            raise NotFound(f"There is no app `{wanted.app}` here, or it is not yours.")
        return scope


def _typed(asked: Mapping[str, str]) -> dict[str, Any]:
    """Query parameters as JSON has them."""
    return {name: value == "true" if name == "installation" else value for name, value in asked.items() if value}


def routes(stops: Stops, known: Known) -> tuple[Route, ...]:
    desk, query = StopDesk(stops, known), ("app", "environment", "installation")
    return (
        route("POST", "/v1/stop", desk.stop, permission=Permission.STOP, within=Within.HANDLER, action="stop.stop",
              summary="Stop sending at once; the receipt says what each sender confirmed.",
              shape=Shape(StopRequest, ReceiptView)),
        route("GET", "/v1/stop", desk.status, permission=Permission.STOP_READ, within=Within.HANDLER,
              summary="What is stopped now, since when and by whom.", shape=Shape(None, StandingList)),
        route("GET", "/v1/stop/preview", desk.preview, permission=Permission.STOP_READ, within=Within.HANDLER,
              summary="What a stop would meet now; no database is asked.", shape=Shape(None, Preview, query=query)),
        route("GET", "/v1/stop/held", desk.held, permission=Permission.STOP_READ, within=Within.HANDLER,
              summary="What is held, for a resume to decide on.", shape=Shape(None, HeldView, query=query)),
        route("POST", "/v1/resume", desk.resume, permission=Permission.RESUME, within=Within.HANDLER,
              action="stop.resume", summary="Lift a stop; say what becomes of held pushes.", fresh=True,
              shape=Shape(ResumeRequest, ResumedView)),
        route("GET", "/v1/ramps", desk.ramps, permission=Permission.STOP_READ, within=Within.HANDLER,
              summary="What is being resumed in steps.", shape=Shape(None, RampList)),
        route("POST", "/v1/ramps/{ramp}/skip", desk.skip, permission=Permission.RESUME, within=Within.HANDLER,
              action="ramp.advance", summary="Go to everybody at once.", fresh=True, shape=Shape(None, RampView)),
    )  # fmt: skip
