"""What an Apple push certificate allows: kind, environments, topics, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from asn1crypto import core as asn1
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from pushwarden.core.scope import Environment
from pushwarden.providers.apns.facts import FACTS, KINDS
from pushwarden.providers.dates import date_of, weekday_of
from pushwarden.providers.findings import Findings

BROKEN = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)
"""What cryptography raises for a certificate or key it cannot read."""
_UID = x509.ObjectIdentifier("0.9.2342.19200300.100.1.1")
_APPLE = "1.2.840.113635.100.6.3."
_ENVIRONMENT_MARKS = {_APPLE + "1": Environment.SANDBOX, _APPLE + "2": Environment.PRODUCTION}
_TOPICS = x509.ObjectIdentifier(_APPLE + "6")
_BOTH = (Environment.PRODUCTION, Environment.SANDBOX)
_DAY_MS = 86_400_000
_WARN_DAYS = 30
_SUFFIXES = sorted({kind.suffix for kind in KINDS.values() if kind.suffix}, key=len, reverse=True)

PREFIXES: dict[str, tuple[tuple[Environment, ...], str]] = {
    "Apple Push Services: ": (_BOTH, "app"),
    "Apple Development IOS Push Services: ": ((Environment.SANDBOX,), "app"),
    "Apple Development Mac Push Services: ": ((Environment.SANDBOX,), "app"),
    "Apple Production IOS Push Services: ": ((Environment.PRODUCTION,), "app"),
    "Apple Production Mac Push Services: ": ((Environment.PRODUCTION,), "app"),
    "VoIP Services: ": (_BOTH, "voip"),
    "WatchKit Services: ": (_BOTH, "complication"),
    "Website Push ID: ": ((Environment.PRODUCTION,), "website"),
    "Pass Type ID: ": ((Environment.PRODUCTION,), "pass"),
    "APSP:": ((Environment.PRODUCTION,), "mdm"),
}
"""Beginning of the common name → environments and kind. Observed: NWPusher, pushy-console; MDM from memory."""


@dataclass(frozen=True, slots=True)
class PushCertificate:
    """topics: topic → kind (app, voip, complication, …), the subject's own first. Times are Unix milliseconds."""

    subject: str
    uid: str
    topics: dict[str, str]
    environments: tuple[Environment, ...]
    not_before: int
    not_after: int
    issuer: str
    is_push: bool
    serial: str  # hexadecimal

    @property
    def bundle_id(self) -> str:
        """The subject's UID without the suffix of a push type."""
        suffix = next((suffix for suffix in _SUFFIXES if self.uid.endswith(suffix)), "")
        return self.uid.removesuffix(suffix)

    @property
    def facts(self) -> dict[str, Any]:
        """What a report tells of it."""
        return {
            "topics": list(self.topics),
            "topic_kinds": dict(self.topics),
            "slots": self.slots,
            "environments": [str(environment) for environment in self.environments],
            "not_before": self.not_before,
            "not_after": self.not_after,
            "subject": self.subject,
            "bundle_id": self.bundle_id,
            "serial": self.serial,
        }

    @property
    def slots(self) -> list[str]:
        """What it is good for: empty for the app itself, which stands first, else the push type a topic is for."""
        return sorted({self._slot(topic, kind) for topic, kind in self.topics.items()})

    def _slot(self, topic: str, kind: str) -> str:
        if kind in FACTS.slots:
            return kind
        named = (name for name, suffix in FACTS.slots.items() if topic.removesuffix(suffix) in {*self.topics} - {topic})
        return next(named, "")


def read(certificate: x509.Certificate) -> PushCertificate:
    """ValueError when a name or an extension cannot be read."""
    subject, uid = _name(certificate.subject, NameOID.COMMON_NAME), _name(certificate.subject, _UID)
    environments, kind = next((found for prefix, found in PREFIXES.items() if subject.startswith(prefix)), ((), ""))
    marks = {extension.oid.dotted_string for extension in certificate.extensions}
    marked = tuple(environment for oid, environment in _ENVIRONMENT_MARKS.items() if oid in marks)
    topics = ({uid: kind or "app"} if uid else {}) | _topics(certificate)
    return PushCertificate(
        subject=subject,
        uid=uid,
        topics=topics,
        environments=tuple(sorted(marked or environments)),
        not_before=int(certificate.not_valid_before_utc.timestamp() * 1000),
        not_after=int(certificate.not_valid_after_utc.timestamp() * 1000),
        issuer=", ".join(str(part.value) for part in certificate.issuer),
        is_push=bool(marked or kind),
        serial=f"{certificate.serial_number:x}",
    )


