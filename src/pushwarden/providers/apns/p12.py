"""A `.p12`: does the password open it, and what is inside?"""

from __future__ import annotations

from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12

from pushwarden.core.app import CredentialKind
from pushwarden.providers.apns import pfx
from pushwarden.providers.apns.certificates import BROKEN
from pushwarden.providers.apns.pairs import check_pair
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report


def check_p12(data: bytes, file: File, findings: Findings) -> Report:
    """data: of the `.p12` itself. hints: as for `check_pair`. Unusable when nothing in it can be looked at."""
    findings.kind = CredentialKind.APNS_CERTIFICATE
    shape = _shape(data, findings)
    keys, held = _open(shape, file.clear_password, findings)
    return check_pair(keys, held, file, findings)


def _shape(data: bytes, findings: Findings) -> pfx.Shape:
    try:
        shape = pfx.shape(data)
    except pfx.Damaged as damage:
        findings.end("p12.damaged", reason=damage)
    except pfx.Unsupported as part:
        findings.end("p12.unsupported", part=part)
    except pfx.TooComplex as amount:
        findings.end("file.too_complex", limit=amount)
    if shape.iterations > pfx.ITERATION_LIMIT:
        findings.end("p12.too_costly", iterations=shape.iterations, limit=pfx.ITERATION_LIMIT)
    return shape


def _open(
    shape: pfx.Shape, password: bytes, findings: Findings
) -> tuple[list[PrivateKeyTypes], list[x509.Certificate]]:
    """Every key and every certificate. Unusable when the password does not open all of it."""
    if b"\0" in password:  # OpenSSL's passwords end there, so no file was closed with it
        findings.end("p12.password")
    spelling = pfx.spelling(shape, password)
    if spelling is None:
        _closed(shape, password, findings)
    try:
        keys = [_key(key, password, spelling) for key in shape.keys]
        held = pkcs12.load_pkcs12(pfx.with_certificates(shape, spelling), password or None).additional_certs
    except BROKEN:
        if shape.mac is None:
            _closed(shape, password, findings)
        findings.end("p12.unsupported", part="something we don't know, though the password is right: "
                     + ", ".join(shape.algorithms))  # fmt: skip
    findings.add("p12.opened" if password else "p12.open")
    if shape.old:
        findings.add("p12.legacy", encryption=shape.old)
    return keys, [one.certificate for one in held]


def _closed(shape: pfx.Shape, password: bytes, findings: Findings) -> NoReturn:
    """The MAC does not fit: an altered file when the password opens its key all the same, else a wrong password."""
    if not shape.algorithms or any(_opens(key, password) for key in shape.keys if key.shrouded):
        findings.end("p12.damaged", reason="the file was altered or damaged")
    findings.end("p12.password")


def _opens(key: pfx.Key, password: bytes) -> bool:
    try:
        _key(key, password, pfx.usual_spelling(password))
    except BROKEN:
        return False
    return True


def _key(key: pfx.Key, password: bytes, spelling: bytes) -> PrivateKeyTypes:
    found = pkcs12.load_pkcs12(pfx.with_key(key, spelling), password or None).key
    if found is None:
        raise ValueError("the key bag holds no key")
    return found
