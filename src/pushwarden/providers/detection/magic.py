"""Files known by their first bytes, none of which can send."""

from __future__ import annotations

from pushwarden.providers.detection.found import Wrong

_SIGNS: dict[bytes, tuple[str, str]] = {
    b"\x89PNG": ("file.is_document", "a picture (PNG)"),
    b"\xff\xd8\xff": ("file.is_document", "a picture (JPEG)"),
    b"GIF8": ("file.is_document", "a picture (GIF)"),
    b"%PDF-": ("file.is_document", "a PDF"),
    b"{\\rtf": ("file.is_document", "a formatted text (RTF)"),
    b"\xd0\xcf\x11\xe0": ("file.is_document", "an Office document"),
    b"\xfe\xed\xfe\xed": ("file.is_keystore", ""),  # JKS
    b"\xce\xce\xce\xce": ("file.is_keystore", ""),  # JCEKS
    b"kych": ("file.is_keychain", ""),
    b"\x00\x05\x16\x07": ("file.is_mac_shadow", ""),  # AppleDouble
    b"\x1f\x8b": ("file.is_archive", "a gzip archive"),
    b"BZh": ("file.is_archive", "a bzip2 archive"),
    b"\xfd7zXZ": ("file.is_archive", "an xz archive"),
    b"7z\xbc\xaf": ("file.is_archive", "a 7-Zip archive"),
    b"Rar!": ("file.is_archive", "a RAR archive"),
}
_IN_ZIP: dict[bytes, tuple[str, str]] = {
    b"Payload/": ("file.is_app", "an iPhone app (.ipa)"),
    b"AndroidManifest.xml": ("file.is_app", "an Android app (.apk, .aab)"),
    b"[Content_Types].xml": ("file.is_document", "an Office document"),
    b"": ("file.is_archive", "a ZIP archive"),
}
_PICTURE = slice(4, 12)
_PICTURES = (b"ftypheic", b"ftypmif1")


def look(data: bytes, name: str) -> Wrong | None:
    """None for every other file."""
    if data.startswith(b"PK\x03\x04"):
        return next(_wrong(sign, name) for mark, sign in _IN_ZIP.items() if mark in data)
    if data[_PICTURE] in _PICTURES or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return _wrong(("file.is_document", "a picture"), name)
    return next((_wrong(sign, name) for start, sign in _SIGNS.items() if data.startswith(start)), None)


def _wrong(sign: tuple[str, str], name: str) -> Wrong:
    return Wrong(sign[0], {"name": name, "what": sign[1]})
