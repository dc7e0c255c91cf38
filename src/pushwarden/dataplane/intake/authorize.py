"""Step 2: may this push be accepted here at all? Pure: the snapshot, the stops and the request decide."""

from __future__ import annotations

from collections.abc import Sequence

from pushwarden.core.app import App, Snapshot
from pushwarden.core.errors import AppDisabled, NotFound, Stopped, Trial
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


def on_trial(app: App, where: Scope, target: Target) -> bool:
    """Whether test devices alone may get it. Trial when it names others than our devices, by themselves or by user."""
    if not app.tries(where.environment):
        return False
    if target.kind not in DEVICES:
        raise Trial(
            f"{app.id} is in trial and this push goes to {target.note}; name a device marked as test or its user, "
            "or go live."
        )
    return True


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
