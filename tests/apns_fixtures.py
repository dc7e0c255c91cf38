"""Credentials and key files for the tests of APNs; every key is made at run time."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path

from asn1crypto import core as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from provider_pushes import NOW_MS
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.device import Rows
from pushwarden.core.scope import Environment

APP = App("acme", "shop", "Shop", bundle_id="com.acme.shop")
CREDENTIAL = Credential(
    "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.ACTIVE, "f1"
)
TOKEN = b"0a" * 32
APPLE = "1.2.840.113635.100.6.3."


def rows(count: int = 1, **values: list[str]) -> Rows:
    return Rows(range(count), [TOKEN] * count, values)


def p8(key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Pair:
    """A self-made push certificate with its key. marks: suffixes of Apple's environment extensions.

    topics: topic → kind, or the extension as it shall be.
    """

    def __init__(
        self,
        common_name: str = "Apple Push Services: com.acme.shop",
        uid: str = "com.acme.shop",
        marks: str = "12",
        topics: dict[str, str] | bytes | None = None,
        days: tuple[int, int] = (-1, 365),
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
        issuer: str = "Apple Worldwide Developer Relations Certification Authority",
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if uid:
            names.append(x509.NameAttribute(NameOID.USER_ID, uid))
        now = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(names))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=days[0]))
            .not_valid_after(now + dt.timedelta(days=days[1]))
        )
        for mark in marks:
            builder = builder.add_extension(_extension(mark, b"\x05\x00"), critical=False)
        if topics is not None:
            listed = topics if isinstance(topics, bytes) else _topic_list(topics)
            builder = builder.add_extension(_extension("6", listed), critical=False)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def p12(self, password: bytes = b"secret", *, others: tuple[Pair, ...] = ()) -> bytes:
        """As cryptography writes it: AES-256, PBKDF2."""
        closing: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            closing = serialization.BestAvailableEncryption(password)
        extra = [other.certificate for other in others]
        return pkcs12.serialize_key_and_certificates(b"push", self.key, self.certificate, extra, closing)


def openssl_p12(folder: Path, pair: Pair, *options: str, password: str = "secret", key: bytes | None = None) -> bytes:
    """As the openssl program writes it, with its options (`-legacy`, `-iter 5000`, `-nokeys` …)."""
    (folder / "in.pem").write_bytes(pair.pem + (pair.key_pem if key is None else key))
    out = folder / "out.p12"
    openssl("pkcs12", "-export", "-in", folder / "in.pem", "-out", out, "-passout", f"pass:{password}", *options)
    return out.read_bytes()


def openssl(*command: str | Path) -> str:
    """What the openssl program says, on both streams. CalledProcessError when it refuses."""
    environ = {**os.environ, "OPENSSL_CONF": "/dev/null"}
    done = subprocess.run(["openssl", *command], check=True, capture_output=True, text=True, timeout=30, env=environ)
    return done.stdout + done.stderr


def _extension(suffix: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(APPLE + suffix), value)


def _topic_list(topics: dict[str, str]) -> bytes:
    cells = []
    for topic, kind in topics.items():
        cells += [asn1.UTF8String(topic).dump(), _sequence(asn1.UTF8String(kind).dump())]
    return _sequence(b"".join(cells))


def _sequence(content: bytes) -> bytes:
    holder = asn1.Sequence()
    holder.contents = content
    return bytes(holder.dump())
