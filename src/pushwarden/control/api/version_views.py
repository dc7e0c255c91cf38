"""What the API takes and tells of an app's versions."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pushwarden.control.api.fields import Request, Text
from pushwarden.control.api.fields import Version as Number
from pushwarden.control.restoring import Lost
from pushwarden.core.configuration import Difference
from pushwarden.web.receipts import iso


class Row(msgspec.Struct):
    """A line of a configuration, in words. field: where it stands, section/part."""

    field: str
    name: str
    value: str


class VersionView(msgspec.Struct):
    """restored: the version it brought back, 0 for none. changed: against the version before."""

    number: int
    at: int
    actor: str
    actor_name: str
    action: str
    restored: int
    changed: list[Difference]


class VersionPage(msgspec.Struct):
    """Newest first. next: pass it as `before` for the next page; null on the last one."""

    versions: list[VersionView]
    next: int | None


class VersionWhole(VersionView, kw_only=True):
    """rows: all of it, in words; configuration: the same for machines."""

    rows: list[Row]
    configuration: dict[str, dict[str, Any]]


class VersionDiff(msgspec.Struct):
    """from_ and to: version numbers; `to` 0 is what is in effect now."""

    from_: int = msgspec.field(name="from")
    to: int
    differences: list[Difference]


class Restoring(Request):
    """version: the newest one you saw. confirm: `lost`, when what cannot be brought back may stay as it is.

    reason: why, for the audit.
    """

    version: Number
    confirm: tuple[Literal["lost"], ...] = ()
    reason: Text = ""


class Restored(msgspec.Struct):
    """done: false for a dry run. version: the newest one now. lost: what stays; notes: what else it means."""

    done: bool
    version: int
    restored: int
    differences: list[Difference]
    lost: list[Lost]
    notes: list[str]


def copied(found: VersionWhole) -> dict[str, Any]:
    """As people keep it beside their code."""
    made = {"version": found.number, "made_at": iso(found.at), "made_by": found.actor_name or "Pushwarden"}
    return made | found.configuration
