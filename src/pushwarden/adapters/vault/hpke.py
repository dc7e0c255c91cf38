"""Credentials sealed by HPKE to the senders' public key. The sealer has no key that opens them."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pushwarden.core.errors import VaultRefused
from pushwarden.core.secret import Secret

# RFC 9180. `encrypt` and `decrypt` are single-shot: a fresh key agreement for every credential.
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MAGIC = b"pwv1"
_PURPOSE = b"pushwarden credential\0"
_KEY_ID = 8


class Sealing:
    """SealingVault. Sealed bytes: `pwv1`, 8 bytes that name the public key, the HPKE message."""

    def __init__(self, public: X25519PublicKey) -> None:
        self._public = public
        self._id = key_id(public)

    def seal(self, material: Secret, label: str) -> bytes:
        return _MAGIC + self._id + _SUITE.encrypt(material.reveal(), self._public, _info(label))

    def __repr__(self) -> str:
        return f"<seals to {self._id.hex()}>"


class Opening:
    """OpeningVault with one or more private keys: the newest first, older ones until all is sealed anew."""

    def __init__(self, private: X25519PrivateKey, *older: X25519PrivateKey) -> None:
        self._keys = {key_id(key.public_key()): key for key in (private, *older)}

    def open(self, sealed: bytes, label: str) -> Secret:
        head, message = sealed[: len(_MAGIC) + _KEY_ID], sealed[len(_MAGIC) + _KEY_ID :]
        if not head.startswith(_MAGIC) or not message:
            raise VaultRefused("These bytes are no sealed credential; upload the credential again.")
        private = self._keys.get(head[len(_MAGIC) :])
        if private is None:
            raise VaultRefused("The credential was sealed for another sender key; give this sender that key, "
                               "or upload the credential again.")  # fmt: skip
        try:
            return Secret(_SUITE.decrypt(message, private, _info(label)))
        except InvalidTag:
            raise VaultRefused("The sealed credential was altered or belongs to another app, id or version; "
                               "upload the credential again.") from None  # fmt: skip

    def __repr__(self) -> str:
        return f"<opens what is sealed to {', '.join(known.hex() for known in self._keys)}>"


def key_id(public: X25519PublicKey) -> bytes:
    """8 bytes that name a public key; no secret."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw).digest()[:_KEY_ID]


def _info(label: str) -> bytes:
    return _PURPOSE + label.encode()
