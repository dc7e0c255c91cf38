"""What a device says of a push it got: that it received it, that a person opened it."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FIELD = "pushwarden"
"""Where the payload of a push that asks for confirmation holds its id and nonce; beside an app's own data."""
FEW = 64
"""A push to so many recipients keeps each device's confirmation, one to more only which devices confirmed."""
BLOCK = 8192
"""Devices whose confirmations share a bitmap."""


class SignalKind(StrEnum):
    RECEIVED = "received"
    OPENED = "opened"


@dataclass(frozen=True, slots=True)
class Signal:
    """at: when the device says it happened, Unix ms. apart: it is kept with its time, not only counted."""

    push: str
    audience: int
    seq: int
    kind: SignalKind
    at: int
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Signalled:
    """How many devices of a push reported this, and when the first and the last did, Unix ms."""

    devices: int = 0
    first_at: int = 0
    last_at: int = 0


def asks(push_id: str) -> dict[str, Any]:
    """What goes into the data of a push that asks for confirmation."""
    return {FIELD: {"push": push_id, "nonce": secrets.token_hex(16)}}


def nonce_of(data: dict[str, Any]) -> str:
    """Empty when the push asks for no confirmation."""
    asked = data.get(FIELD)
    nonce = asked.get("nonce") if isinstance(asked, dict) else None
    return nonce if isinstance(nonce, str) else ""


def proves(data: dict[str, Any], nonce: str) -> bool:
    """Whether it is the nonce that only who got this push knows."""
    known = nonce_of(data)
    return bool(known) and hmac.compare_digest(known.encode(), nonce.encode())
