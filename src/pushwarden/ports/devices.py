"""Devices, from two sides: `Registry` keeps them (people and backends), `Devices` reads them for a push."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pushwarden.core.device import Audience, Device, Rows
from pushwarden.core.device_rules import Entry
from pushwarden.core.scope import Scope

TOMBSTONE_LIFE_MS = 30 * 86_400_000
"""How long a tombstone can be undone."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of one registered device. change: created | updated | unchanged | revived.

    moved: rows of other installations that had its token and were removed.
    """

    device: Device
    change: str
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """Counts of an import so far. moved: rows of other installations that had a line's token and were removed."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0

    def __add__(self, other: Imported) -> Imported:
        return Imported(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.moved + other.moved,
        )


@dataclass(frozen=True, slots=True)
class DeadToken:
    """A provider's word that a token is gone, to be applied only if the token is still the same and not newer.

    gone_ms: the provider's timestamp; None → the row is quarantined and buried on a second word an hour later.
    push: which push brought the word. token_kind: only said of a raw token, whose seq means nothing.
    """

    seq: int
    token: bytes = field(repr=False)
    gone_ms: int | None = None
    reason: str = ""
    push: str = ""
    token_kind: str = ""


class Registry(Protocol):
    """The environment is always a Scope with organisation, app and environment set."""

    async def register(self, where: Scope, devices: Sequence[Device], now_ms: int) -> list[Registration]:
        """Upserts by (audience, installation). A token held by another installation moves: that row is removed.

        Re-registration always clears a tombstone. `device.version` > 0 must match the stored one (Conflict).
        """
        ...

    def import_devices(self, where: Scope, chunks: AsyncIterator[Sequence[Entry]]) -> AsyncIterator[Imported]:
        """Upserts checked entries; yields the total after each piece (≤ 32,768 entries). It ends as one by one would.

        registered_at is the entry's (0: not known), never the time of the import: an old list revives no tombstone.
        """
        ...

    async def get(self, where: Scope, installation_id: str) -> list[Device]:
        """An installation's rows, one per provider and token kind; empty when unknown."""
        ...

    async def remove(self, where: Scope, installation_id: str) -> int:
        """Opt-out: deletes the installation's rows; queued pushes to them end `withdrawn`. How many rows went."""
        ...

    async def empty(self, where: Scope) -> int:
        """Deletes every device of the environment, in parts; their numbers are not used again. How many went."""
        ...

    def export(self, where: Scope) -> AsyncIterator[list[Device]]:
        """All rows in pages, by audience and seq, tombstones included."""
        ...

    async def counts(self, where: Scope) -> dict[str, int]:
        """live, gone, test."""
        ...

    async def retain(self, now_ms: int) -> int:
        """Drops tombstones that can no longer be undone: older than TOMBSTONE_LIFE_MS. How many went."""
        ...


class Devices(Protocol):
    async def audiences(self, where: Scope) -> list[Audience]:
        """The audiences of an environment."""
        ...

    async def members(self, audience: int, lo: int, hi: int, tags: str = "") -> Sequence[int]:
        """Ascending seqs of the live devices with lo ≤ seq < hi that match the tag expression."""
        ...

    async def page(self, audience: int, lo: int, hi: int, columns: tuple[str, ...] = ()) -> Rows:
        """Live devices with lo ≤ seq < hi, ascending; `values` holds the columns named (user, build, …)."""
        ...

    async def pick(self, audience: int, seqs: Sequence[int], columns: tuple[str, ...] = ()) -> Rows:
        """The live ones of the named seqs, ascending."""
        ...

    async def find(
        self, where: Scope, *, users: Sequence[str] = (), installations: Sequence[str] = (), token_kind: str = ""
    ) -> dict[int, list[int]]:
        """Live devices of users or installations: audience → ascending seqs. Empty token_kind means any."""
        ...

    async def find_each(
        self, where: Scope, users: Sequence[str], token_kind: str = ""
    ) -> dict[str, dict[int, list[int]]]:
        """`find` for each of many users: user → audience → ascending seqs. Users without a device are absent."""
        ...

    async def bury(self, audience: int, dead: Sequence[DeadToken], now_ms: int) -> list[int]:
        """Compare-and-set tombstones: where the token is unchanged and registered_at ≤ gone_ms. The seqs buried."""
        ...

    async def prove(self, audience: int, seq: int) -> None:
        """The devices below `seq` count as proven; it never goes back, and never beyond what was registered."""
        ...

    async def exhume(self, audience: int, *, since_ms: int, now_ms: int, reason: str = "") -> int:
        """Undoes tombstones set since then (the caller asks for 30 days at most). How many came back."""
        ...
