"""A `.p12`: does the password open it, and is there exactly one push certificate with its key inside?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from pushwarden.core.app import CredentialKind
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import certificates, pfx
from pushwarden.providers.apns.certificates import BROKEN, is_authority, public_key_name
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def check_p12(
    data: bytes, password: Secret | None, hints: Mapping[str, str], now_ms: int, findings: Findings
) -> Report:
    """hints: file_name, bundle_id, environment, push_types. Unusable when nothing in it can be looked at."""
    shape = _shape(data, findings)
    findings.kind = CredentialKind.APNS_CERTIFICATE
    findings.add("file.recognised", what="a certificate with its key (.p12)")
    store = _open(data, shape, password.reveal() if password else b"", findings)
    try:
        key, leaf = _pair(store, shape, findings)
        found = certificates.read(leaf)
    except BROKEN as error:
        findings.end("cert.unreadable", reason=error)
    findings.facts |= found.facts
    certificates.examine(found, hints, now_ms, findings)
    chain = [extra.certificate for extra in store.additional_certs if is_authority(extra.certificate)]
    return findings.report(leaf.fingerprint(hashes.SHA256()).hex(), _material(key, leaf, chain))


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
    if not shape.algorithms or any(_opens(shrouded, password) for shrouded in shape.shrouded_keys):
        findings.end("p12.damaged", reason="the file was altered or damaged")
    findings.end("p12.password")


def _opens(shrouded: bytes, password: bytes) -> bool:
    try:
        serialization.load_der_private_key(shrouded, password)
    except BROKEN:
        return False
    return True


def _pair(
    store: pkcs12.PKCS12KeyAndCertificates, shape: pfx.Shape, findings: Findings
) -> tuple[_PrivateKey, x509.Certificate]:
    held = [store.cert, *store.additional_certs]
    leaves = [one.certificate for one in held if one is not None and not is_authority(one.certificate)]
    key = store.key
    if key is None:
        found = certificates.read(leaves[0]) if leaves else None
        findings.end("p12.no_key", bundle=found.bundle_id or found.subject or "–" if found else "nothing")
    if not leaves:
        findings.end("p12.no_cert")
    if not isinstance(key, _PrivateKey):
        findings.end("cert.key_kind", found="neither")
    public = public_key_name(key.public_key())
    matching = [leaf for leaf in leaves if public_key_name(leaf.public_key()) == public]
    if shape.keys > 1 or len(matching) > 1:
        findings.end("p12.many", n=max(shape.keys, len(matching)), list="; ".join(map(_subject, leaves)))
    if not matching:
        findings.end("p12.key_mismatch", serial=f"{leaves[0].serial_number:x}")
    findings.add("p12.pair")
    return key, matching[0]


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _material(key: _PrivateKey, leaf: x509.Certificate, chain: list[x509.Certificate]) -> Secret:
    """PEM: the leaf, its chain, the key (PKCS#8, unencrypted)."""
    pem = serialization.Encoding.PEM
    parts = [certificate.public_bytes(pem) for certificate in (leaf, *chain)]
    parts.append(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return Secret(b"".join(parts))
