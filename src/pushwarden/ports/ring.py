"""The ring: how one process wakes, fences and asks the senders of this machine. A seat is a running sender."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pushwarden.core.receipt import Confirmation, Evidence


@dataclass(frozen=True, slots=True)
class Seat:
    """A sender that said it is here. started: clock ticks after boot; with the pid it names one process for ever."""

    sender: str
    pid: int
    started: int
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A sender's word on a fence. confirmation None: it said nothing in time. ms: from the question to the word.

    lanes: of each lane family that a stop touches, what is known of it.
    """

    seat: Seat
    confirmation: Confirmation | None
    named: int = 0
    ms: float = 0.0
    lanes: Mapping[str, Evidence] = field(default_factory=dict)


class Ring(Protocol):
    def doorbell(self, classes: Iterable[str]) -> None:
        """Tells every sender that shards of these classes are due. Never waits, never fails; bells may merge."""
        ...

    async def fence(self, generation: int) -> list[Answer]:
        """One answer for each live seat: its word, or None when it was silent for too long."""
        ...

    async def snapshot(self) -> None:
        """Tells every sender that the configuration changed."""
        ...

    async def ramps(self) -> dict[str, Mapping[str, int] | None]:
        """Has every sender read the ramps: sender → ramp → the step it goes by; None for one that is silent."""
        ...

    async def stats(self) -> dict[str, dict[str, Any]]:
        """What each sender counts, by sender; a silent one is left out."""
        ...


class Processes(Protocol):
    async def end(self, seat: Seat) -> bool:
        """Kills exactly this process and waits until it is gone. False when it could not be killed or did not go."""
        ...
