"""A `.p12`: does the password open it, and what is inside?"""

from __future__ import annotations

import warnings

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12

from pushwarden.core.app import CredentialKind
from pushwarden.providers.apns import pfx
from pushwarden.providers.apns.certificates import BROKEN
from pushwarden.providers.apns.pairs import check_pair
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report


def check_p12(file: File, findings: Findings) -> Report:
    """hints: as for `check_pair`. Unusable when nothing in it can be looked at."""
    shape = _shape(file.data, findings)
    findings.kind = CredentialKind.APNS_CERTIFICATE
    findings.add("file.recognised", what="a certificate with its key (.p12)")
    store = _open(file.data, shape, file.clear_password, findings)
    held = [one.certificate for one in (store.cert, *store.additional_certs) if one is not None]
    return check_pair(_keys(store, shape, file.clear_password, findings), held, file, findings)


def _shape(data: bytes, findings: Findings) -> pfx.Shape:
    try:
        shape = pfx.shape(data)
    except pfx.Damaged as damage:
        findings.end("p12.damaged", reason=damage)
    except pfx.Unsupported as part:
        findings.end("p12.unsupported", part=part)
    if shape.iterations > pfx.ITERATION_LIMIT:
        findings.end("p12.too_costly", iterations=shape.iterations, limit=pfx.ITERATION_LIMIT)
    return shape


def _open(data: bytes, shape: pfx.Shape, password: bytes, findings: Findings) -> pkcs12.PKCS12KeyAndCertificates:
    fits = pfx.mac_fits(shape, password)
    if fits is False:
        _closed(shape, password, findings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keychain writes BER, which cryptography reads with a warning
            store = pkcs12.load_pkcs12(data, password or None)
    except BROKEN:
        if fits is None:
            _closed(shape, password, findings)
        findings.end("p12.unsupported", part="something we don't know, though the password is right: "
                     + ", ".join(shape.algorithms))  # fmt: skip
    findings.add("p12.opened" if password else "p12.open")
    if shape.old:
        findings.add("p12.legacy", encryption=shape.old)
    return store


def _closed(shape: pfx.Shape, password: bytes, findings: Findings) -> None:
    """The MAC does not fit: an altered file when the password opens its key all the same, else a wrong password."""
    if not shape.algorithms or any(_opened(shrouded, password) for shrouded in shape.shrouded_keys):
        findings.end("p12.damaged", reason="the file was altered or damaged")
    findings.end("p12.password")


def _keys(
    store: pkcs12.PKCS12KeyAndCertificates, shape: pfx.Shape, password: bytes, findings: Findings
) -> list[PrivateKeyTypes]:
    """Every key; cryptography gives back one, and those beside it stand closed in the shape."""
    if shape.keys < 2:
        return [store.key] if store.key else []
    keys = [key for shrouded in shape.shrouded_keys if (key := _opened(shrouded, password))]
    if len(keys) < shape.keys:
        findings.end("p12.unsupported", part="several keys, not all closed alike or with an empty password")
    return keys


def _opened(shrouded: bytes, password: bytes) -> PrivateKeyTypes | None:
    try:
        return serialization.load_der_private_key(shrouded, password)
    except BROKEN:
        return None
