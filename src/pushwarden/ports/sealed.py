"""Every sealed blob of the catalog in one view: to which key it is sealed, so that it can be sealed to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

HEAD = 12
"""So many bytes at the beginning of a blob name the key it is sealed to."""


class Place(StrEnum):
    """A column of sealed blobs."""

    CREDENTIAL = "credential"
    REQUEST = "certificate request"
    CALLBACK = "callback"
    CALLBACK_PREVIOUS = "callback (previous)"


@dataclass(frozen=True, slots=True)
class Blob:
    """label: what it is sealed to, and opens under."""

    place: Place
    organisation: str
    app: str
    id: str
    label: str
    sealed: bytes = field(repr=False)

    @property
    def row(self) -> tuple[str, str, str]:
        return self.organisation, self.app, self.id


class SealedTable(Protocol):
    def counts(self, place: Place) -> Mapping[bytes, int]:
        """Head → how many blobs have it. Empty blobs are none."""
        ...

    def page(self, place: Place, head: bytes, after: tuple[str, str, str], limit: int) -> list[Blob]:
        """Those with this head, by `row`, from beyond one."""
        ...

    def replace(self, blob: Blob, sealed: bytes) -> bool:
        """Only where `blob.sealed` still stands. Whether it did."""
        ...
