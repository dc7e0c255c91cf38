"""What a file that is text is, once everything around it is taken away: quotes, fences, base64."""

from __future__ import annotations

import base64
import binascii
import json
import re

from pushwarden.providers.detection import pem
from pushwarden.providers.detection.documents import look_json, look_lines, look_plist
from pushwarden.providers.detection.found import UNKNOWN, Found, Wrong

_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "«": "»"}
_FENCE = re.compile(r"```\w*\n(.*?)\n?```", re.S)
_DATA_URL = re.compile(r"data:[\w/.+-]{0,100}(?:;[\w=-]{1,40})*;base64,")
_KEY_LINE = re.compile(r"""["']?private_key["']?\s*[:=]""")
_PRINTABLE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_LEGACY_KEY = re.compile(r"(?:key\s*=\s*)?(?:AAAA[\w-]{2,20}:APA91b[\w-]{50,200}|AIza[\w-]{35})")
_TOKEN = re.compile(r"[\w-]{8,64}:APA91b[\w-]{50,300}|[0-9a-fA-F]{64}|<?[0-9a-fA-F]{8}(?: [0-9a-fA-F]{8}){7}>?")
_LEAST_BASE64 = 60


def decoded(data: bytes, name: str) -> str | None:
    """The file as text; None for a binary one. A damaged key stays text, so that it can be told what it lost."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if data[:20].count(0) * 3 > len(data[:20]) and b"\0\0" not in data[:20]:
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        meant = b"-BEGIN " in data or name.lower().endswith((".json", ".p8", ".pem"))
        return data.decode("latin-1") if meant and data[:1] != b"\x30" else None
    return None if any(letter < " " and letter not in "\r\n\t" for letter in text) else text


def look(text: str, name: str) -> Found | bytes:
    """What it is; bytes when it was base64 of another file."""
    bare, repaired = _unwrapped(text.strip())
    packed = _packed(bare)
    if packed is not None:
        return packed
    return _bare(bare, name).after(*repaired)


def _unwrapped(text: str) -> tuple[str, tuple[str, ...]]:
    fence = _FENCE.fullmatch(text)
    if fence:
        text = fence[1].strip()
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        return _unquoted(text).strip(), ("It stood in quotation marks.",)
    return text, ()


def _unquoted(text: str) -> str:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text[1:-1]
    return said if isinstance(said, str) else text[1:-1]


def _packed(text: str) -> bytes | None:
    url = _DATA_URL.match(text)
    letters = re.sub(r"\\r|\\n|\s", "", text[url.end() :] if url else text)
    if len(letters) < _LEAST_BASE64 or not _PRINTABLE.fullmatch(letters) or _TOKEN.fullmatch(letters):
        return None
    try:
        content = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_" if "-" in letters else None)
    except binascii.Error:
        return None
    return content if content[:1] in (b"\x30", b"{") or content.startswith((b"-----BEGIN", b"Endpoint=")) else None


def _bare(text: str, name: str) -> Found:
    for wrong, matches in (
        ("file.html", text[:200].lower().startswith(("<!doctype html", "<html"))),
        ("json.only_key", _KEY_LINE.match(text)),
        ("file.is_legacy_fcm_key", _LEGACY_KEY.fullmatch(text)),
        ("file.is_device_token", _TOKEN.fullmatch(text)),
        ("file.is_ssh_key", text.startswith(("ssh-", "ecdsa-sha2-", "PuTTY-User-Key-File"))),
    ):
        if matches:
            return Found(Wrong(wrong, {"name": name}))
    if text.startswith(("<?xml", "<plist", "<!DOCTYPE plist")):
        return Found(look_plist(text))
    if text.startswith(("{", "[")):
        return look_json(text)
    found = pem.look(text, name) or Found(look_lines(text))
    return look_json(text) if found.what == Wrong(UNKNOWN) and name.lower().endswith(".json") else found
