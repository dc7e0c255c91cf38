"""The MAC of a PKCS#12 file: does a password fit it? And the cheapest one, for what we put together ourselves."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from asn1crypto import algos, core, pkcs12

DIGESTS = ("sha1", "sha224", "sha256", "sha384", "sha512")
_PBMAC1 = "1.2.840.113549.1.5.14"
"""RFC 9879; openssl 3.4 writes it."""
_LONGEST_KEY = 64
"""Bytes of a PBMAC1 key. The file names a length; more than a digest of it is for nothing (CVE-2025-11187)."""


class UnknownMac(Exception):
    """Nothing here can compute it; the argument names it."""


@dataclass(frozen=True, slots=True)
class Mac:
    """digest: as hashlib names it. prf: PBKDF2's, with a key of `length` bytes; empty for the old way (RFC 7292)."""

    digest: str
    salt: bytes = field(repr=False)
    iterations: int
    value: bytes = field(repr=False)
    prf: str = ""
    length: int = 0

    def fits(self, content: bytes, password: bytes, spelling: bytes) -> bool:
        """spelling: the password as RFC 7292 wants it, where the old way is gone."""
        if self.prf:
            key = hashlib.pbkdf2_hmac(self.prf, password, self.salt, self.iterations, self.length)
        else:
            key = derived(self.digest, self.salt, self.iterations, spelling)
        return hmac.compare_digest(hmac.digest(key, content, self.digest), self.value)


def read(data: pkcs12.MacData) -> Mac:
    """UnknownMac, or whatever asn1crypto raises for what cannot be read."""
    algorithm = data["mac"]["digest_algorithm"]
    value = data["mac"]["digest"].native
    if algorithm["algorithm"].native == _PBMAC1:
        return _pbmac1(algorithm["parameters"], value)
    digest = algorithm["algorithm"].native
    if digest not in DIGESTS:
        raise UnknownMac(digest)
    return Mac(digest, data["mac_salt"].native, data["iterations"].native, value)


def spellings(password: bytes) -> tuple[bytes, ...]:
    """As RFC 7292 B.1 wants it; no password is written in two ways by the programs there are."""
    text = password.decode("utf-8", "replace").encode("utf-16-be") + b"\0\0"
    return (text,) if password else (text, b"")


def closed(content: bytes, spelling: bytes) -> bytes:
    """A PKCS#12 file of this authenticated safe, with a MAC of one iteration."""
    salt = bytes(8)
    value = hmac.digest(derived("sha1", salt, 1, spelling), content, "sha1")
    mac = {"mac": {"digest_algorithm": {"algorithm": "sha1"}, "digest": value}, "mac_salt": salt, "iterations": 1}
    safe = {"content_type": "data", "content": content}
    made: bytes = pkcs12.Pfx({"version": "v3", "auth_safe": safe, "mac_data": mac}).dump()
    return made


def derived(digest: str, salt: bytes, iterations: int, spelling: bytes) -> bytes:
    """RFC 7292 appendix B.2 with ID 3 (MAC), for one block of output."""
    make = getattr(hashlib, digest)
    block = make().block_size
    octets: bytes = bytes([3]) * block + _filled(salt, block) + _filled(spelling, block)
    for _ in range(iterations):
        octets = make(octets).digest()
    return octets


def _pbmac1(parameters: core.Asn1Value, value: bytes) -> Mac:
    derivation, scheme = core.SequenceOf.load(parameters.dump(), spec=core.Any)
    kdf = algos.KdfAlgorithm.load(derivation.dump())
    digest = algos.HmacAlgorithm.load(scheme.dump())["algorithm"].native
    if kdf["algorithm"].native != "pbkdf2":
        raise UnknownMac(kdf["algorithm"].native)
    how = kdf["parameters"].native
    prf = how["prf"]["algorithm"]
    if digest not in DIGESTS or prf not in DIGESTS or not 0 < (how["key_length"] or 0) <= _LONGEST_KEY:
        raise UnknownMac(f"{digest} with a key of {how['key_length']} bytes from {prf}")
    return Mac(digest, how["salt"], how["iteration_count"], value, prf, how["key_length"])


def _filled(value: bytes, block: int) -> bytes:
    size = -(-len(value) // block) * block
    return (value * (size // len(value) + 1))[:size] if value else b""
