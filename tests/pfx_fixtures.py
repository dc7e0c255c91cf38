"""PKCS#12 files that no program writes: put together part by part. run: iterations run where the file names others."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from asn1crypto import algos, cms, core, keys, parser, pkcs12
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apns_fixtures import Pair
from pushwarden.providers.apns import pfx_mac

SALT = b"saltsalt"
PBMAC1 = "1.2.840.113549.1.5.14"


def sequence(*parts: bytes) -> bytes:
    return bytes(parser.emit(0, 1, 16, b"".join(parts)))


def key_bag(pair: Pair) -> bytes:
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    info = keys.PrivateKeyInfo.load(pair.key.private_bytes(*form))
    return bytes(pkcs12.SafeBag({"bag_id": "key_bag", "bag_value": info}).dump())


def certificate_bag(pair: Pair) -> bytes:
    der = core.ParsableOctetString(pair.certificate.public_bytes(serialization.Encoding.DER))
    bag = {"cert_id": "x509", "cert_value": der}
    return bytes(pkcs12.SafeBag({"bag_id": "cert_bag", "bag_value": bag}).dump())


def shrouded_bag(pair: Pair, password: bytes, iterations: int, run: int = 0) -> bytes:
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    algorithm, secret = closed(pair.key.private_bytes(*form), password, iterations, run)
    info = keys.EncryptedPrivateKeyInfo({"encryption_algorithm": algorithm, "encrypted_data": secret})
    return bytes(pkcs12.SafeBag({"bag_id": "pkcs8_shrouded_key_bag", "bag_value": info}).dump())


def nest(bags: bytes, times: int) -> bytes:
    """Bags within bags."""
    for _ in range(times):
        inner = pkcs12.SafeContents.load(sequence(bags))
        bags = pkcs12.SafeBag({"bag_id": "safe_contents", "bag_value": inner}).dump()
    return bags


def open_safe(*bags: bytes) -> bytes:
    return bytes(cms.ContentInfo({"content_type": "data", "content": sequence(*bags)}).dump())


def closed_safe(password: bytes, iterations: int, *bags: bytes, run: int = 0) -> bytes:
    algorithm, secret = closed(sequence(*bags), password, iterations, run)
    inner = {"content_type": "data", "content_encryption_algorithm": algorithm, "encrypted_content": secret}
    content = {"version": "v0", "encrypted_content_info": inner}
    return bytes(cms.ContentInfo({"content_type": "encrypted_data", "content": content}).dump())


def closed(data: bytes, password: bytes, iterations: int, run: int = 0) -> tuple[algos.EncryptionAlgorithm, bytes]:
    """PBES2 with AES-256 and PBKDF2-SHA-256."""
    iv = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha256", password, SALT, run or iterations, 32)
    padder = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    kdf = {"algorithm": "pbkdf2", "parameters": _pbkdf2(iterations)}
    scheme = {"algorithm": "aes256_cbc", "parameters": iv}
    parameters = {"key_derivation_func": kdf, "encryption_scheme": scheme}
    algorithm = algos.EncryptionAlgorithm({"algorithm": "pbes2", "parameters": parameters})
    return algorithm, cipher.update(padder.update(data) + padder.finalize()) + cipher.finalize()


def file(*safes: bytes, password: bytes = b"secret", spelling: int = 0) -> bytes:
    """With a MAC of one iteration, the password written in its usual way or another."""
    return pfx_mac.closed(sequence(*safes), pfx_mac.spellings(password)[spelling])


def with_pbmac1(data: bytes, password: bytes, iterations: int = 2048, length: int = 32, run: int = 0) -> bytes:
    """The same with the newer MAC (RFC 9879)."""
    pfx = pkcs12.Pfx.load(data)
    content = pfx["auth_safe"]["content"].native
    key = hashlib.pbkdf2_hmac("sha256", password, SALT, run or iterations, min(length, 1024))
    kdf = algos.KdfAlgorithm({"algorithm": "pbkdf2", "parameters": _pbkdf2(iterations, length)})
    scheme = algos.HmacAlgorithm({"algorithm": "sha256"})
    parameters: Any = core.Any(core.Sequence.load(sequence(kdf.dump(), scheme.dump())))
    digest = {"algorithm": PBMAC1, "parameters": parameters}
    mac = {"digest_algorithm": digest, "digest": hmac.digest(key, content, "sha256")}
    pfx["mac_data"] = {"mac": mac, "mac_salt": b"unused", "iterations": 1}
    return bytes(pfx.dump(force=True))


def as_ber(data: bytes) -> bytes:
    """DER as Keychain may write it: indefinite lengths, octets in pieces."""
    out = b""
    while data:
        _, constructed, _, header, content, _ = parser.parse(data)
        whole = len(header) + len(content)
        if constructed:
            out += data[:1] + b"\x80" + as_ber(content) + b"\0\0"
        elif data[0] == 4 and len(content) > 8:
            half = len(content) // 2
            pieces = b"".join(parser.emit(0, 0, 4, piece) for piece in (content[:half], content[half:]))
            out += b"\x24\x80" + pieces + b"\0\0"
        else:
            out += data[:whole]
        data = data[whole:]
    return out


def _pbkdf2(iterations: int, length: int | None = None) -> algos.Pbkdf2Params:
    salt = algos.Pbkdf2Salt("specified", SALT)
    given = {"salt": salt, "iteration_count": iterations, "prf": {"algorithm": "sha256"}}
    return algos.Pbkdf2Params(given | ({} if length is None else {"key_length": length}))
