"""A `.p8` key: is it one, whose is it, and can it sign?"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from pushwarden.core.app import CredentialKind
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import pfx
from pushwarden.providers.apns.certificates import BROKEN
from pushwarden.providers.apns.tokens import ALGORITHM, TokenKey
from pushwarden.providers.detection.found import Key
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

_FILE_NAME = re.compile(r"AuthKey_([A-Z0-9]{10})(?![A-Za-z0-9])")
_OTHER_SERVICES = {
    "SubscriptionKey_": "In-App Purchase",
    "ApiKey_": "App Store Connect",
    "SignInWithApple": "Sign in with Apple",
}
"""How Apple names keys for other services (observed). All others are AuthKey_, whatever they are for."""
_TEN = re.compile(r"[A-Z0-9]{10}")


def check_p8(found: Key, file: File, findings: Findings) -> Report:
    """hints: file_name, key_id, team_id. Unusable when the key cannot be read at all."""
    findings.kind = CredentialKind.APNS_TOKEN
    key = _elliptic(opened(found, file, findings), findings)
    _service(file.hint("file_name"), findings)
    key_id, team_id = _key_id(file, findings), _team_id(file, findings)
    if key_id and key_id == team_id:
        findings.add("p8.same_ids", kid=key_id)
    public = key.public_key()
    public.verify(key.sign(b"pushwarden", ALGORITHM), b"pushwarden", ALGORITHM)
    findings.add("p8.signs")
    findings.add("p8.unproven_topic")
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    findings.facts |= {"key_id": key_id, "team_id": team_id, "topics": [], "environments": ["production", "sandbox"]}
    findings.facts |= {"not_before": None, "not_after": None, "subject": f"key {key_id} of team {team_id}"}
    return findings.report(sha256(spki).hexdigest(), _material(key, key_id, team_id))


def opened(found: Key, file: File, findings: Findings) -> PrivateKeyTypes:
    """The key, under its password where it has one. Unusable when it cannot be read."""
    if found.closed:
        _may_be_opened(found, file, findings)
    try:
        return serialization.load_der_private_key(found.der, file.clear_password if found.closed else None)
    except BROKEN:
        return findings.end("p8.password") if found.closed else findings.end("p8.malformed", reason="holds no key")


def _may_be_opened(found: Key, file: File, findings: Findings) -> None:
    if not file.clear_password:
        findings.end("p8.encrypted")
    try:
        iterations = pfx.closed_key_iterations(found.der)
    except (pfx.Damaged, pfx.Unsupported):
        findings.end("p8.malformed", reason="is closed in a way we can't read")
    if iterations > pfx.ITERATION_LIMIT:
        findings.end("p12.too_costly", iterations=iterations, limit=pfx.ITERATION_LIMIT)


def _elliptic(key: PrivateKeyTypes, findings: Findings) -> ec.EllipticCurvePrivateKey:
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        findings.add("p8.parsed")
        return key
    found = f"elliptic, but {key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else "not elliptic"
    return findings.end("p8.curve", found=found)


def _service(file_name: str, findings: Findings) -> None:
    for prefix, service in _OTHER_SERVICES.items():
        if file_name.startswith(prefix):
            findings.add("p8.other_service", service=service, prefix=prefix)


def _key_id(file: File, findings: Findings) -> str:
    found = _FILE_NAME.search(file.hint("file_name"))
    from_file = found[1] if found else ""
    typed = file.hint("key_id")
    key_id = typed or from_file
    if typed and from_file and typed != from_file:
        findings.add("p8.key_id", file_kid=from_file, kid=typed)
    elif not key_id:
        findings.add("p8.key_id_missing")
    elif not _TEN.fullmatch(key_id):
        findings.add("p8.key_id_form", kid=key_id)
    else:
        findings.add("p8.key_id_fits", kid=key_id, source="file name" if from_file else "")
    return key_id


def _team_id(file: File, findings: Findings) -> str:
    team_id = file.hint("team_id")
    if not team_id:
        findings.add("p8.team_id_missing")
    else:
        findings.add("p8.team_id_fits" if _TEN.fullmatch(team_id) else "p8.team_id", team=team_id)
    return team_id


def _material(key: ec.EllipticCurvePrivateKey, key_id: str, team_id: str) -> Secret:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Secret(msgspec.json.encode(TokenKey(key_id, team_id, pem.decode())))
