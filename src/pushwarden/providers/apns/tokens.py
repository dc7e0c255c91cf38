"""What proves to Apple who sends: a provider token every sender computes alike, or a client certificate."""

from __future__ import annotations

import base64
from typing import Final

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pushwarden.core.app import Credential, CredentialKind
from pushwarden.core.errors import VaultRefused
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.facts import TOKEN_LAG, TOKEN_STEP, TOKEN_USE
from pushwarden.providers.port import Authorization, ClientCertificate

# RFC 6979: equal inputs, equal token. The import fails with UnsupportedAlgorithm where OpenSSL cannot do it.
ALGORITHM: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)

_NO_KEY = "The opened material is not a key for provider tokens; upload the credential again."


class TokenKey(msgspec.Struct, frozen=True):
    """The normalised material of a `.p8`. pem: PKCS#8, unencrypted."""

    key_id: str
    team_id: str
    pem: str

    def __repr__(self) -> str:
        return f"<token key {self.key_id} of team {self.team_id}>"


def issued_at(now: float) -> int:
    """The `iat` in use at `now` (Unix seconds): a multiple of 30 minutes, 2 to 32 minutes ago."""
    return int((now - TOKEN_LAG) // TOKEN_STEP) * TOKEN_STEP


def provider_token(key: TokenKey, iat: int) -> bytes:
    """The JWT (ES256). The same bytes for the same key and `iat`, wherever it is computed."""
    private = _private(key)
    head = msgspec.json.encode({"alg": "ES256", "kid": key.key_id})
    claims = msgspec.json.encode({"iss": key.team_id, "iat": iat})
    signed = _base64url(head) + b"." + _base64url(claims)
    r, s = decode_dss_signature(private.sign(signed, ALGORITHM))
    return signed + b"." + _base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class Tokens:
    """Provider tokens already computed, by (key's fingerprint, key id, team id, iat)."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, int], bytes] = {}

    def authorization(self, credential: Credential, material: Secret, now: float) -> Authorization:
        """A token key gives a header that holds until its `iat` is 52 minutes old; a certificate holds for good."""
        if credential.kind is CredentialKind.APNS_CERTIFICATE:
            identity = f"{credential.fingerprint}|{credential.environment}"
            return Authorization(identity, certificate=ClientCertificate(material))
        key = _key(material)
        iat = issued_at(now)
        token = self._token(credential.fingerprint, key, iat)
        # The fingerprint keeps two organisations apart that claim the same team and key id.
        identity = f"{key.team_id}|{key.key_id}|{credential.environment}|{credential.fingerprint}"
        return Authorization(identity, ((b"authorization", b"bearer " + token),), renew_at=float(iat + TOKEN_USE))

    def _token(self, fingerprint: str, key: TokenKey, iat: int) -> bytes:
        known = (fingerprint, key.key_id, key.team_id, iat)
        if known not in self._known:
            self._known = {other: token for other, token in self._known.items() if other[3] >= iat - TOKEN_STEP}
            self._known[known] = provider_token(key, iat)
        return self._known[known]


def _key(material: Secret) -> TokenKey:
    try:
        return msgspec.json.decode(material.reveal(), type=TokenKey)
    except msgspec.DecodeError:
        raise VaultRefused(_NO_KEY) from None


def _private(key: TokenKey) -> ec.EllipticCurvePrivateKey:
    try:
        private = serialization.load_pem_private_key(key.pem.encode(), None)
    except (ValueError, TypeError):
        raise VaultRefused(_NO_KEY) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise VaultRefused(_NO_KEY)
    return private


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
