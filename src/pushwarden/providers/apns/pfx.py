"""A PKCS#12 file before any key derivation runs: what it costs to open, and its parts, each to be opened alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from asn1crypto import algos, cms, core, keys, parser, pkcs12
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pushwarden.providers.apns import pfx_mac
from pushwarden.providers.nesting import DEPTH_LIMIT, asn1_depth

ITERATION_LIMIT = 2_500_000
"""Of all key derivations that may be run. A Keychain and openssl write 2,048 each, newer ones 100,000; the most anyone
advises is 600,000 (OWASP), of which a file of three parts comes to 2.4 million: 0.4 s of CPU (measured). The dearest
2.5 million there are (a SHA-512 MAC, an empty password) take 1.3 s."""
BAG_LIMIT = 64
"""Bags that can be seen. A push certificate's file has two, with its chain five."""

_UNCOUNTABLE = 2**63
_OLD = {"rc2_40": "RC2-40", "rc2_128": "RC2-128", "rc4": "RC4", "tripledes": "3DES", "_des": "DES"}
"""Part of asn1crypto's name → as people call it."""


class Damaged(Exception):
    """The bytes are not a PKCS#12 file."""


class Unsupported(Exception):
    """It is a PKCS#12 file with a part nothing here can read; the argument names it."""


class TooComplex(Exception):
    """It has more of something than any real one; the argument names it."""


@dataclass(frozen=True, slots=True)
class Key:
    """bag: its DER. shrouded: encrypted by itself."""

    bag: bytes = field(repr=False)
    shrouded: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """iterations: of all key derivations that opening it may run. algorithms: asn1crypto's names, in order.

    keys: those outside of encrypted parts. content: the authenticated safe, DER or BER.
    """

    iterations: int
    algorithms: tuple[str, ...]
    keys: tuple[Key, ...]
    mac: pfx_mac.Mac | None
    content: bytes = field(repr=False)

    @property
    def old(self) -> str:
        """The encryption nobody would use today (RC2, RC4, DES), as people call it; empty for a sound one."""
        used = " ".join(self.algorithms)
        return ", ".join(called for name, called in _OLD.items() if name in used)


