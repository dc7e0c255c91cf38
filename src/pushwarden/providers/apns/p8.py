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
_NEW_KEY = "Drop the original file again; Apple lets you download it once, so if it is lost, make a new key."


def check_p8(text: str, hints: Mapping[str, str], findings: Findings) -> Report:
    """hints: file_name, key_id, team_id. Unusable when the key cannot be read at all."""
    findings.kind = CredentialKind.APNS_TOKEN
    findings.passed("file.recognised", "This is a key for provider tokens (.p8).")
    key = _parse(text, findings)
    key_id, team_id = _key_id(hints, findings), _team_id(hints, findings)
    public = key.public_key()
    public.verify(key.sign(b"pushwarden", ALGORITHM), b"pushwarden", ALGORITHM)
    findings.passed("p8.signs", "The key signs, and its public half agrees.")
    findings.skipped("p8.unproven_topic", "Bundle ID not proven yet: Apple confirms it only with a real device.")
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    findings.facts |= {"key_id": key_id, "team_id": team_id, "topics": [], "environments": ["production", "sandbox"]}
    findings.facts |= {"not_before": None, "not_after": None, "subject": f"key {key_id} of team {team_id}"}
    return findings.report(sha256(spki).hexdigest(), _material(key, key_id, team_id))


def _parse(text: str, findings: Findings) -> ec.EllipticCurvePrivateKey:
    title = "The key file is damaged: a .p8 starts with -----BEGIN PRIVATE KEY----- and has 4 lines inside."
    if "BEGIN ENCRYPTED PRIVATE KEY" in text:
        findings.end("p8.encrypted", "This key has a password; Apple's .p8 has none. Drop the file Apple gave you.")
    if "-----END" not in text:
        findings.end("p8.malformed", f"{title} This one has no end line. {_NEW_KEY}")
    try:
        key = serialization.load_pem_private_key(text.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        findings.end("p8.malformed", f"{title} What is inside this one is not a key. {_NEW_KEY}")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        found = f"{key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else type(key).__name__
        findings.end("p8.curve", "This is another kind of key: Apple's are elliptic (P-256). "
                     "Use the AuthKey_….p8 from Apple's list of keys.", found)  # fmt: skip
    findings.passed("p8.parsed", "The key is whole: PEM, elliptic, P-256.")
    return key


def _key_id(hints: Mapping[str, str], findings: Findings) -> str:
    found = _FILE_NAME.search(hints.get("file_name", ""))
    from_file = found[1] if found else ""
    typed = hints.get("key_id", "").strip()
    key_id = typed or from_file
    if typed and from_file and typed != from_file:
        findings.failed("p8.key_id", f"Key ID doesn't fit the file: the file name says {from_file}, you typed {typed}.")
    elif not _TEN.fullmatch(key_id):
        findings.failed("p8.key_id", "The key ID is missing or not 10 capital letters and digits; "
                        "it stands beside the key at Apple and in the file's name.", key_id)  # fmt: skip
    else:
        findings.passed("p8.key_id", "The key ID is well formed" + (" and equals the file name." if from_file else "."))
    return key_id


def _team_id(hints: Mapping[str, str], findings: Findings) -> str:
    team_id = hints.get("team_id", "").strip()
    if _TEN.fullmatch(team_id):
        findings.passed("p8.team_id", "The team ID is well formed.", team_id)
    else:
        findings.failed("p8.team_id", "The team ID is missing or not 10 capital letters and digits; "
                        "it stands at Apple under Membership.", team_id)  # fmt: skip
    return team_id


def _material(key: ec.EllipticCurvePrivateKey, key_id: str, team_id: str) -> Secret:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Secret(msgspec.json.encode(TokenKey(key_id, team_id, pem.decode())))
