"""A Google service account's key: is it whole, whose is it, and can it sign?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pushwarden.core.app import CredentialKind
from pushwarden.core.messages import Result
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.certificates import BROKEN
from pushwarden.providers.detection import pem
from pushwarden.providers.fcm.facts import TOKEN_URI
from pushwarden.providers.fcm.tokens import ServiceAccount
from pushwarden.providers.files import File
from pushwarden.providers.findings import Findings
from pushwarden.providers.port import Report

_NEEDED = ("client_email", "private_key", "private_key_id", "project_id", "token_uri")
_FORMS = {
    "project_id": re.compile(r"(?:[a-z0-9.-]{1,128}:)?[a-z0-9-]{4,64}"),
    "client_email": re.compile(r"[\x21-\x7e]{1,200}@[a-zA-Z0-9.-]{1,200}"),
    "private_key_id": re.compile(r"[\x21-\x7e]{1,128}"),
}
_LEAST_BITS, _MOST_BITS = 2048, 8192
_SHOWN = 40  # characters of a value that is in the wrong place: of a key, no more than its first line
_DAY_MS = 86_400_000
_OLD_DAYS = 365
"""Google advises 90 days (cloud.google.com, "Service account key rotation"); who is past a year has no such habit."""


def check_account(fields: Mapping[str, object], file: File, findings: Findings) -> Report:
    """hints: environment, project_id, known_project, modified_at. Never raises for what is in the fields."""
    findings.kind = CredentialKind.FCM_SERVICE_ACCOUNT
    account = {name: _text(fields, name, findings) for name in _NEEDED}
    if "" in account.values() or not _well_formed(account, findings):
        return findings.report()
    _token_uri(account["token_uri"], file.hint("environment"), findings)
    _project(account["project_id"], file, findings)
    key = _key(account["private_key"], findings)
    _age(file, findings)
    findings.add("fcm.unproven_project", project=account["project_id"])
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    findings.facts |= {name: account[name] for name in ("project_id", "client_email")}
    findings.facts |= {"key_id": account["private_key_id"], "bits": key.key_size, "not_before": None}
    findings.facts |= {"not_after": None, "subject": account["client_email"]}
    return findings.report(sha256(spki).hexdigest(), _material(account, key))


def _text(fields: Mapping[str, object], name: str, findings: Findings) -> str:
    value = fields.get(name)
    if isinstance(value, str) and value.strip():
        return value.strip()
    findings.add("json.missing", field=name)
    return ""


def _well_formed(account: Mapping[str, str], findings: Findings) -> bool:
    wrong = [name for name, form in _FORMS.items() if not form.fullmatch(account[name])]
    for name in wrong:
        findings.add("json.form", field=name, value=account[name][:_SHOWN])
    if not wrong:
        findings.add("json.account", project_id=account["project_id"], client_email=account["client_email"])
    return not wrong


def _token_uri(uri: str, environment: str, findings: Findings) -> None:
    """The assertion is worth an access token: it goes to Google and nowhere else."""
    if uri == TOKEN_URI:
        findings.add("json.token_uri_google")
    elif environment == Environment.SIMULATED and _is_address(uri):
        findings.add("json.token_uri_simulated", uri)
    else:
        findings.add("json.token_uri", value=uri, google=TOKEN_URI)


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return uri.isascii() and uri.isprintable() and parts.scheme in ("http", "https") and parts.path.startswith("/")


def _project(project: str, file: File, findings: Findings) -> None:
    """Another project than the one asked for is wrong; than the one before, it may be meant."""
    asked, known = file.hint("project_id"), file.hint("known_project")
    if project in (asked or known, ""):
        findings.add("json.project", project_id=project)
    elif asked or known:
        findings.add("json.wrong_project", result=None if asked else Result.WARNING, p1=project, p2=asked or known)


def _key(text: str, findings: Findings) -> rsa.RSAPrivateKey:
    block = next(iter(pem.blocks(text)), None)
    if block is not None and (block.old_closing or block.label.startswith("ENCRYPTED")):
        findings.end("json.key_encrypted")
    if block is None or block.fault:
        findings.end("json.key_damaged")
    try:
        key = serialization.load_der_private_key(block.der, None)
    except BROKEN:
        findings.end("json.key_damaged")
    if not isinstance(key, rsa.RSAPrivateKey):
        findings.end("json.key_kind", found="not RSA")
    if not _LEAST_BITS <= key.key_size <= _MOST_BITS:
        findings.end("json.key_size", bits=key.key_size)
    findings.add("json.key", bits=key.key_size)
    if block.repaired:
        findings.add("json.key_repaired", what=block.repaired)
    return key


def _age(file: File, findings: Findings) -> None:
    """The file names no date; it is as old as its owner's copy of it, or older."""
    modified = file.hint("modified_at")
    if not modified.isdecimal():
        findings.add("json.age_unknown")
        return
    days = max(0, (file.now_ms - int(modified[:15])) // _DAY_MS)
    findings.add("json.old" if days > _OLD_DAYS else "json.age", n=days)


def _material(account: Mapping[str, str], key: rsa.RSAPrivateKey) -> Secret:
    clear = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kept = {name: account[name] for name in ("client_email", "project_id", "token_uri")}
    return Secret(msgspec.json.encode(ServiceAccount(key_id=account["private_key_id"], pem=clear.decode(), **kept)))
