"""The reader's time zone, as the browser told it: what is drawn here has its times in it."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache, lru_cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from pushwarden.web.body import RawHeaders

COOKIE = "zone="


def zone_of(headers: RawHeaders) -> tzinfo:
    """UTC where the browser named none that is known."""
    for name, value in headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split("; "):
                if pair.startswith(COOKIE):
                    return named(unquote(pair.removeprefix(COOKIE)))
    return UTC


@lru_cache(maxsize=64)
def named(zone: str) -> tzinfo:
    """UTC for a name that is none."""
    return ZoneInfo(zone) if zone in _known() else UTC


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())
