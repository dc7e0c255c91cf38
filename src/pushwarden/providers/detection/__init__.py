"""What is this file? Decided by its content, its name only helping: nobody is asked which provider it is for."""

from __future__ import annotations

from pushwarden.providers.detection import der, magic, texts
from pushwarden.providers.detection.found import UNKNOWN, Certificates, Found, Key, Wrong
from pushwarden.providers.nesting import DEPTH_LIMIT, asn1_depth, json_depth

SIZE_LIMIT = 64 * 1024
"""Bytes of a credential file. Apple's have 250 (.p8) to some 8,000 (.p12), Google's some 2,400."""


def detect(data: bytes, name: str) -> Found:
    """Total: every file is something. name: as its sender calls it, empty when unknown."""
    if not data.strip():
        return Found(Wrong("file.empty", {"name": _called(name), "size": len(data)}))
    if shown := magic.look(data, _called(name)):
        return Found(shown)
    if len(data) > SIZE_LIMIT:
        return Found(Wrong("file.too_large", {"name": _called(name), "limit": "64 KiB"}))
    seen = _seen(data, name)
    if isinstance(seen, bytes):
        seen = _unpacked(seen, name)
    if isinstance(seen.what, Certificates) and not seen.what.keys and name.lower().endswith(".p8"):
        return Found(Wrong("p8.is_cert"))
    return Found(_by_name(data, name)) if seen.what == Wrong(UNKNOWN) else seen


def _seen(data: bytes, name: str) -> Found | bytes:
    text = texts.decoded(data, name)
    if (asn1_depth(data) if text is None else json_depth(text)) > DEPTH_LIMIT:
        return Found(Wrong("file.too_complex", {"limit": f"{DEPTH_LIMIT} levels of nesting"}))
    if text is None:
        return Found(der.look(data, _called(name)) or Wrong(UNKNOWN))
    return texts.look(text, name)


def _unpacked(data: bytes, name: str) -> Found:
    """The file within base64. A key whose first and last lines are missing looks the same."""
    seen = _seen(data, name)
    if isinstance(seen, bytes):
        return Found(Wrong(UNKNOWN))
    return seen.after(
        "Its first and last lines were missing." if isinstance(seen.what, Key) else "It was pasted as base64."
    )


def _by_name(data: bytes, name: str) -> Wrong:
    """Not recognised by its content; the name may say what it was meant to be."""
    suffix = name.lower().rpartition(".")[2]
    if suffix == "p8":
        return Wrong("p8.malformed", {"reason": "has no first line, and no key inside"})
    if suffix in ("p12", "pfx"):
        return Wrong("p12.damaged", {"reason": "the file is not as such files are made"})
    first = data[:12].decode("ascii", "replace")
    return Wrong(UNKNOWN, {"name": _called(name), "size": f"{len(data)} bytes", "first": first})


def _called(name: str) -> str:
    return name or "The file"
