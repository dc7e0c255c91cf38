"""What a notice says by mail: a subject that is enough, and a short plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushwarden.core.app import App, Credential
from pushwarden.core.callback import Event
from pushwarden.core.names import called
from pushwarden.core.notice import Due
from pushwarden.providers.dates import date_of, weekday_of

SUBJECTS = {
    Event.CREDENTIAL_EXPIRES: "{app}: the {provider} certificate ends in {days} ({devices})",
    Event.CREDENTIAL_EXPIRED: "{app}: the {provider} certificate has ended ({devices})",
    Event.CREDENTIAL_ATTENTION: "{app}: {provider} refuses some pushes",
    Event.CREDENTIAL_FAILING: "{app}: {provider} refuses the credential ({devices})",
    Event.CREDENTIAL_WELL: "{app}: {provider} takes pushes again",
}
_PRODUCTION = "production"
_BYE = "Pushwarden sent this by itself."


def letter(app: App, credential: Credential, due: Due, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body. facts: as the audit row and the callbacks have them."""
    devices, held = counted(facts["devices"], "device"), counted(facts["held"], "push", "pushes")
    name = app.name if credential.environment == _PRODUCTION else f"{app.name} ({credential.environment})"
    provider = called(credential.provider)
    subject = SUBJECTS[due.event].format(app=name, provider=provider, days=counted(due.days, "day"), devices=devices)
    rows = {
        "App": f"{app.name} ({app.organisation}/{app.id}), {credential.environment}",
        "Credential": f"{credential.id}, {provider}" + (f", for {credential.slot}" if credential.slot else ""),
        "Ends": f"{date_of(facts['not_after'])}, {weekday_of(facts['not_after'])}" if facts["not_after"] else "",
        "Reached by it": devices,
        "Waiting": f"{held}, not lost" if facts["held"] else "",
        "What to do": facts["next"],
        "See": f"pushwarden credentials health {app.id}",
    }
    table = [f"{label + ':':<15}{value}" for label, value in rows.items() if value]
    lines = [f"{facts['title']}. {facts['text']}", "", *table, "", _BYE, ""]
    return subject, "\n".join(lines)


def invitation(who: str, organisation: str, link: str, ends_at: int) -> tuple[str, str]:
    """Subject and body. who: invites; ends_at: Unix milliseconds."""
    lines = [
        f"{who} invites you to Pushwarden, which sends the pushes of {organisation}.",
        "",
        link,
        "",
        f"The link works once, until {date_of(ends_at)}. Whoever has it gets your account: hand it on to nobody.",
        f"Nothing happens when you do not open it; if you do not know {who}, ask before you do.",
        "",
        _BYE,
        "",
    ]
    return f"{who} invites you to Pushwarden", "\n".join(lines)


def trial() -> tuple[str, str]:
    """Subject and body of a mail that is sent to see whether one comes."""
    return (
        "Pushwarden can write to you",
        "This is what a notice would come like: before a certificate ends, and when a provider refuses it.\n",
    )


def counted(number: int, one: str, many: str = "") -> str:
    """`1 day`, `12,304 devices`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
