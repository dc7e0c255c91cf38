"""A credential file looked at as an upload's is, in this process."""

from __future__ import annotations

from collections.abc import Mapping

from pushwarden.core.secret import Secret
from pushwarden.providers.files import File
from pushwarden.providers.inspection import inspect
from pushwarden.providers.port import Report

NOW_MS = 1_700_000_000_000


def look_at(
    data: bytes,
    *,
    password: Secret | None = None,
    hints: Mapping[str, str] | None = None,
    now_ms: int = NOW_MS,
    provider: str = "",
) -> Report:
    """Its report."""
    return inspect(File(data, password, hints or {}, now_ms), provider)
