"""Credentials sealed by HPKE to the senders' public key. The sealer has no key that opens them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pushwarden.core.errors import VaultRefused
from pushwarden.core.secret import Secret
from pushwarden.ports.sealed import HEAD

# RFC 9180. `encrypt` and `decrypt` are single-shot: a fresh key agreement for every credential.
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MAGIC = b"pwv1"
_PURPOSE = b"pushwarden credential\0"


class Sealing:
    """SealingVault to the public key that `read` gives at each seal: another one is sealed to from the next on.

    Sealed bytes: the head (`pwv1`, 8 bytes that name the public key), the HPKE message.
    """

    def __init__(self, read: Callable[[], X25519PublicKey]) -> None:
        self._read = read

    def seal(self, material: Secret, label: str) -> bytes:
        public = self._read()
        return head_of(public) + _SUITE.encrypt(material.reveal(), public, _info(label))


class Opening:
    """OpeningVault with one or more private keys: the newest first, older ones until all is sealed anew."""

    def __init__(self, newest: X25519PrivateKey, *older: X25519PrivateKey) -> None:
        self.use(newest, *older)

    def use(self, *keys: X25519PrivateKey) -> None:
        """These keys from now on, and no other."""
        self._keys = {head_of(key.public_key()): key for key in keys}

    @property
    def heads(self) -> list[bytes]:
        """How blobs begin that may open."""
        return list(self._keys)

    def open(self, sealed: bytes, label: str) -> Secret:
        head, message = sealed[:HEAD], sealed[HEAD:]
        if not head.startswith(_MAGIC) or not message:
            raise VaultRefused("These bytes are no sealed credential; upload the credential again.")
        private = self._keys.get(head)
        if private is None:
            raise VaultRefused(f"The credential was sealed for another sender key, {key_name(head)}; give this sender "
                               "that key, or upload the credential again.")  # fmt: skip
        try:
            return Secret(_SUITE.decrypt(message, private, _info(label)))
        except InvalidTag:
            raise VaultRefused("The sealed credential was altered or belongs to another app, id or version; "
                               "upload the credential again.") from None  # fmt: skip

    def __repr__(self) -> str:
        return f"<opens what is sealed to {', '.join(key_name(head) for head in self._keys)}>"


def head_of(public: X25519PublicKey) -> bytes:
    """How everything sealed to a public key begins; no secret."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _MAGIC + sha256(raw).digest()[: HEAD - len(_MAGIC)]


def key_name(head: bytes) -> str:
    """A key as people read it: 16 hexadecimal digits."""
    return head[len(_MAGIC) :].hex()


def _info(label: str) -> bytes:
    return _PURPOSE + label.encode()
