"""YAML as people copy it: mappings and lists in blocks, text in quotes wherever it could be read as anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.@/-]*(?: [A-Za-z0-9_.@/-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
"""What some reader of YAML takes for a value of another kind."""
_BEYOND = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def written(value: Mapping[str, Any]) -> str:
    """Mappings, lists, texts, whole numbers, booleans and None, in any depth. It reads back as what was written."""
    return "".join(f"{line}\n" for line in _mapping(value))


def _mapping(value: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in value.items():
        yield from _entry(f"{_scalar(name)}:", inner)


def _sequence(value: Sequence[Any]) -> Iterator[str]:
    for inner in value:
        yield from _entry("-", inner)


def _entry(head: str, inner: Any) -> Iterator[str]:
    if not isinstance(inner, Mapping | list | tuple) or not inner:
        yield f"{head} {_scalar(inner)}"
        return
    yield head
    lines = _mapping(inner) if isinstance(inner, Mapping) else _sequence(inner)
    yield from (f"  {line}" for line in lines)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case str():
            return _text(value)
        case Mapping():
            return "{}"
        case _:
            return "[]"


def _text(value: str) -> str:
    """Plain where no reader could take it for something else, else in double quotes as JSON escapes it."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return str(value)
    return _BEYOND.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
