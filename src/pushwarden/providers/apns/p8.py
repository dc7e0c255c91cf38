"""A `.p8` key: is it one, whose is it, and can it sign?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pushwarden.core.app import CredentialKind
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.tokens import ALGORITHM, TokenKey
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

_FILE_NAME = re.compile(r"AuthKey_([A-Z0-9]{10})(?![A-Za-z0-9])")
_TEN = re.compile(r"[A-Z0-9]{10}")


def check_p8(text: str, hints: Mapping[str, str], findings: Findings) -> Report:
    """hints: file_name, key_id, team_id. Unusable when the key cannot be read at all."""
    findings.kind = CredentialKind.APNS_TOKEN
    findings.add("file.recognised", what="a key for provider tokens (.p8)")
    key = _parse(text, findings)
    key_id, team_id = _key_id(hints, findings), _team_id(hints, findings)
    public = key.public_key()
    public.verify(key.sign(b"pushwarden", ALGORITHM), b"pushwarden", ALGORITHM)
    findings.add("p8.signs")
    findings.add("p8.unproven_topic")
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    findings.facts |= {"key_id": key_id, "team_id": team_id, "topics": [], "environments": ["production", "sandbox"]}
    findings.facts |= {"not_before": None, "not_after": None, "subject": f"key {key_id} of team {team_id}"}
    return findings.report(sha256(spki).hexdigest(), _material(key, key_id, team_id))


def _parse(text: str, findings: Findings) -> ec.EllipticCurvePrivateKey:
    if "BEGIN ENCRYPTED PRIVATE KEY" in text:
        findings.end("p8.encrypted")
    if "-----END" not in text:
        findings.end("p8.malformed", reason="has no end line")
    try:
        key = serialization.load_pem_private_key(text.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        findings.end("p8.malformed", reason="holds no key")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        found = f"elliptic, {key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else "not elliptic"
        findings.end("p8.curve", found=found)
    findings.add("p8.parsed")
    return key


def _key_id(hints: Mapping[str, str], findings: Findings) -> str:
    found = _FILE_NAME.search(hints.get("file_name", ""))
    from_file = found[1] if found else ""
    typed = hints.get("key_id", "").strip()
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


def _team_id(hints: Mapping[str, str], findings: Findings) -> str:
    team_id = hints.get("team_id", "").strip()
    if not team_id:
        findings.add("p8.team_id_missing")
    else:
        findings.add("p8.team_id_fits" if _TEN.fullmatch(team_id) else "p8.team_id", team=team_id)
    return team_id


def _material(key: ec.EllipticCurvePrivateKey, key_id: str, team_id: str) -> Secret:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Secret(msgspec.json.encode(TokenKey(key_id, team_id, pem.decode())))
