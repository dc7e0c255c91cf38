"""A PKCS#12 file looked at before any key derivation runs: what it would cost, and whether its password fits."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from asn1crypto import algos, cms, core, pkcs12

ITERATION_LIMIT = 1_000_000
"""Of all key derivations together; openssl writes 3 × 2,048, Keychain less. A million take 0.3 s."""

_NESTING = 8
_DIGESTS = ("sha1", "sha224", "sha256", "sha384", "sha512")
_PBMAC1 = "1.2.840.113549.1.5.14"
_OLD = {"rc2_40": "RC2-40", "rc2_128": "RC2-128", "rc4": "RC4", "tripledes": "3DES", "_des": "DES"}
"""Part of asn1crypto's name → as people call it."""


class Damaged(Exception):
    """The bytes are not a PKCS#12 file."""


class Unsupported(Exception):
    """It is a PKCS#12 file with a part nothing here can read; the argument names it."""


@dataclass(frozen=True, slots=True)
class Mac:
    """digest: a name for hashlib, empty for one nothing here can compute."""

    digest: str
    salt: bytes
    iterations: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """algorithms: asn1crypto's names. shrouded_keys: DER of each visible encrypted key."""

    iterations: int
    algorithms: tuple[str, ...]
    keys: int
    shrouded_keys: tuple[bytes, ...] = field(repr=False)
    mac: Mac | None = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def old(self) -> str:
        """The encryption nobody would use today (RC2, RC4, DES), as people call it; empty for a sound one."""
        used = " ".join(self.algorithms)
        return ", ".join(called for name, called in _OLD.items() if name in used)


def shape(data: bytes) -> Shape:
    """Damaged or Unsupported. Runs no key derivation; bags inside encrypted content stay unseen."""
    try:
        return _shape(data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Damaged("it is not a PKCS#12 file") from None


def mac_fits(shape: Shape, password: bytes) -> bool | None:
    """Is this the password the file was closed with, and the content unaltered? None without a MAC we know."""
    mac = shape.mac
    if mac is None or not mac.digest:
        return None
    return any(
        hmac.compare_digest(hmac.digest(_derive(mac, text), shape.content, mac.digest), mac.value)
        for text in _as_bmp(password)
    )


def _shape(data: bytes) -> Shape:
    pfx = pkcs12.Pfx.load(data)
    if pfx["version"].native != "v3" or pfx["auth_safe"]["content_type"].native != "data":
        raise Damaged("it is not a password-closed PKCS#12 file")
    content = pfx["auth_safe"]["content"].native
    used: list[tuple[str, int]] = []
    shrouded: list[bytes] = []
    keys = 0
    for info in pkcs12.AuthenticatedSafe.load(content, strict=True):
        for kind, bag in _bags(info, used):
            keys += kind in ("key_bag", "pkcs8_shrouded_key_bag")
            if kind == "pkcs8_shrouded_key_bag":
                used.append(_cost(bag["encryption_algorithm"]))
                shrouded.append(bag.untag().dump())
    mac = None
    if not isinstance(pfx["mac_data"], core.Void):
        used.append(_mac_cost(pfx["mac_data"]))
        mac = _mac(pfx["mac_data"])
    return Shape(
        iterations=sum(iterations for _, iterations in used),
        algorithms=tuple(name for name, _ in used),
        keys=keys,
        shrouded_keys=tuple(shrouded),
        mac=mac,
        content=content,
    )


def _bags(info: cms.ContentInfo, used: list[tuple[str, int]]) -> Iterator[tuple[str, Any]]:
    match info["content_type"].native:
        case "data":
            yield from _inside(pkcs12.SafeContents.load(info["content"].native, strict=True), 0)
        case "encrypted_data":
            used.append(_cost(info["content"]["encrypted_content_info"]["content_encryption_algorithm"]))
        case other:
            raise Unsupported(f"content {other}")


def _inside(bags: pkcs12.SafeContents, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _NESTING:
        raise Damaged("its bags are nested too deep")
    for bag in bags:
        kind = bag["bag_id"].native
        if kind == "safe_contents":
            yield from _inside(bag["bag_value"], depth + 1)
        else:
            yield kind, bag["bag_value"]


def _cost(algorithm: algos.EncryptionAlgorithm) -> tuple[str, int]:
    name = algorithm["algorithm"].native
    if name == "pbes2":
        return algorithm["parameters"]["encryption_scheme"]["algorithm"].native, _kdf_iterations(
            algorithm["parameters"]["key_derivation_func"]
        )
    if not name.startswith("pkcs12_"):
        raise Unsupported(f"encryption {name}")
    return name, _counted(algorithm["parameters"]["iterations"].native)


def _mac_cost(mac: pkcs12.MacData) -> tuple[str, int]:
    algorithm = mac["mac"]["digest_algorithm"]
    if algorithm["algorithm"].native == _PBMAC1:
        kdf = algos.KdfAlgorithm.load(core.SequenceOf.load(algorithm["parameters"].dump(), spec=core.Any)[0].dump())
        return "pbmac1", _kdf_iterations(kdf)
    return "mac", _counted(mac["iterations"].native)


def _mac(data: pkcs12.MacData) -> Mac:
    digest = data["mac"]["digest_algorithm"]["algorithm"].native
    return Mac(
        digest=digest if digest in _DIGESTS else "",
        salt=data["mac_salt"].native,
        iterations=data["iterations"].native,
        value=data["mac"]["digest"].native,
    )


def _kdf_iterations(kdf: algos.KdfAlgorithm) -> int:
    if kdf["algorithm"].native != "pbkdf2":
        raise Unsupported(f"key derivation {kdf['algorithm'].native}")
    return _counted(kdf["parameters"]["iteration_count"].native)


def _counted(iterations: int) -> int:
    if iterations < 1:
        raise Damaged("it counts its iterations wrongly")
    return iterations


def _as_bmp(password: bytes) -> tuple[bytes, ...]:
    """As RFC 7292 B.1 wants it; no password is written in two ways by the programs there are."""
    text = password.decode("utf-8", "replace").encode("utf-16-be") + b"\0\0"
    return (text,) if password else (text, b"")


def _derive(mac: Mac, password: bytes) -> bytes:
    """RFC 7292 appendix B.2 with ID 3 (MAC), for one block of output."""
    make = getattr(hashlib, mac.digest)
    block = make().block_size
    octets: bytes = bytes([3]) * block + _filled(mac.salt, block) + _filled(password, block)
    for _ in range(mac.iterations):
        octets = make(octets).digest()
    return octets


def _filled(value: bytes, block: int) -> bytes:
    size = -(-len(value) // block) * block
    return (value * (size // len(value) + 1))[:size] if value else b""
