"""The OAuth exchange: a service account's signed assertion for an access token, and what an access token may do.

Google, "Using OAuth 2.0 for Server to Server Applications".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .answers import EXPIRED_BEARER, MISSING_BEARER, UNKNOWN_BEARER, Refusal

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES: Final = frozenset(
    f"https://www.googleapis.com/auth/{name}" for name in ("firebase.messaging", "cloud-platform")
)
AUDIENCE: Final = re.compile(r"https://(oauth2\.googleapis\.com|localhost(:\d+)?|127\.0\.0\.1(:\d+)?)/token")
EXPIRES_IN: Final = 3599
LONGEST: Final = 3600  # seconds from iat to exp
SKEW: Final = 300.0  # observed by others; Google says "a reasonable timeframe"
TIMES: Final = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account's key. projects empty: every project."""

    email: str
    key_id: str
    public: rsa.RSAPublicKey
    projects: frozenset[str] = frozenset()


def account(row: dict[str, Any]) -> Account:
    """From {email, key_id, public (PEM of a public or private key), projects?}. ValueError when it is no RSA key."""
    pem = str(row["public"]).encode()
    loaded: object
    if b"PRIVATE KEY" in pem:
        loaded = serialization.load_pem_private_key(pem, None).public_key()
    else:
        loaded = serialization.load_pem_public_key(pem)
    if not isinstance(loaded, rsa.RSAPublicKey):
        raise ValueError(f"The key {row['key_id']} is not an RSA key; give the one of the service account's file")
    return Account(str(row["email"]), str(row["key_id"]), loaded, frozenset(row.get("projects", ())))


@dataclass(frozen=True, slots=True)
class Access:
    """What stands behind an access token. expires: epoch seconds."""

    email: str
    projects: frozenset[str]
    expires: float


class Denied(Exception):
    """The token endpoint refuses."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.status = error, status


class Exchange:
    """Accounts and the access tokens they got. any_key: unknown keys count as good, unverified."""

    def __init__(self, accounts: Iterable[Account] = (), *, any_key: bool) -> None:
        self._accounts = {one.key_id: one for one in accounts}
        self._any_key = any_key
        self._given: dict[bytes, Access] = {}
        self.age = 0  # grows when an access token may have lost its worth

    def add(self, one: Account) -> None:
        self._accounts[one.key_id] = one

    def revoke(self, key_id: str) -> None:
        """The key is deleted; access tokens that it brought stay good, as Google's do."""
        self._accounts.pop(key_id, None)

    def forget(self) -> None:
        """No access token given so far is good any more."""
        self._given.clear()
        self.age += 1

    def verify(self, authorization: bytes, now: float) -> Access | Refusal:
        """authorization: the header's value; now: epoch seconds."""
        scheme, _, bearer = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not bearer.strip():
            return MISSING_BEARER
        found = self._given.get(bearer.strip())
        if found is None:
            return UNKNOWN_BEARER
        return EXPIRED_BEARER if now > found.expires else found

    def answer(self, form: bytes, now: float) -> tuple[int, bytes]:
        """(status, JSON) for the body of POST /token."""
        try:
            access = self._grant(form, now)
        except Denied as denied:
            told = {"error": denied.error, "error_description": str(denied)}
            return denied.status, json.dumps(told, indent=2).encode()
        bearer = f"ya29.simulated-{secrets.token_urlsafe(32)}"
        self._given[bearer.encode()] = access
        granted = {"access_token": bearer, "expires_in": EXPIRES_IN, "token_type": "Bearer"}
        return 200, json.dumps(granted, separators=(",", ":")).encode()

    def _grant(self, form: bytes, now: float) -> Access:
        fields = parse_qs(form.decode("latin-1"))
        grant = fields.get("grant_type", [""])[0]
        if grant != GRANT:
            raise Denied("unsupported_grant_type", f"Invalid grant_type: {grant}")
        if "assertion" not in fields:
            raise Denied("invalid_request", "Missing required parameter: assertion")
        head, claims, signed, signature = _parts(fields["assertion"][0].encode())
        projects = self._signer(head, claims, signed, signature)
        _check(claims, now)
        return Access(str(claims["iss"]), projects, now + EXPIRES_IN)

    def _signer(self, head: dict[str, Any], claims: dict[str, Any], signed: bytes, signature: bytes) -> frozenset[str]:
        if head.get("alg") != "RS256" or not isinstance(claims.get("iss"), str):
            raise Denied("invalid_grant", "Invalid JWT: it must be signed by RS256 and name its issuer.")
        found = self._accounts.get(str(head.get("kid")))
        if found is None:
            if self._any_key:
                return frozenset()
            known = any(one.email == claims["iss"] for one in self._accounts.values())
            raise Denied("invalid_grant", "Invalid JWT Signature." if known else "Invalid grant: account not found")
        if found.email != claims["iss"]:
            raise Denied("invalid_grant", "Invalid grant: account not found")
        try:
            found.public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise Denied("invalid_grant", "Invalid JWT Signature.") from error
        return found.projects


def _parts(assertion: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    try:
        head, claims, signature = assertion.split(b".")
        header, body = json.loads(_decode(head)), json.loads(_decode(claims))
        return dict(header), dict(body), head + b"." + claims, _decode(signature)
    except (ValueError, TypeError, binascii.Error) as error:
        raise Denied("invalid_grant", "Invalid JWT: Failed to parse the assertion.") from error


def _check(claims: dict[str, Any], now: float) -> None:
    if not SCOPES & set(str(claims.get("scope", "")).split()):
        raise Denied("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    if not AUDIENCE.fullmatch(str(claims.get("aud", ""))):
        raise Denied("invalid_grant", "Invalid JWT: Failed audience check.")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise Denied("invalid_grant", TIMES)
    if expires - issued > LONGEST or issued > now + SKEW or expires < now:
        raise Denied("invalid_grant", TIMES)


def _decode(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
