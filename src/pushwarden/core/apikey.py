"""API keys: `pwk_<id>_<secret><crc>`. Only the secret's SHA-256 is kept; the crc tells a key from noise."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field

from pushwarden.core.principal import KeyKind, Principal
from pushwarden.core.scope import Scope

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET = 43  # base62 digits of 256 bits
_CRC = 6
FORM = re.compile(rf"pwk_([a-z0-9]{{12}})_([0-9A-Za-z]{{{_SECRET}}})([0-9A-Za-z]{{{_CRC}}})")

DAY_MS = 86_400_000
LONGEST_MS = 366 * DAY_MS
"""No key lives longer than a year."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. Times are Unix milliseconds; digest is the SHA-256 of the secret."""

    id: str
    name: str
    kind: KeyKind
    scope: Scope
    digest: bytes = field(repr=False)
    created_at: int
    expires_at: int
    created_by: str = ""
    revoked_at: int | None = None
    last_used_at: int | None = None
    rotated_from: str = ""
    version: int = 1

    @property
    def principal(self) -> Principal:
        return Principal.of_key(self.id, self.name, self.kind, self.scope)

    def usable(self, now_ms: int) -> bool:
        return self.revoked_at is None and now_ms < self.expires_at


def compose(key_id: str, entropy: bytes) -> str:
    """The key's text, shown once. entropy: 32 random bytes."""
    start = f"pwk_{key_id}_{_base62(int.from_bytes(entropy, 'big'), _SECRET)}"
    return start + _crc(start)


def parse(text: str) -> tuple[str, str] | None:
    """(id, secret), or None when this is no key of ours or was mistyped."""
    match = FORM.fullmatch(text)
    if match is None or _crc(text[:-_CRC]) != match[3]:
        return None
    return match[1], match[2]


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _crc(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CRC)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return digits
