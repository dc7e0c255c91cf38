"""Who sends: a service account's assertion, changed at Google for an access token."""

from __future__ import annotations

import base64
import re
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pushwarden.core.app import Credential
from pushwarden.core.errors import VaultRefused
from pushwarden.core.outcome import Blame, Ending, Outcome, Retry
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.fcm.facts import (
    ASSERTION_LAG,
    ASSERTION_LIFE,
    RENEW_BEFORE,
    SCOPE,
    TOKEN_HOST,
    TOKEN_PATH,
    TOKEN_URI,
)
from pushwarden.providers.port import Authorization, Exchange, Grant, Origin, Reply
from pushwarden.providers.verdicts import retry_after

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""RFC 7523 §2.1."""

LONGEST_LIFE = 24 * 3600.0
_NO_KEY = "The opened material is not a service account's key; upload the credential again."
_TOKEN = re.compile(r"[\x21-\x7e]{1,8000}")
_MOST_SAID = 200

_CLOCK = "look at this machine's clock"
_ADVICE = {
    "invalid_grant": "the key was probably deleted or replaced at Google; upload a new one",
    "invalid_client": "the service account is gone or disabled; make a new key",
    "unauthorized_client": "the service account may not ask for this; give it the right to send",
}
_PASSING = frozenset({"temporarily_unavailable", "server_error", "internal_failure", "rate_limit_exceeded"})


class ServiceAccount(msgspec.Struct, frozen=True):
    """The normalised material. pem: PKCS#8, unencrypted. token_uri: the assertion's audience."""

    client_email: str
    key_id: str
    project_id: str
    token_uri: str
    pem: str

    def __repr__(self) -> str:
        return f"<service account {self.client_email}, key {self.key_id}>"


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int | float | str


class _Refused(msgspec.Struct):
    error: str
    error_description: str = ""


def exchange(credential: Credential, material: Secret, now: float) -> Exchange:
    """The POST to Google's token endpoint; in `simulated` the file names it and the caller replaces the origin."""
    account = _account(material)
    simulated = credential.environment is Environment.SIMULATED
    audience = account.token_uri if simulated else TOKEN_URI
    form = urlencode({"grant_type": GRANT_TYPE, "assertion": assertion(account, audience, now).decode()})
    path = urlsplit(audience).path if simulated else TOKEN_PATH
    headers = ((b"content-type", b"application/x-www-form-urlencoded"), (b"accept", b"application/json"))
    return Exchange(Origin(TOKEN_HOST, 443), path.encode(), headers, form.encode())


def assertion(account: ServiceAccount, audience: str, now: float) -> bytes:
    """The JWT (RS256) that asks for the right to send, for an hour."""
    issued = int(now) - ASSERTION_LAG
    head = msgspec.json.encode({"alg": "RS256", "typ": "JWT", "kid": account.key_id})
    claims = msgspec.json.encode(
        {"iss": account.client_email, "scope": SCOPE, "aud": audience, "iat": issued, "exp": issued + ASSERTION_LIFE}
    )
    signed = _base64url(head) + b"." + _base64url(claims)
    return signed + b"." + _base64url(_private(account).sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def grant(reply: Reply, now: float) -> Grant | Outcome:
    """The access token of a 200. 400, 401 and 403 with an OAuth error are the credential's fault, all else Google's."""
    if reply.status == 200:
        return _granted(reply, now) or _refusal(reply, "the answer holds no access token", Blame.PROVIDER)
    refused = _read(reply.body)
    if refused is None or refused.error in _PASSING or reply.status not in (400, 401, 403):
        return _refusal(reply, f"HTTP {reply.status}", Blame.PROVIDER)
    return _refusal(reply, _sentence(refused), Blame.CREDENTIAL)


def blames_clock(reply: Reply) -> bool:
    """Whether the endpoint says that the assertion's times are wrong."""
    refused = _read(reply.body)
    return refused is not None and _skewed(refused)


def authorization(credential: Credential, material: Secret, granted: Grant | None) -> Authorization:
    """One identity for a key: its connections stay when the access token is renewed."""
    account = _account(material)
    identity = f"{account.client_email}|{account.key_id}|{credential.environment}|{credential.fingerprint}"
    if granted is None:
        return Authorization(identity)
    header = (b"authorization", b"Bearer " + granted.token.reveal())
    return Authorization(identity, (header,), renew_at=granted.renew_at)


def _granted(reply: Reply, now: float) -> Grant | None:
    try:
        read = msgspec.json.decode(reply.body, type=_Granted)
        life = min(float(read.expires_in), LONGEST_LIFE)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    if not _TOKEN.fullmatch(read.access_token) or not life > 0:
        return None
    return Grant(Secret(read.access_token.encode()), now + life - min(RENEW_BEFORE, life / 4), now + life)


def _read(body: bytes) -> _Refused | None:
    try:
        return msgspec.json.decode(body, type=_Refused)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _sentence(refused: _Refused) -> str:
    said = "".join(ch for ch in f"{refused.error}: {refused.error_description}"[:_MOST_SAID] if ch.isprintable())
    advice = _CLOCK if _skewed(refused) else _ADVICE.get(refused.error, "look at the service account at Google")
    return f"{said.rstrip(' .:')}; {advice}"


def _skewed(refused: _Refused) -> bool:
    return "short-lived" in refused.error_description or "timeframe" in refused.error_description


def _refusal(reply: Reply, reason: str, blame: Blame) -> Outcome:
    wait = retry_after(reply.headers)
    return Outcome(Ending.REFUSED, reason, reply.status, blame, Retry.LATER, retry_after=wait)


def _account(material: Secret) -> ServiceAccount:
    try:
        return msgspec.json.decode(material.reveal(), type=ServiceAccount)
    except msgspec.DecodeError:
        raise VaultRefused(_NO_KEY) from None


def _private(account: ServiceAccount) -> rsa.RSAPrivateKey:
    try:
        private = serialization.load_pem_private_key(account.pem.encode(), None)
    except (ValueError, TypeError):
        raise VaultRefused(_NO_KEY) from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise VaultRefused(_NO_KEY)
    return private


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
