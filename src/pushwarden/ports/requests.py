"""Certificate requests in the catalog, each with its sealed key."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.request import CertificateRequest


class RequestTable(Protocol):
    """Rows carry sealed keys; nothing that answers a request may."""

    def get(self, organisation: str, app: str, request: str) -> CertificateRequest | None: ...

    def of(self, organisation: str, app: str) -> list[CertificateRequest]:
        """In every environment, newest first."""
        ...

    def all(self) -> list[CertificateRequest]:
        """Every organisation's: whoever changes the senders' key seals each anew."""
        ...

    def insert(self, request: CertificateRequest) -> None: ...

    def update(self, request: CertificateRequest) -> None:
        """Replaces the row one version below; Conflict otherwise."""
        ...

    def delete(self, request: CertificateRequest) -> None: ...
