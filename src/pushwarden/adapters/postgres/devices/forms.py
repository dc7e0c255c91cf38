"""How installations and tokens stand in PostgreSQL: bytes behind one that says what they were written as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pushwarden.adapters.device_rows import MARKED, read_tags, stored_installation, stored_token
from pushwarden.core.device import Device, DeviceState
from pushwarden.core.errors import Invalid

PACKED, TEXT, UPPER = b"\0", b"=", b"U"
"""Before the bytes of a lower-case UUID or of a token in hexadecimal; before UTF-8; before an upper-case UUID's."""

LONGEST_TOKEN = 2_600
"""An entry of the key's index, which has the token in it, may have 2,704 bytes (observed)."""

TOKEN = (
    "CASE WHEN get_byte(token, 0) = 0 THEN encode(substr(token, 2), 'hex')"
    " ELSE convert_from(substr(token, 2), 'UTF8') END"
)
DEVICE = (
    f"seq, installation, {TOKEN}, person, app_version, build, tags, test, state, registered_at, gone_at,"
    " coalesce(gone_reason, ''), version"
)
"""What `device_of` reads."""


def installation(text: str) -> bytes:
    stored = stored_installation(text)
    if isinstance(stored, str):
        return TEXT + stored.encode()
    return PACKED + stored if len(stored) == 16 else stored


def read_installation(stored: bytes) -> str:
    """The reverse."""
    if stored[:1] == TEXT:
        return stored[1:].decode()
    digits = stored[1:].hex()
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return uuid.upper() if stored[:1] == UPPER else uuid


def token(provider: str, text: str) -> bytes:
    """Invalid when it is too long."""
    stored = stored_token(provider, text)
    whole = TEXT + stored.encode() if isinstance(stored, str) else PACKED + stored
    if len(whole) > LONGEST_TOKEN:
        raise Invalid(f"token must be shorter than {LONGEST_TOKEN} bytes.", field="token")
    return whole


def device_of(provider: str, token_kind: str, row: Sequence[Any]) -> Device:
    """From the columns of DEVICE."""
    seq, installed, token, person, app_version, build, tags, test, state, registered, gone_at, reason, version = row
    return Device(
        installation_id=read_installation(installed), provider=provider, token=token, token_kind=token_kind,
        user=person, app_version=app_version, build=build, tags=read_tags(tags), test=test > 0, marked=test == MARKED,
        seq=seq,
        state=DeviceState.GONE if state else DeviceState.LIVE, registered_at=registered, gone_at=gone_at,
        gone_reason=reason, version=version,
    )  # fmt: skip
