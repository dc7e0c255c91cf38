"""A certificate without its key, as Apple gives it: was it made from a request created here?"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from pushwarden.core.app import CredentialKind
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import certificates
from pushwarden.providers.apns.certificates import BROKEN, is_authority, public_key_name
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report


def check_cer(held: list[x509.Certificate], hints: Mapping[str, str], now_ms: int, findings: Findings) -> Report:
    """The material is the certificate, for the key of the request that the fact `public_key` names.

    hints: as for a .p12; requests: JSON, public key → name of each request whose key is kept here; open_requests: those
    that wait, for people; request: the public key that is meant, when one is.
    """
    findings.kind = CredentialKind.APNS_CERTIFICATE
    known: dict[str, str] = msgspec.json.decode(hints.get("requests", "{}"))
    try:
        leaf = _leaf(held, known)
        found, key = certificates.read(leaf), public_key_name(leaf.public_key())
    except BROKEN as error:
        findings.end("cert.unreadable", reason=error)
    findings.facts |= found.facts | {"public_key": key}
    certificates.examine(found, hints, now_ms, findings)
    _match(key, known, hints, findings)
    chain = [leaf, *(one for one in held if is_authority(one))]
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    return findings.report(leaf.fingerprint(hashes.SHA256()).hex(), Secret(pem))


def _leaf(held: list[x509.Certificate], known: Mapping[str, str]) -> x509.Certificate:
    leaves = [one for one in held if not is_authority(one)] or held
    return next((leaf for leaf in leaves if public_key_name(leaf.public_key()) in known), leaves[0])


def _match(key: str, known: Mapping[str, str], hints: Mapping[str, str], findings: Findings) -> None:
    if key not in known:
        findings.add("cer.no_request", list=hints.get("open_requests"))
    elif hints.get("request", key) != key:
        findings.add("cer.other_request", request=known[key])
    else:
        findings.add("cer.matched", request=known[key])
