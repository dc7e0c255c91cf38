"""What a binary file is, by the outermost parts of its ASN.1: no more is parsed here than where the parts begin."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pushwarden.providers.apns.certificates import BROKEN
from pushwarden.providers.detection.found import Certificates, Key, Store, What, Wrong

_INTEGER = 0x02
_RSA = bytes.fromhex("06092a864886f70d010101")
"""rsaEncryption (RFC 8017), encoded."""
_PROFILE_NAME = re.compile(rb"<key>Name</key>\s*<string>([^<]{1,100})")
_MOST = 1 << 20  # bytes; what says it is larger is not cut off, it is something else


def look(data: bytes, name: str) -> What | None:
    """None when it is no ASN.1, or nothing we know."""
    if b"<plist" in data or b"<!DOCTYPE plist" in data:
        found = _PROFILE_NAME.search(data)
        return Wrong("file.is_profile", evidence=found[1].decode("utf-8", "replace") if found else "")
    whole = _length(data)
    if data[:1] != b"\x30" or whole > _MOST:
        return None
    if whole > len(data):
        return Wrong("file.truncated", {"name": name, "whole": whole, "size": len(data)})
    return _known(data[:whole])


def cut_off(data: bytes) -> str:
    """What is wrong with the outermost part; empty when it is whole."""
    whole = _length(data)
    if data[:1] != b"\x30" or whole > _MOST:
        return "holds something else"
    return f"is cut off: {len(data)} of {whole} bytes are there" if whole > len(data) else ""


def is_rsa(key: bytes) -> bool:
    """Whether an unencrypted private key (PKCS#8, PKCS#1 or SEC 1) is RSA."""
    parts = list(_parts(key))[:2]
    return ([tag for tag, _ in parts] == [_INTEGER, _INTEGER] and parts[0][1] == b"\0") or _RSA in key[:40]


def _known(data: bytes) -> What | None:
    rsa = Wrong("file.is_private_key", {"what": "RSA"})
    match [tag for tag, _ in _parts(data)]:
        case [0x02, 0x02, 0x02, *_]:  # PKCS#1
            return rsa if is_rsa(data) else None
        case [0x02, 0x30, 0x04, *_] | [0x02, 0x04, *_]:  # PKCS#8, SEC 1
            return rsa if is_rsa(data) else Key(data)
        case [0x02, 0x30, *_]:  # PKCS#12
            return Store(data)
        case [0x30, 0x04]:  # PKCS#8 under a password
            return Key(data, closed=True)
        case [0x30, 0x03]:  # SubjectPublicKeyInfo
            return Wrong("file.is_public_key")
        case [0x30, 0x30, 0x03]:  # X.509 and PKCS#10
            return Wrong("file.is_csr") if _is_request(data) else Certificates((data,))
        case [0x06, 0xA0]:  # PKCS#7
            return bundle(data)
        case _:
            return None


def bundle(data: bytes) -> What:
    """The certificates of a `.p7b` (PKCS#7)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it may be BER, which cryptography reads with a warning
            held = pkcs7.load_der_pkcs7_certificates(data)
    except BROKEN:
        held = []
    return Certificates(tuple(one.public_bytes(Encoding.DER) for one in held)) if held else Wrong("file.is_p7b")


def _is_request(data: bytes) -> bool:
    """A request begins with version, subject and key; a certificate of version 1 has more parts, others a tag."""
    signed = next(content for _, content in _parts(data))
    return [tag for tag, _ in _parts(b"\x30\x80" + signed)][:4] in ([0x02, 0x30, 0x30], [0x02, 0x30, 0x30, 0xA0])


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of the first parts within the outermost one, as far as their lengths are said."""
    at, count = _header(data), 0
    while at < len(data) and count < 10:
        rest = data[at:]
        start, size = _header(rest), _length(rest)
        yield rest[0], rest[start:size]
        if rest[1:2] == b"\x80" or size <= 0:
            return
        at, count = at + size, count + 1


def _header(data: bytes) -> int:
    """Bytes of tag and length."""
    said = data[1] if len(data) > 1 else 0
    return 2 + (said & 0x7F if said & 0x80 else 0)


def _length(data: bytes) -> int:
    """Bytes of the whole, as it says; all there are where it leaves its length open."""
    said = data[1] if len(data) > 1 else 0
    if said == 0x80:
        return len(data)
    return _header(data) + (int.from_bytes(data[2 : _header(data)], "big") if said & 0x80 else said)
