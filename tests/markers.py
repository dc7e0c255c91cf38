"""Looks for planted secrets in bytes, files and folders, in every form in which a program may write one down."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

LEAST = 12
"""Bytes a form must have: a shorter one would be found by chance."""


@dataclass(frozen=True)
class Marker:
    """forms: name → what to look for."""

    name: str
    forms: dict[str, bytes] = field(repr=False)

    def found(self, content: bytes) -> list[str]:
        lower = content.lower()
        return [
            f"{self.name} as {form}"
            for form, needle in self.forms.items()
            if needle in (lower if form.endswith("hex") else content)
        ]


def forms(name: str, secret: bytes) -> dict[str, bytes]:
    """Raw, hexadecimal, base64 wherever it may begin in a longer text, escaped for JSON, URLs, Python and UTF-16."""
    made = {name: secret, f"{name} hex": secret.hex().encode(), f"{name} repr": repr(secret)[2:-1].encode()}
    for start in range(3):
        whole = secret[start:][: (len(secret) - start) // 3 * 3]
        made[f"{name} base64+{start}"] = base64.b64encode(whole)
        made[f"{name} base64url+{start}"] = base64.urlsafe_b64encode(whole)
    if secret.isascii():
        text = secret.decode()
        made[f"{name} JSON"] = json.dumps(text)[1:-1].encode()
        made[f"{name} URL"] = quote(text, safe="").encode()
        made[f"{name} UTF-16"] = text.encode("utf-16-le")
    return {form: needle for form, needle in made.items() if len(needle) >= LEAST}


def word(name: str, secret: str) -> Marker:
    """A password, an API key, a signing secret."""
    return Marker(name, forms("text", secret.encode()))


def file(name: str, content: bytes) -> Marker:
    """A file that is secret as a whole: its beginning, its middle and its end."""
    parts = {"beginning": content[:48], "middle": content[len(content) // 2 :][:48], "end": content[-48:]}
    return Marker(name, {form: needle for part, piece in parts.items() for form, needle in forms(part, piece).items()})


def private_key(name: str, pem: bytes) -> Marker:
    """A private key: its PEM's lines, its DER, and the number that is the secret."""
    key = serialization.load_pem_private_key(pem, None)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    match key:
        case ec.EllipticCurvePrivateKey():
            number = key.private_numbers().private_value.to_bytes(32, "big")
        case rsa.RSAPrivateKey():
            number = key.private_numbers().p.to_bytes(128, "big")
        case X25519PrivateKey():
            number = key.private_bytes_raw()
        case _:
            raise TypeError(f"{name} is another kind of key")
    kept = forms("number", number) | forms("DER", der[-64:])
    lines = [line for line in pem.splitlines() if len(line) >= LEAST and not line.startswith(b"-----")]
    return Marker(name, kept | {f"PEM line {at}": line for at, line in enumerate(lines)} | _decimal(number))


def _decimal(number: bytes) -> dict[str, bytes]:
    return {"number in digits": str(int.from_bytes(number, "big")).encode()}


def files(*roots: Path) -> Iterator[Path]:
    """Every file below."""
    for root in roots:
        yield from [root] if root.is_file() else (path for path in root.rglob("*") if path.is_file())


def search(markers: Iterable[Marker], surfaces: Iterable[tuple[str, bytes]]) -> dict[str, list[str]]:
    """Surface → what was found there."""
    held = list(markers)
    told: dict[str, list[str]] = {}
    for name, content in surfaces:
        if found := [form for marker in held for form in marker.found(content)]:
            told.setdefault(name, []).extend(found)
    return told
