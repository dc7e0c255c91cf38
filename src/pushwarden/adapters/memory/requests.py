"""Certificate requests in memory."""

from __future__ import annotations

from pushwarden.core.errors import stale
from pushwarden.core.request import CertificateRequest


class MemoryRequests:
    def __init__(self, rows: dict[tuple[str, str, str], CertificateRequest]) -> None:
        self._rows = rows

    def get(self, organisation: str, app: str, request: str) -> CertificateRequest | None:
        return self._rows.get((organisation, app, request))

    def of(self, organisation: str, app: str) -> list[CertificateRequest]:
        return [row for row in self.all() if (row.organisation, row.app) == (organisation, app)]

    def all(self) -> list[CertificateRequest]:
        return sorted(self._rows.values(), key=lambda row: (-row.created_at, row.id))

    def insert(self, request: CertificateRequest) -> None:
        self._rows[_key(request)] = request

    def update(self, request: CertificateRequest) -> None:
        kept = self._rows.get(_key(request))
        if kept is None or kept.version != request.version - 1:
            raise stale(kept.version if kept else None)
        self._rows[_key(request)] = request

    def delete(self, request: CertificateRequest) -> None:
        self._rows.pop(_key(request), None)


def _key(request: CertificateRequest) -> tuple[str, str, str]:
    return request.organisation, request.app, request.id
