"""The installation's signing key: Ed25519, in a file that only its owner reads, its public part beside it."""

from __future__ import annotations

import contextlib
import json
import os
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pushwarden.core.errors import VaultRefused

FILE, PUBLIC = "receipts.key", "receipts.pub"


class Ed25519Signer:
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.name = thumbprint(key.public_key())
        self.public = _pem(key.public_key())

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)


def signer_of(keys: Path) -> Ed25519Signer:
    """Of the folder of keys; the first to come makes the key. OSError when it cannot be kept, VaultRefused when the
    file holds no such key."""
    path = keys / FILE
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        _keep(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
    signer = Ed25519Signer(_read(path))
    _publish(keys / PUBLIC, signer.public.encode())
    return signer


def verifies(public: bytes, content: bytes, signature: bytes) -> bool:
    """public: a PEM. VaultRefused when that is no Ed25519 key."""
    try:
        _public(public).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638, of the key as RFC 8037 writes it."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64(raw)}
    return _base64(sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _keep(path: Path, content: bytes, mode: int) -> None:
    """FileExistsError when somebody was first; nobody reads half a file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(content)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()


def _publish(path: Path, public: bytes) -> None:
    """The public part of a key that was lost goes aside: what it signed is still verified by it."""
    if path.exists() and (old := path.read_bytes()) != public:
        path.rename(path.with_name(f"{path.stem}-{sha256(old).hexdigest()[:12]}{path.suffix}"))
    with contextlib.suppress(FileExistsError):
        _keep(path, public, 0o644)


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise VaultRefused(f"keys/{path.name} holds no private key; put it back from a backup.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise VaultRefused(f"keys/{path.name} is no Ed25519 key; put it back from a backup.")
    return key


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise VaultRefused(f"This is no public key; take keys/{PUBLIC} of the installation.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise VaultRefused(f"This is no Ed25519 key; take keys/{PUBLIC} of the installation.")
    return key


def _pem(key: Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)
