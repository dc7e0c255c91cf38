"""The token table: what a provider knows of device tokens. Any other well-formed one is good, or falls to a share."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)


@dataclass(slots=True)
class TokenTable(Generic[S]):
    """rows: (state, timestamp in ms or 0) by token; shares of all other tokens, in order, by the token's CRC-32."""

    rows: dict[bytes, tuple[S, int]] = field(default_factory=dict)
    shares: tuple[tuple[S, float], ...] = ()

    @property
    def plain(self) -> bool:
        """Every well-formed token is good."""
        return not self.rows and not self.shares

    def find(self, token: bytes) -> tuple[S, int] | None:
        """None: good."""
        return self.rows.get(token) or (self._by_share(token) if self.shares else None)

    def _by_share(self, token: bytes) -> tuple[S, int] | None:
        at = zlib.crc32(token) / 2**32
        for state, share in self.shares:
            if at < share:
                return state, 0
            at -= share
        return None
