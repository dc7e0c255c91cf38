"""Logs: one JSON object a line on standard error, with everything secret taken out before it is written."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any

import msgspec
import structlog

HIDDEN = "<hidden>"
_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|authorization|cookie|private|material|assertion|credential_file|api_?key|(^|_)tokens?$",
    re.I,
)
_SECRET_TEXT = (
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.S), HIDDEN),
    (re.compile(r"\b(bearer|basic)\s+\S+", re.I), rf"\1 {HIDDEN}"),
    (re.compile(r"\bpwk_\w+"), f"pwk_{HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"\b[\w-]{8,}:APA91[\w-]+"), HIDDEN),
    (re.compile(r"://[^/\s:@]+:[^/\s@]+@"), f"://{HIDDEN}@"),
)
_LONG_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")


def configure(level: str, process: str) -> None:
    """For the whole process: ours and what libraries log. process: the role, in every line."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    ending: list[Any] = [structlog.processors.format_exc_info, hide, structlog.processors.JSONRenderer(_json)]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[strip, *ending], foreign_pre_chain=shared))
    sys.excepthook = _crashed
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)


def hide(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A processor: values with a secret's name and secrets inside any text never come out; long hex is cut to four."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Sequence | set | frozenset):
        return [_clean(name, item) for item in value]
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    for pattern, instead in _SECRET_TEXT:
        text = pattern.sub(instead, text)
    return _LONG_HEX.sub(lambda found: f"{found[0][:4]}…({len(found[0])})", text)


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    structlog.get_logger("crash").critical("crashed", exc_info=(kind, error, trace))


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event).decode()
