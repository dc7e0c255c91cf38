"""Every refusal Pushwarden gives, with its stable code and HTTP status in one table. The docstring is the title."""

from __future__ import annotations

from typing import Any, ClassVar


class PushwardenError(Exception):
    """Something was refused."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.extra = extra

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip().splitlines()[0]


class Malformed(PushwardenError):
    """The request could not be read."""

    code, status = "malformed", 400


class Invalid(PushwardenError):
    """A field has a value that is not allowed."""

    code, status = "invalid", 422


class UnknownField(PushwardenError):
    """The request has a field Pushwarden does not know."""

    code, status = "unknown_field", 422


class TooLarge(PushwardenError):
    """The payload is larger than the provider takes."""

    code, status = "payload_too_large", 413


class Unauthenticated(PushwardenError):
    """The request has no valid API key."""

    code, status = "unauthenticated", 401


class Forbidden(PushwardenError):
    """The API key may not do this."""

    code, status = "forbidden", 403


class NotFound(PushwardenError):
    """There is no such thing, or it is not yours."""

    code, status = "not_found", 404


class Conflict(PushwardenError):
    """It was changed by someone else since you read it."""

    code, status = "conflict", 409


class IdempotencyMismatch(PushwardenError):
    """This idempotency key was used with another body."""

    code, status = "idempotency_mismatch", 409


class Stopped(PushwardenError):
    """Sending is stopped here."""

    code, status = "stopped", 409


class NoCredential(PushwardenError):
    """The app has no active credential for this provider."""

    code, status = "no_credential", 409


class AppDisabled(PushwardenError):
    """The app is disabled."""

    code, status = "app_disabled", 409


class Busy(PushwardenError):
    """The store cannot record this right now; nothing was accepted. Try again in a moment."""

    code, status = "busy", 503


class StoreFull(PushwardenError):
    """The disk is full; nothing was accepted."""

    code, status = "store_full", 507


class StaleClaim(PushwardenError):
    """Another sender has taken this shard."""

    code, status = "stale_claim", 409


class MethodNotAllowed(PushwardenError):
    """This address does not take that method."""

    code, status = "method_not_allowed", 405


class BodyTooLarge(PushwardenError):
    """The request body is larger than this address takes."""

    code, status = "body_too_large", 413


class UnsupportedMedia(PushwardenError):
    """The request body comes in a form this address does not take."""

    code, status = "unsupported_media_type", 415


class AlreadyExists(PushwardenError):
    """Something with this name exists already."""

    code, status = "already_exists", 409


class VaultRefused(PushwardenError):
    """The sealed credential does not open with this key under this name; upload the credential again."""

    code, status = "vault_refused", 500


class InUse(PushwardenError):
    """It is in use."""

    code, status = "in_use", 409


class UnusableCredential(PushwardenError):
    """This file cannot be used as a credential; the checks say why."""

    code, status = "unusable_credential", 422


def stale(current: int | None) -> Conflict | NotFound:
    """Why a change of a version that is not the current one is refused; None: there is no such row."""
    if current is None:
        return NotFound()
    return Conflict(f"It is at version {current} now; read it again and repeat your change.", version=current)
