"""The six steps from nothing to the first push that arrived, and which of them are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pushwarden.control.console.visit import Visit
from pushwarden.core.app import CredentialState
from pushwarden.core.errors import PushwardenError

RECENT = 20


class State(StrEnum):
    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is. credential: one was added; sends: one is active; device: one for tests; pushed: one accepted."""

    credential: bool = False
    sends: bool = False
    device: bool = False
    pushed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """id: the last part of its address, empty where it has no page of its own."""

    id: str
    state: State

    @property
    def done(self) -> bool:
        return self.state is State.DONE


STEPS = ("signin", "app", "credential", "verification", "device", "send")


def steps(facts: Facts, here: str = "") -> list[Step]:
    """here: the step that is on the screen; by itself the first that is not done."""
    done = {
        "signin": True,
        "app": True,
        "credential": facts.credential,
        "verification": facts.sends,
        "device": facts.device,
        "send": facts.pushed,
    }
    now = here or next_step(facts)
    return [Step(id, State.NOW if id == now else State.DONE if done[id] else State.LATER) for id in STEPS]


def next_step(facts: Facts) -> str:
    """The first that is not done; empty when all are."""
    asked = (
        ("credential", facts.credential and facts.sends),
        ("device", facts.device),
        ("send", facts.pushed),
    )
    return next((id for id, done in asked if not done), "")


async def facts_of(visit: Visit) -> Facts:
    """What the API says of this app and environment. What this person may not read counts as not there."""
    credentials = await _asked(visit, "credentials")
    devices = await _asked(visit, "devices", test="true", state="live", limit=1)
    pushes = await _asked(visit, "pushes", limit=RECENT)
    kept = [one for one in (credentials.credentials if credentials else []) if one.state != CredentialState.RETIRED]
    return Facts(
        credential=bool(kept),
        sends=any(one.state == CredentialState.ACTIVE and one.enabled for one in kept),
        device=bool(devices and devices["devices"]),
        pushed=_accepted(pushes["pushes"] if pushes else []),
    )


def _accepted(pushes: Sequence[dict[str, object]]) -> bool:
    return any(one["accepted"] for one in pushes)


async def _asked(visit: Visit, what: str, **query: object) -> Any:
    try:
        return await visit.api.get(f"{visit.v1}/{what}", **query)
    except PushwardenError:
        return None
