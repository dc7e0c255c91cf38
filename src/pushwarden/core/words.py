"""How numbers read: thousands apart by a thin space, shares, durations, times of day, lists. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

THIN = "\N{NARROW NO-BREAK SPACE}"
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


def count(number: float | None) -> str:
    """84 210, with thin spaces; a dash for what is not known."""
    return "–" if number is None else f"{number:,.0f}".replace(",", THIN)


def rate(number: float) -> str:
    """As `count`, with one digit after the point where a small number has one: 5.7."""
    return f"{number:.1f}".removesuffix(".0") if number < 10 else count(number)


def short(number: float) -> str:
    """84k, 1.2M: for counters on tabs."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")):
        if number >= limit:
            scaled = number / limit
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}".removesuffix(".0") + unit
    return f"{number:.0f}"


def percent(share: float) -> str:
    """0.4 % of 0.004. Little stays visible, and almost all is not all: `under 0.1 %`, `over 99.9 %`."""
    if 0 < share < 0.001:
        return f"under 0.1{THIN}%"
    if 0.999 < share < 1:
        return f"over 99.9{THIN}%"
    return f"{share * 100:.1f}".removesuffix(".0") + f"{THIN}%"


def share(part: float, whole: float) -> str:
    """As `percent`; a dash of nothing."""
    return percent(part / whole) if whole > 0 else "–"


def duration(ms: float) -> str:
    """The largest unit, and the next one: 6 min 42 s; with a digit after the point below ten seconds."""
    if ms < 1000:
        return f"{ms:.0f}{THIN}ms"
    if ms < 10_000 and ms % 1000:
        return f"{ms / 1000:.1f}".removesuffix(".0") + f"{THIN}s"
    for number, (unit, name) in enumerate(_UNITS):
        if ms >= unit:
            parts = [f"{ms // unit:.0f}{THIN}{name}"]
            rest = int(ms % unit)
            if number + 1 < len(_UNITS) and rest >= _UNITS[number + 1][0]:
                below, its = _UNITS[number + 1]
                parts.append(f"{rest // below}{THIN}{its}")
            return " ".join(parts)
    return ""


def size(octets: float) -> str:
    """Bytes for people: 312 bytes, 4.1 kB."""
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")):
        if octets >= limit:
            return f"{octets / limit:.1f}".removesuffix(".0") + f"{THIN}{unit}"
    return f"{octets:.0f} bytes"


def clock(ms: float, zone: tzinfo) -> str:
    """13:58."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%H:%M}"


def day(ms: float, zone: tzinfo) -> str:
    """14 Dec."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%-d %b}"


def plural(number: int, one: str, many: str = "") -> str:
    """1 device, 84 210 devices."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser(agent: str) -> str:
    """A User-Agent for people: Firefox on Linux. What is unknown is given as it began."""
    name = next((word for mark, word in _BROWSERS if mark in agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in agent), "")
    return f"{name} on {system}" if name and system else name or system or agent[:40] or "Unknown"
