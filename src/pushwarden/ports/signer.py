"""What signs for an installation, so that anybody can tell later that it said something, and that nobody changed it."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    @property
    def name(self) -> str:
        """Of the key: the RFC 7638 thumbprint of its public part."""
        ...

    @property
    def public(self) -> str:
        """The public key as PEM."""
        ...

    def sign(self, content: bytes) -> bytes:
        """By Ed25519."""
        ...
