"""What file is this, and can it send to Android? Each answer is a check with a stable id and the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pushwarden.core.app import CredentialKind
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.fcm.facts import TOKEN_URI
from pushwarden.providers.fcm.tokens import ServiceAccount
from pushwarden.providers.files import is_page, name_of, sized, text_of, unknown
from pushwarden.providers.findings import Findings, Unusable
from pushwarden.providers.port import Report

_NEEDED = ("client_email", "private_key", "private_key_id", "project_id", "token_uri")
_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,128}:)?[a-z0-9-]{4,64}")
_EMAIL = re.compile(r"[\x21-\x7e]{1,200}@[a-zA-Z0-9.-]{1,200}")
_KEY_ID = re.compile(r"[\x21-\x7e]{1,128}")
_LEAST_BITS, _MOST_BITS = 2048, 8192


def check(data: bytes, *, hints: Mapping[str, str]) -> Report:
    """Looks at an uploaded file offline: no network, no clock. Never raises for what is in the file."""
    findings = Findings()
    try:
        return _service_account(_fields(data, hints, findings), hints, findings)
    except Unusable:
        return findings.report()


def _fields(data: bytes, hints: Mapping[str, str], findings: Findings) -> dict[str, Any]:
    """The JSON object, or the report ends for one of the usual wrong files."""
    sized(data, hints, findings)
    text = text_of(data) or ""
    if is_page(text):
        findings.end("file.html", name=name_of(hints))
    if text.strip().startswith("AAAA") and ":APA91b" in text:
        findings.end("file.is_legacy_fcm_key")
    if "-----BEGIN" in text and not text.lstrip().startswith("{"):
        findings.end("json.only_key")
    try:
        fields = msgspec.json.decode(text.strip().encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        if text.lstrip().startswith("{"):
            findings.end("json.malformed", line=1, column=1, reason="it does not end, or is damaged")
        return unknown(data, hints, findings)
    if not isinstance(fields, dict):
        findings.end("json.not_a_credential", found="no fields")
    return fields


def _service_account(fields: dict[str, Any], hints: Mapping[str, str], findings: Findings) -> Report:
    _type(fields, findings)
    findings.kind = CredentialKind.FCM_SERVICE_ACCOUNT
    findings.add("file.recognised", what="a service account's key (JSON)")
    account = {name: _text(fields, name, findings) for name in _NEEDED}
    if "" in account.values():
        return findings.report()
    _shapes(account, findings)
    _token_uri(account["token_uri"], hints, findings)
    key = _key(account["private_key"], findings)
    findings.add("fcm.unproven_project", project=account["project_id"])
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    findings.facts |= {name: account[name] for name in ("project_id", "client_email")}
    findings.facts |= {"key_id": account["private_key_id"], "bits": key.key_size, "not_before": None}
    findings.facts |= {"not_after": None, "subject": account["client_email"]}
    return findings.report(sha256(spki).hexdigest(), _material(account, key))


def _type(fields: dict[str, Any], findings: Findings) -> None:
    if "project_info" in fields:
        findings.end("file.is_google_services")
    if "installed" in fields or "web" in fields:
        findings.end("file.is_oauth_client")
    found = fields.get("type")
    if found != "service_account":
        said = found if isinstance(found, str) else "nothing"
        findings.end("json.wrong_type", type=said)


def _text(fields: dict[str, Any], name: str, findings: Findings) -> str:
    value = fields.get(name)
    if isinstance(value, str) and value.strip():
        return value.strip()
    findings.add("json.missing", field=name)
    return ""


def _shapes(account: Mapping[str, str], findings: Findings) -> None:
    for name, pattern in (("project_id", _PROJECT), ("client_email", _EMAIL), ("private_key_id", _KEY_ID)):
        if not pattern.fullmatch(account[name]):
            findings.add("json.form", field=name, value=account[name])
    findings.add("json.account", project_id=account["project_id"], client_email=account["client_email"])


def _token_uri(uri: str, hints: Mapping[str, str], findings: Findings) -> None:
    """The assertion is worth an access token: it goes to Google and nowhere else."""
    if uri == TOKEN_URI:
        findings.add("json.token_uri_google")
    elif hints.get("environment") == Environment.SIMULATED and _is_address(uri):
        findings.add("json.token_uri_simulated", uri)
    else:
        findings.add("json.token_uri", value=uri, google=TOKEN_URI)


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return uri.isascii() and uri.isprintable() and parts.scheme in ("http", "https") and parts.path.startswith("/")


def _key(pem: str, findings: Findings) -> rsa.RSAPrivateKey:
    if "BEGIN ENCRYPTED" in pem:
        findings.end("json.key_encrypted")
    try:
        key = serialization.load_pem_private_key(pem.encode(errors="replace"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        findings.end("json.key_damaged")
    if not isinstance(key, rsa.RSAPrivateKey):
        findings.end("json.key_kind", found="not RSA")
    if not _LEAST_BITS <= key.key_size <= _MOST_BITS:
        findings.end("json.key_size", bits=key.key_size)
    findings.add("json.key", bits=key.key_size)
    return key


def _material(account: Mapping[str, str], key: rsa.RSAPrivateKey) -> Secret:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Secret(
        msgspec.json.encode(
            ServiceAccount(
                account["client_email"], account["private_key_id"], account["project_id"], account["token_uri"],
                pem.decode(),
            )
        )
    )  # fmt: skip
