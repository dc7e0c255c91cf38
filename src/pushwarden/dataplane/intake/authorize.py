"""Step 2: may this push be accepted here at all? Pure: the snapshot, the stops and the request decide."""

from __future__ import annotations

from collections.abc import Sequence

from pushwarden.core.app import App, Snapshot
from pushwarden.core.errors import AppDisabled, Forbidden, NotFound, PushwardenError, Stopped, Trial
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.parse import DEVICES, Target
from pushwarden.ports.fence import Fence, Stop


def app_of(snapshot: Snapshot, where: Scope) -> App:
    """NotFound for another organisation's app as for none; AppDisabled when it is switched off."""
    app = snapshot.app(where.organisation, where.app)
    if app is None:
        raise NotFound(f"There is no app {where.app[:64]} here, or it is not yours.")
    if not app.enabled:
        raise AppDisabled(f"The app {app.id} is disabled; enable it to send.")
    return app


def hold_or_refuse(where: Scope, stops: Sequence[Stop], when_stopped: str) -> bool:
    """True: accept and hold. Stopped when a stop covers `where` and the caller did not ask to hold."""
    stop = next((stop for stop in stops if stop.scope.covers(where)), None)
    if stop is None:
        return False
    if when_stopped == "hold":
        return True
    raise Stopped(
        f'Sending is stopped for {stop.scope}; resume it, or send with "when_stopped": "hold".',
        scope=stop.scope.key,
        stopped_at=stop.at_ms,
    )


def only_tests(app: App, where: Scope, target: Target, tests: bool) -> PushwardenError | None:
    """Why test devices alone may get it, to be raised when it names none; None when everybody may.

    It is raised here when it names others than our devices, by themselves or by user. tests: the caller may no more.
    """
    if not tests and not app.tries(where.environment):
        return None
    why: PushwardenError = Trial(
        f"{app.id} is in trial: only devices marked as test get its pushes; mark one, or go live."
    )
    if tests:
        why = Forbidden("You may send to test devices only; name one that is marked as test.", permission="push:send")
    if target.kind not in DEVICES:
        raise why
    return why


class Stops:
    """The fence's stops, read anew only when its generation changed."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._generation: int | None = None
        self._stops: Sequence[Stop] = ()

    def current(self) -> Sequence[Stop]:
        generation = self._fence.generation()
        if generation != self._generation:
            self._stops = self._fence.stops()
            self._generation = generation
        return self._stops
