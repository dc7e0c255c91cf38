"""Passwords: which are taken, and how they are compared. An unknown account costs as much as a wrong password."""

from __future__ import annotations

import asyncio
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 1000
AT_ONCE = 2
"""Each costs 64 MiB and a tenth of a second; more at once would be a way to slow a stop down."""
_DIFFERENT = 5


def objection(password: str, email: str, name: str) -> str:
    """Why a password is not taken, in a sentence; empty when it is."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters; a few words that do not belong together are easy to keep in mind."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    known = password.casefold()
    if len(set(known)) < _DIFFERENT:
        return f"Use at least {_DIFFERENT} different characters."
    for part in (email.partition("@")[0], name):
        if len(part) > 3 and part.casefold() in known:
            return "Leave your own name and address out of it."
    return ""


class Passwords:
    """argon2id in threads of their own; with the library's parameters where no others are given."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, _plain(password))

    async def same(self, kept: str, password: str) -> bool:
        """kept: empty for an account that has no password or is not there; the answer takes as long."""
        async with self._turn:
            return await asyncio.to_thread(self._same, kept or _nobodys(self._hasher), password) and bool(kept)

    def _same(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _plain(password[:LONGEST]))
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    """What is compared where there is nothing to compare with."""
    return hasher.hash("nobody has this password")


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