def shape(data: bytes) -> Shape:
    """Damaged, Unsupported or TooComplex. Runs no key derivation; bags inside encrypted content stay unseen."""
    try:
        return _shape(data)
    except pfx_mac.UnknownMac as unknown:
        raise Unsupported(f"MAC {unknown}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Damaged("it is not a PKCS#12 file") from None


def closed_key_iterations(der: bytes) -> int:
    """Of a PKCS#8 key under a password. Damaged or Unsupported."""
    try:
        return _cost(keys.EncryptedPrivateKeyInfo.load(der)["encryption_algorithm"])[1]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Damaged("it is not a closed key") from None


def spelling(shape: Shape, password: bytes) -> bytes | None:
    """How the password was written when the file was closed with it; None: another one, or the content was altered.

    Without a MAC that is not known, and it is the usual way.
    """
    mac = shape.mac
    if mac is None:
        return usual_spelling(password)
    ways = pfx_mac.spellings(password)
    return next((way for way in ways if mac.fits(shape.content, password, way)), None)


def usual_spelling(password: bytes) -> bytes:
    return pfx_mac.spellings(password)[0]


def with_key(key: Key, spelling: bytes) -> bytes:
    """A file of this key alone, cheap to check, for OpenSSL to open."""
    return pfx_mac.closed(_sequence(_safe(key.bag)), spelling)


def with_certificates(shape: Shape, spelling: bytes) -> bytes:
    """A file of everything with a key of ours before it, cheap to check, for OpenSSL to open.

    OpenSSL opens the first key it comes to and no other (crypto/pkcs12/p12_kiss.c, parse_bag). So each key here is
    opened once and alone, and one hidden inside an encrypted part, whose cost nobody could see, stays closed.
    """
    return pfx_mac.closed(_sequence(_safe(_our_key()) + _inner(shape.content)), spelling)


def _shape(data: bytes) -> Shape:
    pfx = pkcs12.Pfx.load(data)
    if pfx["version"].native != "v3" or pfx["auth_safe"]["content_type"].native != "data":
        raise Damaged("it is not a password-closed PKCS#12 file")
    content = pfx["auth_safe"]["content"].native
    used: list[tuple[str, int]] = []
    held: list[Key] = []
    for count, (kind, bag) in enumerate(_all_bags(_shallow(content), used)):
        if count >= BAG_LIMIT:
            raise TooComplex(f"{BAG_LIMIT} bags")
        if kind == "pkcs8_shrouded_key_bag":
            used.append(_cost(bag["bag_value"]["encryption_algorithm"]))
        if kind in ("key_bag", "pkcs8_shrouded_key_bag"):
            held.append(Key(bag.dump(), kind == "pkcs8_shrouded_key_bag"))
    mac = None
    if not isinstance(pfx["mac_data"], core.Void):
        mac = pfx_mac.read(pfx["mac_data"])
        used.append(("mac", 2 * _counted(mac.iterations)))  # an empty password is written in two ways
    return Shape(sum(count for _, count in used), tuple(name for name, _ in used), tuple(held), mac, content)


def _all_bags(content: bytes, used: list[tuple[str, int]]) -> Iterator[tuple[str, Any]]:
    for info in pkcs12.AuthenticatedSafe.load(content, strict=True):
        yield from _bags(info, used)


def _bags(info: cms.ContentInfo, used: list[tuple[str, int]]) -> Iterator[tuple[str, Any]]:
    match info["content_type"].native:
        case "data":
            yield from _inside(pkcs12.SafeContents.load(_shallow(info["content"].native), strict=True))
        case "encrypted_data":
            used.append(_cost(info["content"]["encrypted_content_info"]["content_encryption_algorithm"]))
            yield "encrypted", info
        case other:
            raise Unsupported(f"content {other}")


def _inside(bags: pkcs12.SafeContents) -> Iterator[tuple[str, Any]]:
    for bag in bags:
        kind = bag["bag_id"].native
        if kind == "safe_contents":
            yield from _inside(bag["bag_value"])
        else:
            yield kind, bag


def _shallow(data: bytes) -> bytes:
    if asn1_depth(data) > DEPTH_LIMIT:
        raise TooComplex(f"{DEPTH_LIMIT} values inside each other")
    return data


def _cost(algorithm: algos.EncryptionAlgorithm) -> tuple[str, int]:
    name = algorithm["algorithm"].native
    if name == "pbes2":
        return algorithm["parameters"]["encryption_scheme"]["algorithm"].native, _kdf_iterations(
            algorithm["parameters"]["key_derivation_func"]
        )
    if not name.startswith("pkcs12_"):
        raise Unsupported(f"encryption {name}")
    return name, _counted(algorithm["parameters"]["iterations"].native)


def _kdf_iterations(kdf: algos.KdfAlgorithm) -> int:
    if kdf["algorithm"].native != "pbkdf2":
        raise Unsupported(f"key derivation {kdf['algorithm'].native}")
    return _counted(kdf["parameters"]["iteration_count"].native)


def _counted(iterations: int) -> int:
    if iterations < 1:
        raise Damaged("it counts its iterations wrongly")
    return min(iterations, _UNCOUNTABLE)  # Python writes no number of thousands of digits


def _our_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    bag: bytes = pkcs12.SafeBag({"bag_id": "key_bag", "bag_value": keys.PrivateKeyInfo.load(pkcs8)}).dump()
    return bag


def _safe(bag: bytes) -> bytes:
    """One bag, not encrypted, as a part of an authenticated safe."""
    safe: bytes = cms.ContentInfo({"content_type": "data", "content": _sequence(bag)}).dump()
    return safe


def _sequence(content: bytes) -> bytes:
    made: bytes = parser.emit(0, 1, 16, content)
    return made


def _inner(content: bytes) -> bytes:
    inner: bytes = parser.parse(content)[4]
    return inner
