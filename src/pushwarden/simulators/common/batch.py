"""Requests of one read as columns: what the judge of a provider says, and what is booked and answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells one class of requests from another, in the counters and in the conditions of a fault script.

    topic: whom it is for (APNs: the topic; FCM: the project). push_type: its type (FCM: the kind of target).
    """

    topic: str
    push_type: str


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str


K = TypeVar("K", bound=Kind)
R = TypeVar("R", bound=Refusal)


@dataclass(slots=True)
class Batch(Generic[K, R]):
    """names: what the answer calls the request. raw: 16 bytes a request, its name in the frame log. tokens: as sent."""

    streams: list[int]
    names: list[bytes]
    tokens: list[bytes]
    bodies: list[bytes]
    kinds: list[K]
    raw: bytes = b""
    refusals: dict[int, R] = field(default_factory=dict)
