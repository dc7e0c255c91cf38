"""Where the vault's keys lie: private ones in a folder only their owner enters, the public ones beside it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from pushwarden.adapters.vault.hpke import head_of, key_name
from pushwarden.core.errors import VaultRefused

PRIVATE = "private"
"""The folder of private keys below that of keys; the api process does not see into it."""
ENDS = ("_COMMAND", "_FILE", "")
"""What a variable's name may end with, the strongest first."""
COMMAND_SECONDS = 10.0
_PEM = re.compile(rb"-----BEGIN [^-]+-----.*?-----END [^-]+-----\n?", re.S)


@dataclass(frozen=True, slots=True)
class Pair:
    """File names of a pair. variable: the private key as PEM; with `_FILE` the path of a file, with `_COMMAND` a
    command that prints it. anew: what a person must do when the private key is lost. option: of `vault rotate`."""

    name: str
    variable: str
    anew: str
    option: str = ""

    @property
    def private(self) -> str:
        return f"{self.name}.key"

    @property
    def public(self) -> str:
        return f"{self.name}.pub"

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.variable + end for end in ENDS)

    def given(self, environ: Mapping[str, str]) -> str:
        """The variable that names the private key; empty when none does."""
        return next((name for name in self.variables if environ.get(name)), "")

    def file(self, directory: Path) -> Path:
        """Where the private key lies when no variable names it."""
        return directory / PRIVATE / self.private

    def aside(self, head: bytes) -> str:
        """The name of an older key's file, which nothing reads by itself."""
        return f"{self.name}-{key_name(head)}.key"


VAULT = Pair("vault", "PUSHWARDEN_VAULT_KEY", "upload the credentials again")
"""Credentials: only senders read the private key."""
CALLBACKS = Pair("callbacks", "PUSHWARDEN_CALLBACKS_KEY", "rotate each callback's secret", " --callbacks")
"""Signing secrets of callbacks: only chores read the private key, which opens no credential."""
PAIRS = (VAULT, CALLBACKS)


def make_keys(directory: Path, environ: Mapping[str, str]) -> None:
    """Makes each pair unless there is one; two processes at once end with the same pairs. VaultRefused, before anything
    is made, when a public key stands without the private key of it."""
    for pair in PAIRS:
        _bring_in(directory, pair)
    if sentences := [sentence for pair in PAIRS if (sentence := parted(directory, environ, pair))]:
        raise VaultRefused(" ".join(sentences))
    for pair in PAIRS:
        make_pair(directory, environ, pair)


def make_pair(directory: Path, environ: Mapping[str, str], pair: Pair = VAULT) -> X25519PublicKey:
    """As `make_keys`, one of them, unasked; its public key. A private key that the environment names is not made."""
    (directory / PRIVATE).mkdir(mode=0o700, parents=True, exist_ok=True)
    if not pair.given(environ):
        create(pair.file(directory), pem_of(X25519PrivateKey.generate()), 0o600)
    standing = private_keys(directory, environ, pair)[0].public_key()
    create(directory / pair.public, spki_of(standing), 0o644)
    return standing


def parted(directory: Path, environ: Mapping[str, str], pair: Pair = VAULT) -> str:
    """What to do about a public key whose private key is not here, in one sentence; empty when there is none such.

    What is sealed with such a key opens nowhere. A restored backup without private keys leaves one.
    """
    if not (directory / pair.public).exists():
        return ""
    given, public = pair.given(environ), public_key(directory, pair)
    way = (
        f"put the {pair.private} it was made with back into {directory / PRIVATE} (a rotation may have named it "
        f"{pair.aside(head_of(public))}), or name it in {pair.variable}_FILE; only if it is lost, "
        f"delete both and start: a new pair is made, and you {pair.anew}."
    )
    if not given and not pair.file(directory).exists():
        return f"{pair.public} stands without its private key; {way}"
    if any(public == key.public_key() for key in private_keys(directory, environ, pair)):
        return ""
    return f"{pair.public} is not the public key of {given or pair.private}; {way}"


def public_key(directory: Path, pair: Pair = VAULT) -> X25519PublicKey:
    """What the api process reads. VaultRefused when there is none."""
    try:
        key = serialization.load_pem_public_key((directory / pair.public).read_bytes())
    except FileNotFoundError:
        raise VaultRefused(f"There is no {pair.public} in the keys directory; start the supervisor once.") from None
    except OSError as error:
        raise VaultRefused(f"{pair.public} cannot be read: {error.strerror}; look at its owner and mode.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise VaultRefused(f"{pair.public} is not a public key; restore it from a backup.") from None
    if not isinstance(key, X25519PublicKey):
        raise VaultRefused(f"{pair.public} is not an X25519 key; restore it from a backup.")
    return key


def private_keys(directory: Path, environ: Mapping[str, str], pair: Pair = VAULT) -> tuple[X25519PrivateKey, ...]:
    """What a sender, or chores, reads: from a command, a named file or the variable itself, else the pair's own file.

    One key, or several while one takes the place of another, the newest first.
    """
    given = pair.given(environ)
    if given.endswith("_COMMAND"):
        return _parsed(_printed(environ[given], given))
    if given.endswith("_FILE"):
        return _parsed(_read(Path(environ[given])))
    if given:
        return _parsed(environ[given].encode())
    path = pair.file(directory)
    pem = _read(path)
    if path.stat().st_mode & 0o077:
        raise VaultRefused(f"{pair.private} can be read by other users; run chmod 600 {path}.")
    return _parsed(pem)


def pem_of(*keys: X25519PrivateKey) -> bytes:
    """A file's content, the newest first."""
    return b"".join(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for key in keys
    )  # fmt: skip


def spki_of(public: X25519PublicKey) -> bytes:
    """A public key's file."""
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def create(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never over a file that stands."""
    draft = _draft(path, content, mode)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def overwrite(path: Path, content: bytes, mode: int) -> None:
    """In place of what stands there, whole or not at all, and on disk before this returns."""
    _draft(path, content, mode).rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _bring_in(directory: Path, pair: Pair) -> None:
    """Where private keys lay before they had a folder of their own."""
    old = directory / pair.private
    if old.exists() and not pair.file(directory).exists():
        (directory / PRIVATE).mkdir(mode=0o700, exist_ok=True)
        old.rename(pair.file(directory))


def _draft(path: Path, content: bytes, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VaultRefused(f"The vault's key cannot be read from {path.name}: {error.strerror}.") from None


def _printed(command: str, variable: str) -> bytes:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, timeout=COMMAND_SECONDS, check=True)  # noqa: S603
    except (OSError, ValueError, subprocess.SubprocessError):
        raise VaultRefused(f"The command in {variable} failed; run it by hand to see why.") from None
    return done.stdout


def _parsed(pem: bytes) -> tuple[X25519PrivateKey, ...]:
    found = tuple(_parse(one) for one in _PEM.findall(pem))
    if not found:
        raise VaultRefused("The vault's private key is not PEM (PKCS#8); restore it from a backup.")
    return found


def _parse(pem: bytes) -> X25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise VaultRefused("The vault's private key is not PEM (PKCS#8); restore it from a backup.") from None
    if not isinstance(key, X25519PrivateKey):
        raise VaultRefused("The vault's private key is not an X25519 key; restore it from a backup.")
    return key
