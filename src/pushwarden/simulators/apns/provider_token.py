"""APNs provider tokens: is this JWT one of a key we know, fresh, and allowed on this connection?"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from .answers import Refusal, refusal

# Apple, "Establishing a token-based connection to APNs": iat within an hour, a new token at most every 20 minutes.
MAX_AGE: Final = 3600.0
MAX_AHEAD: Final = 60.0  # observed by others; Apple names no figure
UPDATE_EVERY: Final = 1200.0
REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of the developer portal. topics empty: team-scoped, otherwise topic-specific."""

    kid: str
    team: str
    public: ec.EllipticCurvePublicKey
    environments: frozenset[str] = frozenset({"production", "sandbox"})
    topics: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProviderToken:
    """A token whose signature holds. issued: epoch seconds."""

    raw: bytes
    kid: str
    team: str
    issued: float
    topics: frozenset[str] = frozenset()

    @property
    def expires(self) -> float:
        return self.issued + MAX_AGE


def signing_key(row: dict[str, Any]) -> SigningKey:
    """From a configuration row {kid, team, public (PEM of a public or private key), environments?, topics?}.

    ValueError when the PEM holds no P-256 key.
    """
    pem = str(row["public"]).encode()
    loaded: object
    if b"PRIVATE KEY" in pem:
        private = serialization.load_pem_private_key(pem, None)
        loaded = private.public_key()
    else:
        loaded = serialization.load_pem_public_key(pem)
    if not isinstance(loaded, ec.EllipticCurvePublicKey) or not isinstance(loaded.curve, ec.SECP256R1):
        raise ValueError(f"The key {row['kid']} is not a P-256 key; give the one that signs the provider tokens")
    environments = frozenset(row.get("environments", ("production", "sandbox")))
    return SigningKey(str(row["kid"]), str(row["team"]), loaded, environments, frozenset(row.get("topics", ())))


class ProviderTokens:
    """Verifies tokens and remembers those it verified, by their bytes. any_key: signatures are not checked."""

    def __init__(self, keys: Iterable[SigningKey] = (), environment: str = "production", *, any_key: bool) -> None:
        self._keys = {key.kid: key for key in keys}
        self._environment = environment
        self._any_key = any_key
        self._verified: dict[bytes, ProviderToken | Refusal] = {}

    @property
    def seen(self) -> int:
        """Different provider tokens shown since the keys last changed."""
        return len(self._verified)

    def add(self, key: SigningKey) -> None:
        self._keys[key.kid] = key
        self._verified.clear()

    def revoke(self, kid: str) -> None:
        self._keys.pop(kid, None)
        self._verified.clear()

    def verify(self, authorization: bytes, now: float) -> ProviderToken | Refusal:
        """authorization: the header's value; now: epoch seconds."""
        scheme, _, raw = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not raw.strip():
            return refusal("MissingProviderToken")
        raw = raw.strip()
        if (found := self._verified.get(raw)) is None:
            if len(self._verified) >= REMEMBERED:
                self._verified.clear()
            found = self._verified[raw] = self._check(raw)
        if isinstance(found, Refusal):
            return found
        if now > found.expires:
            return refusal("ExpiredProviderToken")
        return refusal("InvalidProviderToken") if found.issued > now + MAX_AHEAD else found

    def _check(self, raw: bytes) -> ProviderToken | Refusal:
        try:
            head, claims, signature = raw.split(b".")
            header, body = json.loads(_decode(head)), json.loads(_decode(claims))
            kid, team, issued = header["kid"], body["iss"], float(body["iat"])
            algorithm, signed = header["alg"], _decode(signature)
        except (ValueError, KeyError, TypeError, binascii.Error):
            return refusal("InvalidProviderToken")
        if algorithm != "ES256" or not isinstance(kid, str) or not isinstance(team, str):
            return refusal("InvalidProviderToken")
        key = self._keys.get(kid)
        if key is None:
            return ProviderToken(raw, kid, team, issued) if self._any_key else refusal("InvalidProviderToken")
        if key.team != team or not _signed_by(key.public, signed, head + b"." + claims):
            return refusal("InvalidProviderToken")
        if self._environment not in key.environments:
            return refusal("BadEnvironmentKeyIdInToken")
        return ProviderToken(raw, kid, team, issued, key.topics)


def _decode(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _signed_by(public: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    # The JOSE form is r‖s; Java clients send ASN.1 DER, which production APNs has taken for years (observed).
    if len(signature) == 64:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        signature = utils.encode_dss_signature(r, s)
    try:
        public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


class Binding:
    """What one connection is bound to: a team, its key where that is topic-specific, and how often tokens changed."""

    __slots__ = ("_changed", "_refused_until", "current")

    def __init__(self) -> None:
        self.current: ProviderToken | None = None
        self._changed: float | None = None
        self._refused_until = 0.0

    def admit(self, token: ProviderToken, now: float) -> Refusal | None:
        """Refuses another team, an unrelated key, and a second change within 20 minutes. now: seconds, any origin."""
        if now < self._refused_until:
            return refusal("TooManyProviderTokenUpdates")
        held = self.current
        if held is None or held.raw == token.raw:
            self.current = token
            return None
        if held.team != token.team:
            return refusal("InvalidProviderToken")
        if held.kid != token.kid and (held.topics or token.topics):
            return refusal("UnrelatedKeyIdInToken")
        if self._changed is not None and now - self._changed < UPDATE_EVERY:
            self._refused_until = self._changed + UPDATE_EVERY
            return refusal("TooManyProviderTokenUpdates")
        self.current, self._changed = token, now
        return None
