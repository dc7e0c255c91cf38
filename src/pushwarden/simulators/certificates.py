"""The simulators' own certificate authority: made once in a folder, trusted by nobody but the tests and the demo."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

DAY = datetime.timedelta(days=1)
APPLE = "1.2.840.113635.100.6.3"
USER_ID = ObjectIdentifier("0.9.2342.19200300.100.1.1")
NULL = b"\x05\x00"
APPLE_KEY_BITS = 2048
_Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files; `server_key` is readable by the owner only."""

    ca: Path
    server: Path
    server_key: Path


def ensure(folder: Path) -> Certificates:
    """The authority and a server certificate for localhost and 127.0.0.1 in `folder`, made when one is missing."""
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if not all(path.exists() for path in (made.ca, made.server, made.server_key)):
        folder.mkdir(parents=True, exist_ok=True)
        _make(folder, made)
    return made


def _make(folder: Path, made: Certificates) -> None:
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = _name("Pushwarden simulators")
    authority = (
        _builder(name, name, authority_key.public_key(), 3650 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = (
        _leaf(authority_key, name, _name("localhost"), server_key.public_key(), 365 * DAY)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write_secret(folder / "ca.key", _key_pem(authority_key))
    _write_secret(made.server_key, _key_pem(server_key))
    made.ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))


def client_certificate(
    folder: Path,
    bundle: str,
    topics: Sequence[tuple[str, str]] = (),
    environments: str = "both",
    days: int = 365,
    age: int = 1,
) -> tuple[bytes, bytes]:
    """(certificate PEM, key PEM) shaped like Apple's push certificates, signed by the authority in `folder`.

    topics: (topic, kind) pairs of extension .6.6, kind is app, voip or complication; one of a single special kind is
    named as Apple names it. environments: sandbox, production, both or none. Negative `days` make an expired one.
    age: days since it began.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name, extensions = f"{_service(topics)}: {bundle}", _apple_extensions(topics, environments)
    certificate = _push_certificate(folder, key.public_key(), (bundle, name), extensions, (days, age))
    return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def answer(
    folder: Path,
    request: bytes,
    bundle: str,
    topics: Sequence[tuple[str, str]] = (),
    environments: str = "both",
    days: int = 365,
) -> bytes:
    """What Apple gives back for a certificate request (PEM): a `.cer` (DER). The others as in `client_certificate`.

    ValueError for a request whose signature does not hold or whose key is not RSA of 2,048 bits.
    """
    asked = x509.load_pem_x509_csr(request)
    public = asked.public_key()
    if not asked.is_signature_valid or not isinstance(public, rsa.RSAPublicKey) or public.key_size != APPLE_KEY_BITS:
        raise ValueError("Apple takes requests that are signed by the RSA key of 2,048 bits they are for.")
    name, extensions = f"{_service(topics)}: {bundle}", _apple_extensions(topics, environments)
    certificate = _push_certificate(folder, public, (bundle, name), extensions, (days, 1))
    return certificate.public_bytes(serialization.Encoding.DER)


def _push_certificate(
    folder: Path,
    public: _Public,
    names: tuple[str, str],
    extensions: Sequence[tuple[int, bytes]],
    life: tuple[int, int],
) -> x509.Certificate:
    """names: user id and common name; those in a request count for nothing, as at Apple.

    life: days to come, and days gone.
    """
    ensure(folder)
    authority_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    subject = x509.Name(
        [x509.NameAttribute(oid, name) for oid, name in zip((USER_ID, NameOID.COMMON_NAME), names, strict=True)]
    )
    days, age = life
    builder = _leaf(authority_key, authority.subject, subject, public, days * DAY, age * DAY)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    for suffix, value in extensions:
        oid = ObjectIdentifier(f"{APPLE}.{suffix}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _service(topics: Sequence[tuple[str, str]]) -> str:
    """How the common name begins."""
    kinds = {kind for _, kind in topics}
    alone = next(iter(kinds)) if len(kinds) == 1 else ""
    return {"voip": "VoIP Services", "complication": "WatchKit Services"}.get(alone, "Apple Push Services")


def _apple_extensions(topics: Sequence[tuple[str, str]], environments: str) -> list[tuple[int, bytes]]:
    found = [(1, NULL)] if environments in {"sandbox", "both"} else []
    found += [(2, NULL)] if environments in {"production", "both"} else []
    if topics:
        pairs = b"".join(_tlv(0x0C, topic.encode()) + _tlv(0x30, _tlv(0x0C, kind.encode())) for topic, kind in topics)
        found.append((6, _tlv(0x30, pairs)))
    return found


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + value


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _Public, lasts: datetime.timedelta, age: datetime.timedelta = DAY
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    start = min(now - age, now + lasts - DAY)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(now + lasts)
    )


def _leaf(
    authority_key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    subject: x509.Name,
    key: _Public,
    lasts: datetime.timedelta,
    age: datetime.timedelta = DAY,
) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(subject, issuer, key, lasts, age)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
