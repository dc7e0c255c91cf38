"""System: senders, queue, providers, store, backups and retention, opened by one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Visit
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.web.call import Answer
from pushwarden.web.routes import Within

LATE_MS = 60_000
"""What is due longer than this waits for something."""
OLD_MS = 8 * 86_400_000
"""A backup older than this is old."""


async def show(visit: Visit) -> Page:
    """`?check=network` asks the providers' hosts first."""
    whole = visit.may(Permission.SYSTEM_READ, Scope())
    if whole and visit.query.get("check") == "network":
        await visit.api.get("/v1/system/network")
    found = await visit.api.get("/v1/system")
    hosts = found.network.hosts if found.network else None
    context = {
        "title": "System",
        "system": found,
        "hosts": hosts,
        "troubles": troubles(found, hosts, visit.now_ms),
        "waiting": waiting(found),
        "outside": outside(found.machine.settings) if found.machine else None,
        "whole": whole,
    }
    return Page("system/page.html", context)


async def bundle(visit: Visit) -> Answer:
    answer: Answer = await visit.api.answer("GET", "/v1/system/bundle")
    return answer


def troubles(found: Any, hosts: Any, now_ms: int) -> list[tuple[str, Any]]:
    """What needs somebody: (kind, what it is about), the worst first. The words stand in the page."""
    said: list[tuple[str, Any]] = []
    if not found.senders:
        said.append(("none", None))
    behind = [one.name for one in found.senders if one.version < found.configuration and not found.since]
    said += [("behind", name) for name in behind]
    said += [("host", one) for one in hosts or () if one.ms is None]
    said += [("skew", one) for one in hosts or () if one.skew_ms is not None and abs(one.skew_ms) > 30_000]
    said += [("finding", one) for one in (found.machine.findings if found.machine else ()) if not one["good"]]
    said += [("trouble", words) for one in found.senders for words in one.troubles]
    late = [one for one in found.queue if one.state == "ready" and one.oldest_ms and now_ms - one.oldest_ms > LATE_MS]
    said += [("late", one) for one in late]
    if found.machine and (found.backup is None or now_ms - found.backup.at > OLD_MS):
        said.append(("backup", found.backup))
    return said


def waiting(found: Any) -> dict[str, int]:
    """Recipients by state."""
    sums: dict[str, int] = {"ready": 0, "claimed": 0, "held": 0}
    for row in found.queue:
        sums[row.state] = sums.get(row.state, 0) + row.recipients
    return sums


def outside(settings: Mapping[str, str]) -> dict[str, Any]:
    """What this server speaks to, by settings that are empty where not set. contacts: how many."""
    names = ("proxy", "apns_port", "smtp", "smtp_from", "public_url", "simulator_apns", "simulator_fcm")
    contacts = settings.get("PUSHWARDEN_CONTACTS", "").split(",")
    return {
        **{name: settings.get(f"PUSHWARDEN_{name.upper()}", "") for name in names},
        "contacts": sum(bool(one.strip()) for one in contacts),
    }


def routes() -> tuple[PageRoute, ...]:
    may = Permission.SYSTEM_READ
    return (
        page("GET", "/system", show, may, within=Within.HANDLER),
        page("GET", "/system/bundle", bundle, may, within=Within.HANDLER),
    )
