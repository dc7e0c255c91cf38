"""When credentials end, as a calendar to subscribe to (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pushwarden.control.letters import counted
from pushwarden.control.standings import Stand, people
from pushwarden.core.health import ends_at
from pushwarden.core.notice import DAYS

FOLD = 75
"""Octets of a line without its end (§3.1)."""
_HEAD = (
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Pushwarden//Credentials//EN", "CALSCALE:GREGORIAN",
    "NAME:Push credentials", "X-WR-CALNAME:Push credentials", "REFRESH-INTERVAL;VALUE=DURATION:PT12H",
)  # fmt: skip
_NOTHING = (
    "BEGIN:VTIMEZONE", "TZID:UTC", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000", "END:STANDARD", "END:VTIMEZONE",
)  # fmt: skip
"""A calendar has at least one component (§3.6): this one says nothing."""


def calendar(ending: Sequence[tuple[Stand, int]]) -> str:
    """An event with alarms at the notices' days for each credential, which the number of its devices goes with."""
    lines = [*_HEAD]
    for stand, devices in ending:
        lines += _event(stand, devices)
    lines += [*(() if ending else _NOTHING), "END:VCALENDAR"]
    return "".join(f"{part}\r\n" for line in lines for part in folded(line))


def _event(stand: Stand, devices: int) -> Iterator[str]:
    credential, app = stand.credential, stand.app
    summary = f"{app.name} ({credential.environment}): the {people(credential)} certificate ends"
    yield "BEGIN:VEVENT"
    yield f"UID:{credential.id}.{credential.app}.{credential.organisation}@pushwarden"
    yield f"DTSTAMP:{_time(credential.created_at)}"
    yield f"DTSTART:{_time(ends_at(credential))}"
    yield "TRANSP:TRANSPARENT"
    yield f"SUMMARY:{escaped(summary)}"
    yield f"DESCRIPTION:{escaped(_description(stand, devices))}"
    for days in DAYS:
        words = escaped(f"{summary} in {counted(days, 'day')}")
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-P{days}D", f"DESCRIPTION:{words}", "END:VALARM")
    yield "END:VEVENT"


def _description(stand: Stand, devices: int) -> str:
    slot = f", for {stand.credential.slot}" if stand.credential.slot else ""
    return (
        f"{counted(devices, 'device')} would go silent.\nCredential {stand.credential.id}{slot}, "
        f"{stand.app.organisation}/{stand.app.id}. Renewing does not disturb devices."
    )


def escaped(text: str) -> str:
    """A TEXT value (§3.3.11)."""
    for one in ("\\", ";", ","):
        text = text.replace(one, "\\" + one)
    return text.replace("\n", "\\n")


def folded(line: str) -> Iterator[str]:
    """The line in parts of at most FOLD octets, the later ones after a space; no character is cut."""
    part, size = "", 0
    for letter in line:
        width = len(letter.encode())
        if size + width > FOLD:
            yield part
            part, size = " ", 1
        part, size = part + letter, size + width
    yield part


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y%m%dT%H%M%SZ}"
