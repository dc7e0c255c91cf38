"""Reads proto JSON as strictly as Google's front end: unknown names and wrong types are named, both spellings pass."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from .schema import DURATION, STRING, STRINGS, STRUCT, TIMESTAMP, Each, Enum, Message, Type

SECONDS: Final = re.compile(r"-?\d{1,12}(\.\d{1,9})?s")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
Found = list[tuple[str, str]]  # (field, description)


def read(body: bytes, message: Message) -> tuple[dict[str, Any], Found]:
    """(fields by snake_case, what is wrong). Absent and null fields are left out."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}, [("", "Invalid JSON payload received. Unexpected token.")]
    if not isinstance(content, dict):
        return {}, [("", "Invalid JSON payload received. Unexpected token.")]
    wrong: Found = []
    return _message(content, message, "", wrong), wrong


def _message(content: dict[str, Any], message: Message, path: str, wrong: Found) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for spelling, value in content.items():
        name = message.names.get(spelling)
        if name is None:
            place = f" at '{path}'" if path else ""
            text = f'Invalid JSON payload received. Unknown name "{spelling}"{place}: Cannot find field.'
            wrong.append((path, text))
        elif name in read:
            wrong.append((path, f"Invalid value at '{path}': field '{name}' is given twice."))
        elif value is not None:
            read[name] = _value(value, message.fields[name], f"{path}.{name}" if path else name, wrong)
    return read


def _value(value: Any, kind: Type, path: str, wrong: Found) -> Any:
    if isinstance(kind, Message):
        if isinstance(value, dict):
            return _message(value, kind, path, wrong)
        return _refused(value, kind.url, path, wrong)
    if isinstance(kind, Each):
        if isinstance(value, list):
            return [_value(one, kind.type, f"{path}[{at}]", wrong) for at, one in enumerate(value)]
        return _refused(value, "repeated", path, wrong)
    if kind == STRINGS:
        return _strings(value, path, wrong)
    if isinstance(kind, Enum):
        good = value in kind.values if isinstance(value, str) else _whole(value) and 0 <= value < len(kind.values)
        return value if good else _refused(value, f"type.googleapis.com/{kind.name}", path, wrong)
    return value if _fits(value, kind) else _refused(value, kind, path, wrong)


def _strings(value: Any, path: str, wrong: Found) -> Any:
    if not isinstance(value, dict):
        return _refused(value, "map", path, wrong)
    for at, one in enumerate(value.values()):
        if not isinstance(one, str):
            _refused(one, STRING, f"{path}[{at}].value", wrong)
    return value


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "TYPE_STRING":
            return isinstance(value, str)
        case "TYPE_BOOL":
            return isinstance(value, bool)
        case "TYPE_INT32":
            return _whole(value) or (isinstance(value, str) and re.fullmatch(r"-?\d{1,10}", value) is not None)
        case "TYPE_FLOAT":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return _known(value, kind)


def _known(value: Any, kind: str) -> bool:
    if kind == STRUCT:
        return isinstance(value, dict)
    pattern = {DURATION: SECONDS, TIMESTAMP: INSTANT}[kind]
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refused(value: Any, kind: str, path: str, wrong: Found) -> None:
    wrong.append((path, f"Invalid value at '{path}' ({kind}), {json.dumps(value)}"))
