"""The sealed blobs of the catalog in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pushwarden.ports.sealed import HEAD, Blob, Place

_FIELDS = {
    Place.CREDENTIAL: ("sealed", "sealed_under"),
    Place.REQUEST: ("sealed", "label"),
    Place.CALLBACK: ("sealed", "label"),
    Place.CALLBACK_PREVIOUS: ("previous", "label"),
}
"""Place → the fields that hold a blob and what it is sealed to."""


class MemorySealed:
    """Over the rows of credentials, requests and callbacks, by their keys."""

    def __init__(self, credentials: dict[Any, Any], requests: dict[Any, Any], callbacks: dict[Any, Any]) -> None:
        self._rows = {
            Place.CREDENTIAL: credentials,
            Place.REQUEST: requests,
            Place.CALLBACK: callbacks,
            Place.CALLBACK_PREVIOUS: callbacks,
        }

    def counts(self, place: Place) -> Mapping[bytes, int]:
        return Counter(blob.sealed[:HEAD] for blob in self._blobs(place) if blob.sealed)

    def page(self, place: Place, head: bytes, after: tuple[str, str, str], limit: int) -> list[Blob]:
        found = [blob for blob in self._blobs(place) if blob.sealed[:HEAD] == head and blob.row > after]
        return sorted(found, key=lambda blob: blob.row)[:limit]

    def replace(self, blob: Blob, sealed: bytes) -> bool:
        rows, field = self._rows[blob.place], _FIELDS[blob.place][0]
        for key, row in rows.items():
            if (row.organisation, row.app, row.id) == blob.row and getattr(row, field) == blob.sealed:
                rows[key] = replace(row, **{field: sealed})
                return True
        return False

    def _blobs(self, place: Place) -> list[Blob]:
        field, label = _FIELDS[place]
        return [
            Blob(place, row.organisation, row.app, row.id, getattr(row, label), getattr(row, field))
            for row in self._rows[place].values()
        ]
