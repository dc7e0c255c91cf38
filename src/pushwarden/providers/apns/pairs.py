"""Certificates and keys that came together: which pair sends, and does it fit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from pushwarden.core.app import CredentialKind
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import certificates
from pushwarden.providers.apns.certificates import BROKEN, PushCertificate, is_authority, public_key_name
from pushwarden.providers.dates import date_of
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

_KINDS = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class _Pair:
    """A certificate, what it says, and its key."""

    leaf: x509.Certificate
    found: PushCertificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(repr=False)

    def __str__(self) -> str:
        return f"{self.found.subject}, until {date_of(self.found.not_after)}, serial {self.found.serial}"


def check_pair(
    keys: Sequence[PrivateKeyTypes], held: Sequence[x509.Certificate], file: File, findings: Findings
) -> Report:
    """hints: bundle_id, environment, push_types, serial. Unusable when no pair, or more than one, could send."""
    findings.kind = CredentialKind.APNS_CERTIFICATE
    try:
        pair = _chosen(_pairs(keys, held, findings), file, findings)
    except BROKEN as error:
        findings.end("cert.unreadable", reason=error)
    findings.facts |= pair.found.facts
    certificates.examine(pair.found, file.hints, file.now_ms, findings)
    chain = [one for one in held if is_authority(one)]
    return findings.report(pair.leaf.fingerprint(hashes.SHA256()).hex(), _material(pair, chain))


def _pairs(keys: Sequence[PrivateKeyTypes], held: Sequence[x509.Certificate], findings: Findings) -> list[_Pair]:
    leaves = {one.fingerprint(hashes.SHA256()): one for one in held if not is_authority(one)}.values()
    read = [(leaf, certificates.read(leaf)) for leaf in leaves]
    if not keys:
        bundle = next((found.bundle_id or found.subject for _, found in read), "")
        findings.end("p12.no_key", bundle=bundle or "nobody it names")
    if not read:
        findings.end("p12.no_cert")
    usable = {public_key_name(key.public_key()): key for key in keys if isinstance(key, _KINDS)}
    if not usable:
        findings.end("cert.key_kind", found="neither")
    names = [(public_key_name(leaf.public_key()), leaf, found) for leaf, found in read]
    pairs = [_Pair(leaf, found, usable[name]) for name, leaf, found in names if name in usable]
    if not pairs:
        findings.end("p12.key_mismatch", serial=read[0][1].serial)
    findings.add("p12.pair")
    return pairs


def _chosen(pairs: Sequence[_Pair], file: File, findings: Findings) -> _Pair:
    """The one that is asked for, the only one, or the only one that sends pushes."""
    serial = file.hint("serial").replace(":", "").replace(" ", "").lower().lstrip("0")
    for why, left in (
        ("that was asked for", [pair for pair in pairs if pair.found.serial == serial]),
        ("", [] if serial else pairs),
        ("that sends pushes", [] if serial else [pair for pair in pairs if pair.found.is_push]),
    ):
        if len(left) == 1:
            if len(pairs) > 1:
                findings.add("p12.chosen", str(left[0]), n=len(pairs), why=why)
            return left[0]
    findings.facts["choices"] = [pair.found.facts for pair in pairs]
    listed = "; ".join(map(str, pairs))
    if serial:
        findings.end("p12.no_serial", serial=serial, list=listed)
    return findings.end("p12.many", n=len(pairs), bundle=file.hint("bundle_id"), list=listed)


def _material(pair: _Pair, chain: Sequence[x509.Certificate]) -> Secret:
    """PEM: the leaf, its chain, the key (PKCS#8, unencrypted)."""
    pem = serialization.Encoding.PEM
    parts = [certificate.public_bytes(pem) for certificate in (pair.leaf, *chain)]
    parts.append(pair.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return Secret(b"".join(parts))
