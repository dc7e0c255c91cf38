"""How a device's fields stand in a row: as short as they can be, and back to exactly what they were."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pushwarden.core.device import Device, DeviceState
from pushwarden.core.tags import And, Expression, Not, Or, Tag

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")
_UPPER = b"U"
MARKED = 2
"""`test` of a device that a person made a test device; 1 where the app says so."""

INSTALLATION = "iif(typeof(installation) = 'blob', '.' || hex(installation), '=' || installation)"
TOKEN = "iif(typeof(token) = 'blob', lower(hex(token)), token)"
AS_JSON = (
    f"json_array(seq, {INSTALLATION}, {TOKEN}, person, app_version, build, tags, test, state, registered_at,"
    " gone_at, ifnull(gone_reason, ''), version)"
)

StoredRow = tuple[int, str, str, str, str, str, str, int, int, int, int | None, str, int]
DECODE_ROWS = msgspec.json.Decoder(list[StoredRow])


def stored_installation(installation: str) -> bytes | str:
    """A UUID is 16 bytes, an upper-case one 17; anything else stays text."""
    if len(installation) != 36 or not _UUID.fullmatch(installation):
        return installation
    packed = bytes.fromhex(installation.replace("-", ""))
    return packed if installation == installation.lower() else _UPPER + packed


def read_installation(text: str) -> str:
    """The reverse, from the form INSTALLATION selects."""
    if text[0] == "=":
        return text[1:]
    digits = text[1:].lower()
    upper = len(digits) == 34
    digits = digits[-32:]
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return uuid.upper() if upper else uuid


def stored_token(provider: str, token: str) -> bytes | str:
    """An APNs token is its bytes; one with an odd number of digits, and other providers', stay text."""
    return bytes.fromhex(token) if provider == "apns" and not len(token) % 2 else token


def stored_test(device: Device) -> int:
    return MARKED if device.marked else int(device.test)


def stored_tags(tags: Sequence[str]) -> str:
    return f",{','.join(tags)}," if tags else ""


def read_tags(stored: str) -> tuple[str, ...]:
    return tuple(stored[1:-1].split(",")) if stored else ()


def read_device(provider: str, token_kind: str, row: StoredRow) -> Device:
    seq, installation, token, person, app_version, build, tags, test, state, registered, gone_at, reason, version = row
    return Device(
        installation_id=read_installation(installation), provider=provider, token=token, token_kind=token_kind,
        user=person, app_version=app_version, build=build, tags=read_tags(tags), test=test > 0, marked=test == MARKED,
        seq=seq,
        state=DeviceState.GONE if state else DeviceState.LIVE, registered_at=registered, gone_at=gone_at,
        gone_reason=reason, version=version,
    )  # fmt: skip


def tags_condition(expression: Expression, has: str = "instr(tags, ?) > 0") -> tuple[str, list[str]]:
    """SQL over the column `tags` with its parameters. has: how the database says that a text is in them."""
    match expression:
        case Tag(name):
            return has, [f",{name},"]
        case Not(inner):
            condition, parameters = tags_condition(inner, has)
            return f"NOT ({condition})", parameters
        case And(parts):
            return _joined(" AND ", parts, has)
        case Or(parts):
            return _joined(" OR ", parts, has)


def _joined(word: str, parts: Sequence[Expression], has: str) -> tuple[str, list[str]]:
    conditions, parameters = [], []
    for part in parts:
        condition, values = tags_condition(part, has)
        conditions.append(f"({condition})")
        parameters += values
    return word.join(conditions), parameters
