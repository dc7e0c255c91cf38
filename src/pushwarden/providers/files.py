"""What is the same for every uploaded file: it holds something, is not huge, and is text or is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from pushwarden.core.secret import Secret
from pushwarden.providers.findings import Findings
from pushwarden.providers.nesting import DEPTH_LIMIT, asn1_depth, json_depth

SIZE_LIMIT = 64 * 1024
"""Bytes of a credential file. Apple's have 250 (.p8) to some 8,000 (.p12), Google's some 2,400."""


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file and what is said of it. now_ms: Unix milliseconds."""

    data: bytes = field(repr=False)
    password: Secret | None
    hints: Mapping[str, str]
    now_ms: int

    @property
    def clear_password(self) -> bytes:
        return self.password.reveal() if self.password else b""

    @property
    def name(self) -> str:
        return name_of(self.hints)

    def hint(self, name: str) -> str:
        """What the sender says; empty when nothing."""
        return self.hints.get(name, "").strip()


def sized(data: bytes, hints: Mapping[str, str], findings: Findings) -> None:
    """Ends the report for an empty file and for one larger or deeper than any credential."""
    if not data.strip():
        findings.end("file.empty", name=name_of(hints), size=len(data))
    if len(data) > SIZE_LIMIT:
        findings.end("file.too_large", name=name_of(hints), limit="64 KiB")
    if _depth(data) > DEPTH_LIMIT:
        findings.end("file.too_complex", limit=f"{DEPTH_LIMIT} levels of nesting")


def text_of(data: bytes) -> str | None:
    """The file as text, in UTF-8 or UTF-16; None when it is something else."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() or not any(ch < " " and ch not in "\r\n\t" for ch in text) else None


def _depth(data: bytes) -> int:
    return asn1_depth(data) if data[:1] == b"\x30" else json_depth(text_of(data) or "")


def is_page(text: str) -> bool:
    """A web page, often a sign-in page, saved as the file."""
    return text.lstrip()[:200].lower().startswith(("<!doctype html", "<html"))


def unknown(data: bytes, hints: Mapping[str, str], findings: Findings) -> NoReturn:
    """Ends the report for a file we do not recognise."""
    findings.end(
        "file.unknown", name=name_of(hints), size=f"{len(data)} bytes", first=data[:12].decode("ascii", "replace")
    )


def name_of(hints: Mapping[str, str]) -> str:
    return hints.get("file_name", "") or "The file"
