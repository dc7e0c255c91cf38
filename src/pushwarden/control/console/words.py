"""How numbers read: thousands apart by a thin space, shares, lapses, times of day. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

THIN = "\u202f"
"""Narrow and never broken."""
SPACE = "\u00a0"

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


def count(number: float) -> str:
    """`84 210`; with one digit after the point where a small number has one: `5.7`."""
    if number != round(number) and abs(number) < 100:
        return f"{number:.1f}"
    return f"{round(number):,}".replace(",", THIN)


def brief(number: float) -> str:
    """For where there is no room: `84k`, `1.2M`."""
    for least, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= least:
            short = number / least
            return f"{short:.0f}{letter}" if short >= 10 or short == round(short) else f"{short:.1f}{letter}"
    return count(number)


def percent(part: float, whole: float) -> str:
    """`0.4 %`; `under 0.1 %` and `over 99.9 %` rather than a rounded nothing or all; `–` of nothing."""
    if whole <= 0:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.05:
        return f"under 0.1{SPACE}%"
    if 99.95 <= share < 100:
        return f"over 99.9{SPACE}%"
    return f"{share:.1f}".removesuffix(".0") + f"{SPACE}%"


def lapse(ms: float) -> str:
    """How long something took: `240 ms`, `2.4 s`, `4 min`, `3 h`, `12 days`."""
    if ms < SECOND:
        return f"{round(ms)}{SPACE}ms"
    if ms < 10 * SECOND:
        return f"{ms / SECOND:.1f}".removesuffix(".0") + f"{SPACE}s"
    for unit, most, word in ((SECOND, 120 * SECOND, "s"), (MINUTE, 120 * MINUTE, "min"), (HOUR, 48 * HOUR, "h")):
        if ms < most:
            return f"{round(ms / unit)}{SPACE}{word}"
    return f"{round(ms / DAY)}{SPACE}days"


def clock(ms: float, zone: tzinfo) -> str:
    """`13:58`."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%H:%M}"


def day(ms: float, zone: tzinfo) -> str:
    """`14 Dec`."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%-d %b}"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 device`, `84 210 devices`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
