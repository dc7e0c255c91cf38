"""The catalog's table of certificate requests over SQL."""

from __future__ import annotations

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.errors import stale
from pushwarden.core.request import CertificateRequest


class SqlRequests:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, app: str, request: str) -> CertificateRequest | None:
        found = self._run(sql.REQUEST_GET, organisation=organisation, app=app, id=request)
        return rows.request_of(found[0]) if found else None

    def of(self, organisation: str, app: str) -> list[CertificateRequest]:
        return [rows.request_of(row) for row in self._run(sql.REQUEST_OF, organisation=organisation, app=app)]

    def all(self) -> list[CertificateRequest]:
        return [rows.request_of(row) for row in self._run(sql.REQUEST_ALL)]

    def insert(self, request: CertificateRequest) -> None:
        self._run(sql.REQUEST_INSERT, **rows.request_row(request))

    def update(self, request: CertificateRequest) -> None:
        row = rows.request_row(request)
        keys = {f"key_{name}": row[name] for name in ("organisation", "app", "id")}
        if not self._run(sql.REQUEST_UPDATE, **row, **keys, below=request.version - 1):
            kept = self.get(request.organisation, request.app, request.id)
            raise stale(kept.version if kept else None)

    def delete(self, request: CertificateRequest) -> None:
        self._run(sql.REQUEST_DELETE, organisation=request.organisation, app=request.app, id=request.id)
