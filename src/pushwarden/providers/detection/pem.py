"""Blocks between BEGIN and END lines, read as generously as only one meaning is left."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from itertools import zip_longest

from pushwarden.providers.detection import der
from pushwarden.providers.detection.found import UNKNOWN, Certificates, Found, Key, What, Wrong

_DASH = "-‐‑‒–—―−"
_MARK = re.compile(rf"(?<=[{_DASH}])\s?(BEGIN|END) ([A-Z0-9 ]{{1,40}}?)\s?(?=[{_DASH}])")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_GAPS = re.compile(r"\\r|\\n|\s")
_LONGEST_LINE = 76
_WRONG = {
    "CERTIFICATE REQUEST": "file.is_csr",
    "NEW CERTIFICATE REQUEST": "file.is_csr",
    "OPENSSH PRIVATE KEY": "file.is_ssh_key",
    "SSH2 PUBLIC KEY": "file.is_ssh_key",
    "SSH2 ENCRYPTED PRIVATE KEY": "file.is_ssh_key",
}
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_KEYS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


@dataclass(frozen=True, slots=True)
class Block:
    """der: its content; empty when it cannot be read, and `fault` says why. repaired: what had to be put right."""

    label: str
    der: bytes = field(repr=False)
    fault: str = ""
    repaired: str = ""
    old_closing: bool = False  # OpenSSL's own encryption, with header lines

    @property
    def key(self) -> Key:
        return Key(self.der, closed=self.label.startswith("ENCRYPTED"))


def blocks(text: str) -> list[Block]:
    """Every block, also one that does not end."""
    marks = list(_MARK.finditer(text))
    found = []
    for mark, following in zip_longest(marks, marks[1:]):
        if mark[1] == "BEGIN":
            ended = following is not None and following[1] == "END"
            body = text[mark.end() : following.start() if following else len(text)]
            found.append(_block(mark[2], body.strip(_DASH + " "), text[mark.start() - 1]) if ended
                         else Block(mark[2], b"", "has no end line"))  # fmt: skip
    return found


def look(text: str, name: str) -> Found | None:
    """None without a block."""
    held = blocks(text)
    if not held:
        return None
    repaired = dict.fromkeys(block.repaired for block in held if block.repaired)
    return Found(_known(held, name), tuple(repaired))


def _known(held: list[Block], name: str) -> What:
    labels = [block.label for block in held]
    wrong = next((_WRONG[label] for label in labels if label in _WRONG), "")
    certificates = [block for block in held if block.label in _CERTIFICATES]
    keys = [block for block in held if block.label in _KEYS]
    bundles = [block for block in held if block.label in ("PKCS7", "CMS")]
    if wrong or any(label.startswith("PGP ") for label in labels):
        return Wrong(wrong or "file.is_pgp")
    if certificates or bundles:
        return _with_certificates(certificates, bundles, keys)
    if keys:
        return _lone_key(keys, name)
    return Wrong("file.is_public_key" if any("PUBLIC KEY" in label for label in labels) else UNKNOWN)


def _with_certificates(certificates: list[Block], bundles: list[Block], keys: list[Block]) -> What:
    fault = next((block.fault for block in (*certificates, *bundles, *keys) if block.fault), "")
    if fault:
        return Wrong("cert.unreadable", {"reason": f"one of its blocks {fault}"})
    if any(key.old_closing for key in keys):
        return Wrong("p12.unsupported", {"part": "OpenSSL's old encryption of the key"})
    if bundles and not certificates:
        return der.bundle(bundles[0].der)
    return Certificates(tuple(block.der for block in certificates), tuple(block.key for block in keys))


def _lone_key(keys: list[Block], name: str) -> What:
    key = keys[0]
    if key.old_closing:
        return Wrong("p8.encrypted")
    if key.fault or len(keys) > 1:
        return Wrong("p8.malformed", {"reason": key.fault or f"holds {len(keys)} keys"})
    if key.key.closed or name.lower().endswith(".p8") or not der.is_rsa(key.der):
        return key.key
    return Wrong("json.only_key") if key.label == "PRIVATE KEY" else Wrong("file.is_private_key", {"what": "RSA"})


def _block(label: str, body: str, dash: str) -> Block:
    if "Proc-Type:" in body:
        return Block(label, b"", old_closing=True)
    letters = _GAPS.sub("", body)
    repaired = _repaired(body, dash)
    if not letters:
        return Block(label, b"", "is empty inside")
    if not _BASE64.fullmatch(letters):
        return Block(label, b"", "has letters inside that don't belong there")
    try:
        content = base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except binascii.Error:
        return Block(label, b"", "lost a letter or more")
    return Block(label, content, der.cut_off(content), repaired)


def _repaired(body: str, dash: str) -> str:
    lines = body.split("\n")
    if "\\n" in body:
        return r"Its line breaks stood there as `\n`."
    if max(map(len, lines)) > _LONGEST_LINE:
        return "Its line breaks were lost."
    if any(not line.strip() for line in lines[1:-1]):
        return "Its line breaks were doubled."
    return "" if dash == "-" else "Its dashes were changed, as word processors do."
