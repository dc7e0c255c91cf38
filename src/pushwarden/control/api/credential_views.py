"""What may be known of a credential, and of one that was just added."""

from __future__ import annotations

from typing import Any

import msgspec

from pushwarden.core.app import Credential
from pushwarden.core.check import Check


class CredentialView(msgspec.Struct):
    """slot: the topics it is for, empty for the app's own. version: of its slot, for `version` in a change.

    previous_until: when one that was replaced is destroyed. request: the certificate request its key is of.
    """

    id: str
    provider: str
    slot: str
    kind: str
    state: str
    enabled: bool
    fingerprint: str
    facts: dict[str, Any]
    request: str
    version: int
    created_at: int
    activated_at: int
    previous_until: int


class CredentialList(msgspec.Struct):
    credentials: list[CredentialView]


class Uploaded(msgspec.Struct):
    credential: CredentialView
    checks: list[Check]


def view_of(credential: Credential) -> CredentialView:
    seen = {name: getattr(credential, name) for name in CredentialView.__struct_fields__}
    return CredentialView(**seen | {"version": credential.revision})
