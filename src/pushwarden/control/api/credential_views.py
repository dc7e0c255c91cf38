"""What may be known of a credential, and of one that was just added."""

from __future__ import annotations

from typing import Any

import msgspec

from pushwarden.core.app import Credential
from pushwarden.core.check import Check


class CredentialView(msgspec.Struct):
    """request: the certificate request made here that its key is of."""

    id: str
    provider: str
    kind: str
    state: str
    fingerprint: str
    facts: dict[str, Any]
    request: str
    version: int
    created_at: int


class CredentialList(msgspec.Struct):
    credentials: list[CredentialView]


class Uploaded(msgspec.Struct):
    credential: CredentialView
    checks: list[Check]


def view_of(credential: Credential) -> CredentialView:
    return CredentialView(**{name: getattr(credential, name) for name in CredentialView.__struct_fields__})