def examine(found: PushCertificate, hints: Mapping[str, str], now_ms: int, findings: Findings) -> None:
    """Every check of the certificate itself. Unusable when it is no push certificate."""
    if not found.is_push:
        findings.end("cert.not_push", subject=found.subject or "a certificate without a name")
    findings.add("cert.push", found.subject)
    _issuer(found, findings)
    _validity(found, now_ms, findings)
    _environment(found, hints.get("environment", ""), findings)
    _bundle(found, hints.get("bundle_id", ""), findings)
    kinds = ", ".join(dict.fromkeys(found.topics.values()))
    findings.add("cert.types", ", ".join(found.topics), kinds=kinds)
    if "voip" in hints.get("push_types", "") and "voip" not in found.topics.values():
        findings.add("cert.voip_missing", bundle=found.bundle_id)


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it signs others, and so is no leaf."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *BROKEN):
        return False


def public_key_name(key: CertificatePublicKeyTypes) -> str:
    """SHA-256 of its SubjectPublicKeyInfo, hexadecimal: equal for a private key, its request and its certificate."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(spki).hexdigest()


def _name(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _topics(certificate: x509.Certificate) -> dict[str, str]:
    """SEQUENCE of alternating UTF8String topic, SEQUENCE { UTF8String kind } (observed: pushy's test certificates)."""
    try:
        extension = certificate.extensions.get_extension_for_oid(_TOPICS).value
    except x509.ExtensionNotFound:
        return {}
    if not isinstance(extension, x509.UnrecognizedExtension):
        return {}
    try:
        cells = [cell.native for cell in asn1.SequenceOf.load(extension.value, spec=asn1.Any)]
    except (KeyError, AttributeError, RecursionError, TypeError):  # besides ValueError, what asn1crypto lets through
        raise ValueError("the topic list cannot be read") from None
    return {
        topic: _kind(kinds) for topic, kinds in zip(cells[::2], cells[1::2], strict=False) if isinstance(topic, str)
    }


def _kind(kinds: object) -> str:
    values = list(kinds.values()) if isinstance(kinds, Mapping) else kinds
    first = values[0] if isinstance(values, list) and values else None
    return first if isinstance(first, str) else "app"


def _issuer(found: PushCertificate, findings: Findings) -> None:
    if "Apple Worldwide Developer Relations" in found.issuer or "Apple Application Integration" in found.issuer:
        findings.add("cert.issuer", found.issuer)
    else:
        findings.add("cert.foreign_issuer", issuer=found.issuer or "nobody")


def _validity(found: PushCertificate, now_ms: int, findings: Findings) -> None:
    days, until = (found.not_after - now_ms) // _DAY_MS, date_of(found.not_after)
    if now_ms >= found.not_after:
        findings.add("cert.expired", n=-days, date=until)
    elif now_ms < found.not_before:
        findings.add("cert.not_yet", date=date_of(found.not_before), now=date_of(now_ms))
    elif days < _WARN_DAYS:
        findings.add("cert.expires", n=days, date=until, weekday=weekday_of(found.not_after))
    else:
        findings.add("cert.valid", n=days, date=until)


def _environment(found: PushCertificate, wanted: str, findings: Findings) -> None:
    names = " and ".join(found.environments)
    if wanted in _BOTH and wanted not in found.environments:
        findings.add("cert.production_only" if wanted == Environment.SANDBOX else "cert.sandbox_only")
    else:
        findings.add("cert.environment", environments=names or "the environment its name does not say")


def _bundle(found: PushCertificate, bundle_id: str, findings: Findings) -> None:
    if not bundle_id:
        findings.add("cert.bundle_unknown", cert_bundle=found.bundle_id or "no app it names")
    elif bundle_id in (found.bundle_id, *found.topics):
        findings.add("cert.bundle", bundle_id)
    else:
        findings.add("cert.wrong_bundle", cert_bundle=found.bundle_id or "–", app_bundle=bundle_id)
