"""The api's own chest: AES-256-GCM under a key in a file that only its owner reads."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pushwarden.core.errors import VaultRefused

FILE = "console.key"
_NONCE, _KEY = 12, 32


class AesChest:
    """key: 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, content: bytes, label: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, label.encode())

    def open(self, sealed: bytes, label: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], label.encode())
        except (InvalidTag, ValueError) as error:
            raise VaultRefused(f"What was sealed as {label} does not open with keys/{FILE}.") from error


def chest_of(keys: Path) -> AesChest:
    """Of the folder of keys; the first to come makes the key. OSError when it cannot be kept."""
    path = keys / FILE
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(AESGCM.generate_key(_KEY * 8))
    return AesChest(path.read_bytes())
