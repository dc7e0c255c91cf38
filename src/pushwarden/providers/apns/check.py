"""What file is this, and can it send? Each answer is a check with a stable id and the next step."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pushwarden.core.secret import Secret
from pushwarden.providers.apns.cer import certificates_in, check_cer
from pushwarden.providers.apns.p8 import check_p8
from pushwarden.providers.apns.p12 import check_p12
from pushwarden.providers.files import File, is_page, name_of, sized, text_of, unknown
from pushwarden.providers.findings import Findings, Unusable
from pushwarden.providers.port import Report

_CERTIFICATES = ("BEGIN CERTIFICATE", "BEGIN PKCS7")
_PRIVATE_KEYS = ("BEGIN PRIVATE KEY", "BEGIN EC PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY")


def check(data: bytes, *, password: Secret | None, hints: Mapping[str, str], now_ms: int) -> Report:
    """Looks at an uploaded file offline: no network, no clock but `now_ms`. Never raises for what is in the file."""
    findings = Findings()
    try:
        return _dispatch(data, password, hints, now_ms, findings)
    except Unusable:
        return findings.report()


def _dispatch(
    data: bytes, password: Secret | None, hints: Mapping[str, str], now_ms: int, findings: Findings
) -> Report:
    sized(data, hints, findings)
    if data[:1] == b"\x30":
        _known_binary(data, findings)
        if held := certificates_in(data):
            return check_cer(held, hints, now_ms, findings)
        return check_p12(File(data, password, hints, now_ms), findings)
    text = text_of(data) or ""
    _known_text(text, hints, findings)
    if any(mark in text for mark in _CERTIFICATES) and "PRIVATE KEY" not in text:
        return check_cer(certificates_in(text.encode()), hints, now_ms, findings)
    if any(mark in text for mark in _PRIVATE_KEYS):
        return check_p8(text, hints, findings)
    if "PRIVATE KEY" in text:
        findings.end("p8.curve", found="not elliptic")
    return unknown(data, hints, findings)


def _known_binary(data: bytes, findings: Findings) -> None:
    if b"<!DOCTYPE plist" in data or b"<plist" in data:
        findings.end("file.is_profile")


def _known_text(text: str, hints: Mapping[str, str], findings: Findings) -> None:
    """Ends the report for the usual wrong files."""
    if is_page(text):
        findings.end("file.html", name=name_of(hints))
    if text.lstrip().startswith("{"):
        _json(text, findings)
    if "BEGIN CERTIFICATE REQUEST" in text:
        findings.end("file.is_csr")
    if any(mark in text for mark in _CERTIFICATES) and hints.get("file_name", "").lower().endswith(".p8"):
        findings.end("p8.is_cert")
    if text.strip().startswith("AAAA") and ":APA91b" in text:
        findings.end("file.is_legacy_fcm_key")


def _json(text: str, findings: Findings) -> None:
    try:
        fields = msgspec.json.decode(text.encode(), type=dict)
    except (msgspec.DecodeError, RecursionError):
        return
    if "project_info" in fields:
        findings.end("file.is_google_services")
    if fields.get("type") == "service_account":
        findings.end("file.other_provider", found="Google", given="Apple", what="Google's service-account key")
