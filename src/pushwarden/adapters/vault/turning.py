"""The files of a rotation. Which step is reached stands in them alone: two private keys mean that one is under way."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pushwarden.adapters.vault.hpke import head_of
from pushwarden.adapters.vault.keys import (
    PRIVATE,
    Pair,
    create,
    overwrite,
    parted,
    pem_of,
    private_keys,
    public_key,
    spki_of,
)
from pushwarden.core.errors import PushwardenError, VaultRefused

Keys = tuple[X25519PrivateKey, ...]


class Turning(PushwardenError):
    """Another process is rotating this key; wait until it is done."""

    code, status = "rotation_under_way", 409


@contextmanager
def alone(directory: Path, pair: Pair) -> Iterator[None]:
    """One rotation of a pair at a time; the next may go on with what a killed one left."""
    fd = os.open(directory / f".{pair.public}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(fd)
        yield
    finally:
        os.close(fd)


def begin(directory: Path, environ: Mapping[str, str], pair: Pair) -> Keys:
    """The private keys, the one to change to first. A new one is made unless one waits already.

    VaultRefused when the keys are not together, or come from elsewhere and there is no new one yet.
    """
    if sentence := parted(directory, environ, pair):
        raise VaultRefused(sentence)
    keys = private_keys(directory, environ, pair)
    if len(keys) > 1:
        return keys
    if given := pair.given(environ):
        raise VaultRefused(
            f"The key comes from {given}: put a new one before it there (openssl genpkey -algorithm X25519), "
            "leave the old one below it, and rotate again."
        )
    keys = (X25519PrivateKey.generate(), *keys)
    overwrite(pair.file(directory), pem_of(*keys), 0o600)
    return keys


def publish(directory: Path, pair: Pair, keys: Keys) -> None:
    """From now on everything is sealed to the newest key."""
    if public_key(directory, pair) != keys[0].public_key():
        overwrite(directory / pair.public, spki_of(keys[0].public_key()), 0o644)


def retire(directory: Path, environ: Mapping[str, str], pair: Pair, keys: Keys) -> list[Path]:
    """Puts the older keys aside, each in a file that names it; nothing reads those by itself. Their paths.

    Keys that come from elsewhere are left there: then none.
    """
    if pair.given(environ):
        return []
    aside = [directory / PRIVATE / pair.aside(head_of(key.public_key())) for key in keys[1:]]
    for path, key in zip(aside, keys[1:], strict=True):
        create(path, pem_of(key), 0o600)
    overwrite(pair.file(directory), pem_of(keys[0]), 0o600)
    return aside


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Turning from None
