"""Signatures by the Standard Webhooks scheme (standardwebhooks.com, specification 1.0.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from pushwarden.core.secret import Secret


def signed(message: str, body: bytes, at_s: int, secrets: Sequence[Secret]) -> dict[str, str]:
    """The headers that let a receiver know the sender, the bytes, the time and a replay. One signature a secret.

    secrets: as `whsec_` and base64, the form people copy.
    """
    text = f"{message}.{at_s}.".encode() + body
    marks = [hmac.new(_key(secret), text, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mark).decode()}" for mark in marks),
    }


def _key(secret: Secret) -> bytes:
    return base64.b64decode(secret.reveal().removeprefix(b"whsec_"))
