"""Where the vault's keys lie: a private file only its owner reads, the public one beside it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from pushwarden.core.errors import VaultRefused


@dataclass(frozen=True, slots=True)
class Pair:
    """File names of a pair. variable: the private key as PEM; with `_FILE` the path of a file, with `_COMMAND` a
    command that prints it. anew: what a person must do when the private key is lost."""

    private: str
    public: str
    variable: str
    anew: str

    def given(self, environ: Mapping[str, str]) -> bool:
        """Whether the environment names the private key."""
        return any(environ.get(self.variable + end) for end in ("", "_FILE", "_COMMAND"))


VAULT = Pair("vault.key", "vault.pub", "PUSHWARDEN_VAULT_KEY", "upload the credentials again")
"""Credentials: only senders read the private key."""
CALLBACKS = Pair("callbacks.key", "callbacks.pub", "PUSHWARDEN_CALLBACKS_KEY", "rotate each callback's secret")
"""Signing secrets of callbacks: only chores read the private key, which opens no credential."""
PAIRS = (VAULT, CALLBACKS)

COMMAND_SECONDS = 10.0


def make_keys(directory: Path, environ: Mapping[str, str]) -> None:
    """Makes each pair unless there is one; two processes at once end with the same pairs. VaultRefused, before anything
    is made, when a public key stands without the private key of it."""
    if sentences := [sentence for pair in PAIRS if (sentence := parted(directory, environ, pair))]:
        raise VaultRefused(" ".join(sentences))
    for pair in PAIRS:
        make_pair(directory, environ, pair)


def make_pair(directory: Path, environ: Mapping[str, str], pair: Pair = VAULT) -> X25519PublicKey:
    """As `make_keys`, one of them, unasked; its public key. A private key that the environment names is not made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not pair.given(environ):
        private = X25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _create(directory / pair.private, pem, 0o600)
    standing = private_key(directory, environ, pair).public_key()
    spki = standing.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _create(directory / pair.public, spki, 0o644)
    return standing


def parted(directory: Path, environ: Mapping[str, str], pair: Pair = VAULT) -> str:
    """What to do about a public key whose private key is not here, in one sentence; empty when there is none such.

    What is sealed with such a key opens nowhere. A restored backup without private keys leaves one.
    """
    if not (directory / pair.public).exists():
        return ""
    way = (
        f"put the {pair.private} it was made with back into {directory}, or name it in {pair.variable}_FILE; only if "
        f"it is lost, delete both and start: a new pair is made, and you {pair.anew}."
    )
    if not pair.given(environ) and not (directory / pair.private).exists():
        return f"{pair.public} stands without its private key; {way}"
    public, private = public_key(directory, pair), private_key(directory, environ, pair)
    if public.public_bytes_raw() == private.public_key().public_bytes_raw():
        return ""
    named = f"{pair.variable}…" if pair.given(environ) else pair.private
    return f"{pair.public} is not the public key of {named}; {way}"


def public_key(directory: Path, pair: Pair = VAULT) -> X25519PublicKey:
    """What the api process reads. VaultRefused when there is none."""
    try:
        key = serialization.load_pem_public_key((directory / pair.public).read_bytes())
    except FileNotFoundError:
        raise VaultRefused(f"There is no {pair.public} in the keys directory; start the supervisor once.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise VaultRefused(f"{pair.public} is not a public key; restore it from a backup.") from None
    if not isinstance(key, X25519PublicKey):
        raise VaultRefused(f"{pair.public} is not an X25519 key; restore it from a backup.")
    return key


def private_key(directory: Path, environ: Mapping[str, str], pair: Pair = VAULT) -> X25519PrivateKey:
    """What a sender, or chores, reads: a command, a named file or the variable itself, else the file in `directory`."""
    if command := environ.get(f"{pair.variable}_COMMAND"):
        return _parse_private(_printed(command, pair))
    if named := environ.get(f"{pair.variable}_FILE"):
        return _parse_private(_file(Path(named)))
    if pem := environ.get(pair.variable):
        return _parse_private(pem.encode())
    path = directory / pair.private
    pem_bytes = _file(path)
    if path.stat().st_mode & 0o077:
        raise VaultRefused(f"{pair.private} can be read by other users; run chmod 600 on it.")
    return _parse_private(pem_bytes)


def _create(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never over a file that stands."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VaultRefused(f"The vault's key cannot be read from {path.name}: {error.strerror}.") from None


def _printed(command: str, pair: Pair) -> bytes:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, timeout=COMMAND_SECONDS, check=True)  # noqa: S603
    except (OSError, ValueError, subprocess.SubprocessError):
        raise VaultRefused(f"The command in {pair.variable}_COMMAND failed; run it by hand to see why.") from None
    return done.stdout


def _parse_private(pem: bytes) -> X25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise VaultRefused("The vault's private key is not PEM (PKCS#8); restore it from a backup.") from None
    if not isinstance(key, X25519PrivateKey):
        raise VaultRefused("The vault's private key is not an X25519 key; restore it from a backup.")
    return key
