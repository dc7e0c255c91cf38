"""What file is this, and can it send? Each answer is a check with a stable id and the next step."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pushwarden.core.secret import Secret
from pushwarden.providers.apns.findings import Findings, Unusable
from pushwarden.providers.apns.p8 import check_p8
from pushwarden.providers.apns.p12 import check_p12
from pushwarden.providers.port import Report

SIZE_LIMIT = 64 * 1024
"""Bytes of a credential file. Apple's have 250 (.p8) to some 8,000 (.p12)."""

_CAN_READ = "We can read .p8 and .p12 (.pfx)."
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
    name = hints.get("file_name", "") or "The file"
    if not data.strip():
        findings.end("file.empty", f"The file is empty: {name} has {len(data)} bytes. Choose it again.")
    if len(data) > SIZE_LIMIT:
        findings.end(
            "file.too_large", f"{name} has {len(data)} bytes; a credential has at most {SIZE_LIMIT}. {_CAN_READ}"
        )
    if data[:1] == b"\x30":
        _known_binary(data, findings)
        return check_p12(data, password, hints, now_ms, findings)
    text = _text(data)
    if text is None:
        return _unknown(name, data, findings)
    _known_text(text, hints, findings)
    if any(mark in text for mark in _PRIVATE_KEYS):
        return check_p8(text, hints, findings)
    if "PRIVATE KEY" in text:
        findings.end("p8.curve", "This is another kind of key: Apple's .p8 is elliptic (P-256). "
                     "Use the AuthKey_….p8 from Apple's list of keys.")  # fmt: skip
    return _unknown(name, data, findings)


def _text(data: bytes) -> str | None:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() or not any(ch < " " and ch not in "\r\n\t" for ch in text) else None


def _unknown(name: str, data: bytes, findings: Findings) -> Report:
    first = "".join(ch if ch.isprintable() else "." for ch in data[:12].decode("latin-1"))
    findings.end("file.unknown", f"We don't recognise this file: {name}, {len(data)} bytes. {_CAN_READ}", first)


def _known_binary(data: bytes, findings: Findings) -> None:
    if b"<!DOCTYPE plist" in data or b"<plist" in data:
        findings.end("file.is_profile", "That is a provisioning profile; it belongs in Xcode. "
                     "For sending you need a key (.p8) or a push certificate.")  # fmt: skip


def _known_text(text: str, hints: Mapping[str, str], findings: Findings) -> None:
    """Ends the report for the usual wrong files."""
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype html", "<html")):
        findings.end("file.html", "That is a web page saved as a file, often a sign-in page. Download the file again.")
    if text.lstrip().startswith("{"):
        _json(text, findings)
    if "BEGIN CERTIFICATE REQUEST" in text:
        findings.end("file.is_csr", "That is a certificate request. Give it to Apple and upload what Apple gives back.")
    if "BEGIN CERTIFICATE" in text and "PRIVATE KEY" not in text:
        if hints.get("file_name", "").lower().endswith(".p8"):
            findings.end(
                "p8.is_cert", "That's a certificate, not a key. Upload the AuthKey_….p8, or a .p12 with its key."
            )
        findings.end("cer.no_request", "We don't have the key for this certificate. Upload a .p12 with the key.")
    if text.strip().startswith("AAAA") and ":APA91b" in text:
        findings.end("file.is_legacy_fcm_key", "That is an old FCM server key; Google switched the legacy API off. "
                     "Use a service-account JSON.")  # fmt: skip


def _json(text: str, findings: Findings) -> None:
    try:
        fields = msgspec.json.decode(text.encode(), type=dict)
    except (msgspec.DecodeError, RecursionError):
        return
    if "project_info" in fields:
        findings.end("file.is_google_services", "That is the app's google-services.json; it goes into the Android app. "
                     "For Apple you need a key (.p8) or a push certificate.")  # fmt: skip
    if fields.get("type") == "service_account":
        findings.end("file.is_service_account", "That is Google's service-account key; it sends to Android. "
                     "For Apple you need a key (.p8) or a push certificate.")  # fmt: skip
