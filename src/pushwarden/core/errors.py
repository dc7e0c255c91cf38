"""Every refusal Pushwarden gives, with code and HTTP status in one table. A docstring is title and advice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pushwarden.core.app import App


class PushwardenError(Exception):
    """Something was refused.

    This is a fault of Pushwarden: report it with the `request_id`; the log has the rest.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.extra = extra

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def advice(cls) -> str:
        """What the caller can do, for docs/errors.md."""
        return " ".join((cls.__doc__ or "").split("\n\n", 1)[-1].split())


class Malformed(PushwardenError):
    """The request could not be read.

    Send JSON (or NDJSON, CSV, multipart where the address takes it); `detail` says where reading ended.
    """

    code, status = "malformed", 400


class Invalid(PushwardenError):
    """A field has a value that is not allowed.

    `field` names it and `detail` says what is allowed. The same request will fail again.
    """

    code, status = "invalid", 422


class UnknownField(PushwardenError):
    """The request has a field Pushwarden does not know.

    Correct the spelling of `field`, or leave it out. docs/pushes.md and `/openapi.json` list the fields.
    """

    code, status = "unknown_field", 422


class TooLarge(PushwardenError):
    """The payload is larger than the provider takes.

    Shorten the texts or `data`; `POST …/pushes/preview` shows the size. Nothing was queued.
    """

    code, status = "payload_too_large", 413


class Unauthenticated(PushwardenError):
    """The request has no valid API key.

    Send `Authorization: Bearer pwk_…` with a key that has not expired and is not revoked.
    """

    code, status = "unauthenticated", 401


class Forbidden(PushwardenError):
    """The API key may not do this.

    Use a key of another kind or a wider scope; docs/access.md says which kind may do what.
    """

    code, status = "forbidden", 403


class NotFound(PushwardenError):
    """There is no such thing, or it is not yours.

    Check the id, the environment and the organisation; with an installation key name the organisation.
    """

    code, status = "not_found", 404


class Conflict(PushwardenError):
    """It was changed by someone else since you read it.

    Read it again, repeat the change on what you read, and send the `version` you read.
    """

    code, status = "conflict", 409


class IdempotencyMismatch(PushwardenError):
    """This idempotency key was used with another body.

    Use a new key for a new push. To repeat the old one, send exactly the old request.
    """

    code, status = "idempotency_mismatch", 409


class Stopped(PushwardenError):
    """Sending is stopped here.

    `GET /v1/stop` says who stopped it and why. Resume it, or send with `"when_stopped": "hold"`.
    """

    code, status = "stopped", 409


class CursorExpired(PushwardenError):
    """This cursor is older than what is kept.

    Invalidations are kept 30 days: read them again without `since`, then go on with `next`.
    """

    code, status = "cursor_expired", 410


class NoCredential(PushwardenError):
    """The app has no active credential for this provider.

    Add one and activate it: `pushwarden credentials add APP FILE --env ENV`.
    """

    code, status = "no_credential", 409


class AppDisabled(PushwardenError):
    """The app is disabled.

    Enable it: `pushwarden apps set APP --enabled`.
    """

    code, status = "app_disabled", 409


class Trial(PushwardenError):
    """The app is in trial: its pushes reach test devices only.

    Send to a device registered with `"test": true` or to its user, or go live: `pushwarden apps set APP --live`.
    """

    code, status = "trial", 409


class NoSimulator(PushwardenError):
    """No simulator stands for this provider here.

    Start with `PUSHWARDEN_SIMULATORS=on`, or name the control door of another one: `PUSHWARDEN_SIMULATOR_APNS_DOOR`.
    """

    code, status = "no_simulator", 409


class Busy(PushwardenError):
    """The store cannot record this right now; nothing was accepted. Try again in a moment.

    Wait as long as Retry-After says and repeat, with an Idempotency-Key.
    """

    code, status = "busy", 503


class StoreFull(PushwardenError):
    """The disk is full; nothing was accepted.

    Free space on the disk of the data directory; sending goes on by itself. `pushwarden doctor` shows the rest.
    """

    code, status = "store_full", 507


class StaleClaim(PushwardenError):
    """Another sender has taken this shard.

    Nothing: it happens between senders after one was slow, and none of its work is lost.
    """

    code, status = "stale_claim", 409


class MethodNotAllowed(PushwardenError):
    """This address does not take that method.

    The `Allow` header names the methods.
    """

    code, status = "method_not_allowed", 405


class BodyTooLarge(PushwardenError):
    """The request body is larger than this address takes.

    Send less at once: pushes in batches, devices by import, which streams.
    """

    code, status = "body_too_large", 413


class UnsupportedMedia(PushwardenError):
    """The request body comes in a form this address does not take.

    Set Content-Type to what `detail` names.
    """

    code, status = "unsupported_media_type", 415


class AlreadyExists(PushwardenError):
    """Something with this name exists already.

    Choose another id, or change the one that exists.
    """

    code, status = "already_exists", 409


class VaultRefused(PushwardenError):
    """The sealed credential does not open with this key under this name; upload the credential again.

    The data directory has another vault key than the one it was sealed to: `pushwarden doctor` names it;
    restore `keys/private/`, or upload again.
    """

    code, status = "vault_refused", 500


class InUse(PushwardenError):
    """It is in use.

    `detail` says by what; end that first.
    """

    code, status = "in_use", 409


class ConfirmationNeeded(PushwardenError):
    """It has consequences that must be confirmed.

    `consequences` or `lost` says which. Nothing was changed; repeat it with `"confirm"` as the answer has it.
    """

    code, status = "confirmation_needed", 409


class UnusableCredential(PushwardenError):
    """This file cannot be used as a credential; the checks say why.

    Read the failed checks; `pushwarden credentials check FILE` shows them without a server.
    """

    code, status = "unusable_credential", 422


class SignInRefused(PushwardenError):
    """What you entered does not belong together.

    Check the address, the password and the code. `pushwarden signin-link` on the server lets its operator in.
    """

    code, status = "sign_in_refused", 401


class TooManyTries(PushwardenError):
    """There were too many tries.

    Wait as long as `retry_after` says, in seconds.
    """

    code, status = "too_many_tries", 429


class ProofNeeded(PushwardenError):
    """This needs a fresh proof that it is you.

    Enter your password, a code or a passkey once more; then it is done.
    """

    code, status = "proof_needed", 403


class LinkEnded(PushwardenError):
    """This link was used before, or its time is over.

    Ask for a new one: links work once.
    """

    code, status = "link_ended", 410


def taken(app: App) -> AlreadyExists:
    """Why no other app can be called so."""
    if app.deleted_at:
        return AlreadyExists(f"There is an app `{app.id}` in the bin; put it back, or choose another id.")
    return AlreadyExists(f"There is an app `{app.id}` already; choose another id.")


def stale(current: int | None) -> Conflict | NotFound:
    """Why a change of a version that is not the current one is refused; None: there is no such row."""
    if current is None:
        return NotFound()
    return Conflict(f"It is at version {current} now; read it again and repeat your change.", version=current)
