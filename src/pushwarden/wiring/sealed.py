"""What the store holds sealed, and to which keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pushwarden.adapters.vault.hpke import key_name
from pushwarden.adapters.vault.keys import CALLBACKS, VAULT, Pair
from pushwarden.ports.catalog import Tables
from pushwarden.ports.sealed import Blob, Place

PLACES = {VAULT: (Place.CREDENTIAL, Place.REQUEST), CALLBACKS: (Place.CALLBACK, Place.CALLBACK_PREVIOUS)}
"""Pair → what is sealed to it."""
AT_ONCE = 100
"""Blobs read, or sealed anew, in one transaction."""
FIRST = ("", "", "")


@dataclass(frozen=True, slots=True)
class Lot:
    """Blobs of one place sealed to one key. apps: `organisation/app` of the first hundred."""

    place: Place
    head: bytes
    count: int
    apps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.count} × {self.place} of {', '.join(self.apps)}, sealed to {key_name(self.head)}"


def lots(tables: Tables, pair: Pair) -> list[Lot]:
    """Everything that is sealed to a pair's keys, without the apps."""
    return [
        Lot(place, head, count)
        for place in PLACES[pair]
        for head, count in sorted(tables.sealed.counts(place).items())
    ]  # fmt: skip


def elsewhere(tables: Tables, pair: Pair, known: Collection[bytes]) -> list[Lot]:
    """What is sealed to keys that are not among the known."""
    return [
        Lot(lot.place, lot.head, lot.count, _apps(tables.sealed.page(lot.place, lot.head, FIRST, AT_ONCE)))
        for lot in lots(tables, pair)
        if lot.head not in known
    ]


def _apps(blobs: list[Blob]) -> tuple[str, ...]:
    return tuple(sorted({f"{blob.organisation}/{blob.app}" for blob in blobs}))
