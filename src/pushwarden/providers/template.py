"""JSON bodies of any provider: laid over, encoded, and as templates filled for many devices at C speed."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any

import msgspec

from pushwarden.core.device import PERSONAL, Rows

PLACEHOLDER = re.compile(rf"\{{\{{({'|'.join(PERSONAL)})\}}\}}".encode())
_ESCAPED = re.compile(r'["\\\x00-\x09\x0b-\x1f\ud800-\udfff]')


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `under`: objects are joined, everything else is replaced."""
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def encode(built: dict[str, Any]) -> bytes:
    """Compact UTF-8. UnicodeEncodeError for a lone surrogate, RecursionError for a payload too deep."""
    return msgspec.json.encode(built)


def encodes(text: str) -> bool:
    """Whether UTF-8 can carry it: no half of a character (a lone surrogate)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def columns(body: bytes) -> tuple[str, ...]:
    """The placeholders of an encoded body, each once, in order of appearance."""
    return tuple(dict.fromkeys(name.decode() for name in PLACEHOLDER.findall(body)))


def fill(body: bytes, rows: Rows) -> list[bytes]:
    """One body a row. A placeholder can stand only inside a JSON string, so a value needs no more than escaping.

    A column the rows do not have is empty text.
    """
    if not len(rows):
        return []
    parts = PLACEHOLDER.split(body)
    escaped = {name: _escape(rows.values.get(name) or [""] * len(rows)) for name in columns(body)}
    if len(parts) == 3:
        head, name, tail = parts
        return between(head, escaped[name.decode()], tail)
    cells = [escaped[part.decode()] if odd % 2 else repeat(part) for odd, part in enumerate(parts)]
    return [b"".join(row) for row in zip(*cells, strict=False)]


def between(head: bytes, values: list[bytes], tail: bytes) -> list[bytes]:
    """head + value + tail for each value, none of which holds a newline; nor does any JSON we encode."""
    return (head + (tail + b"\n" + head).join(values) + tail).split(b"\n") if values else []


def _escape(values: list[str]) -> list[bytes]:
    joined = "\n".join(values)
    if joined.count("\n") == len(values) - 1 and not _ESCAPED.search(joined):
        return joined.encode().split(b"\n")
    return [msgspec.json.encode(_whole(value))[1:-1] for value in values]


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
