"""What a push certificate permits: topics of subject and extension .6, environments by extensions .1 and .2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from .answers import Refusal, refusal
from .rules import Allowed

USER_ID = ObjectIdentifier("0.9.2342.19200300.100.1.1")
ENVIRONMENT = {"sandbox": "1.2.840.113635.100.6.3.1", "production": "1.2.840.113635.100.6.3.2"}
TOPICS = "1.2.840.113635.100.6.3.6"
SEQUENCE, UTF8 = 0x30, 0x0C


@dataclass(frozen=True, slots=True)
class Peer:
    """The holder of a client certificate. refused: why every request on its connection is refused."""

    allowed: Allowed
    refused: Refusal | None


def peer(der: bytes, environment: str, bad: frozenset[str]) -> Peer:
    """bad: subject UIDs whose certificates count as revoked."""
    certificate = x509.load_der_x509_certificate(der)
    uids = [str(name.value) for name in certificate.subject.get_attributes_for_oid(USER_ID)]
    found = _apple_extensions(certificate)
    listed = frozenset(_topics(found.get(TOPICS, b"")))
    uid = uids[0] if uids else ""
    allowed = Allowed(listed | {uid}, uid if listed <= {uid} else "", token=False)
    if not uid or uid in bad:
        return Peer(allowed, refusal("BadCertificate"))
    return Peer(allowed, None if ENVIRONMENT[environment] in found else refusal("BadCertificateEnvironment"))


def _apple_extensions(certificate: x509.Certificate) -> dict[str, bytes]:
    return {
        extension.oid.dotted_string: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }


def _topics(der: bytes) -> Iterator[str]:
    for tag, content in _elements(der):
        if tag == SEQUENCE:
            yield from (text.decode() for kind, text in _elements(content) if kind == UTF8)


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    while len(der) >= 2:
        tag, size, at = der[0], der[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(der[2:at], "big")
        yield tag, der[at : at + size]
        der = der[at + size :]
