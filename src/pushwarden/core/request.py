"""A certificate request made here: what Apple signs, and the sealed key that waits for Apple's certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushwarden.core.scope import Environment

STALE_MS = 90 * 86_400_000
"""A request that waited longer is marked; Apple's certificate for it is taken all the same."""


def key_label(organisation: str, app: str, request: str) -> str:
    """What a request's private key is sealed to, and opens under. No credential's label: those end in a number."""
    return f"{organisation}|{app}|{request}|request"


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """pem: the request as Apple takes it. public_key: SHA-256 of its SubjectPublicKeyInfo, hexadecimal.

    sealed: the private key, which opens only in a sender. renews: the credential whose successor it is for.
    answered_by: the credential its certificate became, the last one. Times are Unix milliseconds.
    """

    organisation: str
    app: str
    environment: Environment
    id: str
    name: str
    pem: str
    public_key: str
    sealed: bytes = field(default=b"", repr=False)
    renews: str = ""
    answered_by: str = ""
    created_by: str = ""
    created_at: int = 0
    version: int = 1

    @property
    def label(self) -> str:
        return key_label(self.organisation, self.app, self.id)

    @property
    def open(self) -> bool:
        """Apple's certificate has not come back."""
        return not self.answered_by

    def stale(self, now_ms: int) -> bool:
        return self.open and now_ms - self.created_at >= STALE_MS
