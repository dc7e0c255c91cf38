"""What the limited child does with a file: it is inspected, and its report is plain data."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES
from cryptography.x509.oid import NameOID

from pushwarden.core.check import Check
from pushwarden.core.secret import Secret
from pushwarden.providers.files import File
from pushwarden.providers.inspection import inspect
from pushwarden.providers.port import Report
from pushwarden.wiring.limited.limits import Limits
from pushwarden.wiring.limited.server import serve


@dataclass(frozen=True, slots=True)
class Request:
    """provider: empty to go by the file. now_ms: the child has no clock of its own to be deceived by."""

    provider: str
    data: bytes = field(repr=False)
    password: bytes | None = field(repr=False)
    hints: Mapping[str, str]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A Report whose secret is open, for the way through the socket."""

    kind: str
    checks: tuple[Check, ...]
    facts: dict[str, Any]
    fingerprint: str
    material: bytes | None = field(repr=False)
    provider: str

    @property
    def report(self) -> Report:
        material = None if self.material is None else Secret(self.material)
        return Report(self.kind, self.checks, self.facts, self.fingerprint, material, self.provider)


LIMITS = Limits()
_CODECS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-be", "latin-1", "cp1252", "ascii", "idna")
_REQUEST = msgspec.msgpack.Decoder(Request)


def read(request: bytes) -> bytes:
    """Request → Answer, both as MessagePack."""
    asked = _REQUEST.decode(request)
    password = None if asked.password is None else Secret(asked.password)
    report = inspect(File(asked.data, password, asked.hints, asked.now_ms), asked.provider)
    material = None if report.material is None else report.material.reveal()
    return msgspec.msgpack.encode(
        Answer(str(report.kind), report.checks, dict(report.facts), report.fingerprint, material, report.provider)
    )


def rehearse() -> None:
    """Loads, before the first fork, what libraries load only when it is used: a child can open no file.

    OpenSSL also looks up its algorithms once instead of in every child.
    """
    for codec in _CODECS:
        codecs.lookup(codec)
    key = ec.generate_private_key(ec.SECP256R1())
    parts = ((NameOID.COMMON_NAME, "Apple Push Services: rehearsal"), (NameOID.USER_ID, "rehearsal"))
    name = x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pbe in (PBES.PBESv1SHA1And3KeyTripleDESCBC, PBES.PBESv2SHA256AndAES256CBC):
        closing = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(pbe).build(b"x")
        _try(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, closing))
    _try(pem)
    _try(msgspec.json.encode({"type": "service_account", "private_key": pem.decode()}))


def _try(data: bytes) -> None:
    read(msgspec.msgpack.encode(Request("", data, b"x", {}, 0)))


if __name__ == "__main__":
    rehearse()
    serve(read, LIMITS)
