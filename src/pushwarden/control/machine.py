"""What the control plane shows of the installation it runs in: handed in by wiring, which alone can look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Backup:
    """The last one that was taken here. at: Unix ms."""

    at: int
    folder: str
    with_keys: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """findings: what doctor can say without waiting: name, good, sentence. settings: every one, secrets left out.

    simulators: own (that come with Pushwarden), named (by the settings), or off.
    """

    version: str = ""
    python: str = ""
    store: str = ""
    started_at: int = 0
    findings: Sequence[Mapping[str, Any]] = ()
    backup: Backup | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    simulators: str = "off"


@dataclass(frozen=True, slots=True)
class Reached:
    """A host that senders need, asked just now. ms: until TLS stood, None where it did not; sentence: why not.

    issuer: who certified what it showed: another than the provider's re-signs connections. skew_ms: how far our clock
    is ahead of the host's, None where it did not say.
    """

    name: str
    host: str
    port: int
    ms: float | None = None
    issuer: str = ""
    skew_ms: int | None = None
    sentence: str = ""


async def unknown() -> Machine:
    return Machine()


async def nobody() -> Sequence[Reached]:
    return ()


def nothing() -> Mapping[str, Any]:
    return {}


def empty() -> Sequence[Mapping[str, Any]]:
    return ()


@dataclass(frozen=True, slots=True)
class Installation:
    """machine: looked at now, within a second. reach: five seconds at most. stats: of each sender. backlog: of the
    journal, by lane and state."""

    machine: Callable[[], Awaitable[Machine]] = unknown
    reach: Callable[[], Awaitable[Sequence[Reached]]] = nobody
    stats: Callable[[], Mapping[str, Any]] = nothing
    backlog: Callable[[], Sequence[Mapping[str, Any]]] = empty
