"""Callbacks: where an app's outcomes are told. What is told, when it is tried again, and when a person is asked."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from pushwarden.core.scope import Environment

FIRST_WAIT_MS, LONGEST_WAIT_MS = 5_000, 3_600_000
GIVE_UP_MS = 3 * 86_400_000
"""After so long without a 2xx a message waits for a person; what is not yet told is kept 30 days."""
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""The only hosts a callback may name without TLS, and they are reached only where the operator allows it."""


class Event(StrEnum):
    PUSH_FINISHED = "push.finished"
    PUSH_FAILURES = "push.failures"
    DEVICE_INVALIDATED = "device.invalidated"
    LANE_HELD = "lane.held"
    LANE_RELEASED = "lane.released"
    CREDENTIAL_EXPIRES = "credential.expires"
    CREDENTIAL_EXPIRED = "credential.expired"
    CREDENTIAL_ATTENTION = "credential.attention"
    CREDENTIAL_FAILING = "credential.failing"
    CREDENTIAL_WELL = "credential.well"


TEST = "callback.test"


@dataclass(frozen=True, slots=True)
class Callback:
    """id: random, unique everywhere. environments: none for all. ended: why Pushwarden turned it off, in one sentence.

    sealed, previous: signing secrets that open only in chores; both sign until previous_until (Unix ms).
    """

    organisation: str
    app: str
    id: str
    url: str
    events: tuple[Event, ...]
    environments: tuple[Environment, ...] = ()
    enabled: bool = True
    ended: str = ""
    sealed: bytes = field(default=b"", repr=False)
    previous: bytes = field(default=b"", repr=False)
    previous_until: int = 0
    version: int = 1
    created_at: int = 0

    @property
    def label(self) -> str:
        """What its secrets are sealed to."""
        return f"callback|{self.organisation}|{self.app}|{self.id}"

    def hears_of(self, environment: Environment) -> bool:
        return not self.environments or environment in self.environments


@dataclass(frozen=True, slots=True)
class Message:
    """One request to be made, the same bytes at every try. since: of the first try; gave_up: it waits for a person.

    trial: sent once because a person asked, whatever else waits.
    """

    id: str
    kind: str
    body: bytes = field(repr=False)
    since: int
    due_at: int
    attempts: int = 0
    gave_up: bool = False
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try. status 0: no answer came; `error` says why in one sentence."""

    message: str
    kind: str
    at: int
    status: int
    ms: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """How far a callback has been told: places in the sources, pushes passed that were not finished, what is due."""

    places: dict[str, int] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def message(self) -> Message | None:
        """The one that is being told; the next is made when it is done."""
        return next((one for one in self.messages if not one.trial), None)


def made(kind: str, app: str, items: Sequence[Mapping[str, Any]], now_ms: int, *, trial: bool = False) -> Message:
    """A new message; its id stays the same at every try, and so does every byte of its body."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"type": str(kind), "timestamp": at, "data": {"app": app, "items": items}}
    return Message(f"msg_{secrets.token_hex(12)}", str(kind), msgspec.json.encode(body), now_ms, now_ms, trial=trial)


class Tried(Protocol):
    """Something that is tried until it is taken. since: of the first try, Unix milliseconds."""

    @property
    def since(self) -> int: ...
    @property
    def attempts(self) -> int: ...


def next_try(message: Tried, now_ms: int, jitter: float) -> tuple[int, bool]:
    """(when, whether a person is asked instead) after a failed try. jitter in 0 … 1: half of the wait is left to it."""
    wait = min(FIRST_WAIT_MS * 2 ** min(message.attempts, 20), LONGEST_WAIT_MS)
    due = now_ms + int(wait * (1 + jitter) / 2)
    return due, due - message.since > GIVE_UP_MS


def url_fault(url: str) -> str:
    """Why nothing may be told there, empty when it may be tried."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return "must be https://host/path"
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        return "must begin with https://"
    if "@" in parts.netloc or parts.fragment:
        return "must have no user, no password and no fragment"
    return ""


def failing(callback: Callback, course: Course) -> bool:
    """Whether nothing is told until a person has looked."""
    return bool(callback.ended) or (course.message is not None and course.message.gave_up)


def says(callback: Callback, course: Course) -> str:
    """How it stands, in one sentence."""
    message = course.message
    if callback.ended:
        return callback.ended
    if not callback.enabled:
        return "It is off; what happens meanwhile is told when it is on again, as far back as 30 days."
    if message is None or not message.attempts:
        return "Everything so far was told."
    if message.gave_up:
        return (
            f"{callback.url} has not taken {message.id} for three days; nothing more is told. Mend it, then `retry`, "
            "or `skip` the message."
        )
    return f"{callback.url} has refused {message.id} {message.attempts} times; it is tried again by itself."
