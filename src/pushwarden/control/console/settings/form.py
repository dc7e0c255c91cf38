"""The form of an app's settings: what was typed, what it was when the page was drawn, and what somebody else set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pushwarden.control.console.form import Form
from pushwarden.core.app import App

TEXTS = ("name", "description", "bundle_id", "android_package", "wns_sid")
FIELDS = (*TEXTS, "enabled", "contacts")
WRONG = {
    "name": "Enter a name on one line, with at most 200 characters.",
    "description": "A description stands on one line, with at most 1,000 characters.",
    "bundle_id": "A bundle ID has letters, digits, dots and hyphens, such as com.acme.shop.",
    "android_package": "A package has letters, digits, dots and underscores, such as com.acme.shop.",
    "wns_sid": "A package SID stands on one line.",
    "contacts": "Enter one address a line, such as dana@acme.example; at most 20.",
}
"""What to type instead of what was refused."""


@dataclass(frozen=True, slots=True)
class Typed:
    """values: as they stand in the form. seen: as they stood when it was drawn. version: of the app then."""

    values: Mapping[str, str]
    seen: Mapping[str, str]
    version: int

    @property
    def body(self) -> dict[str, Any]:
        """What to change: only what differs from what was seen."""
        changed = {name: value for name, value in self.values.items() if value != self.seen.get(name)}
        said: dict[str, Any] = dict(changed)
        if "enabled" in changed:
            said["enabled"] = changed["enabled"] == "on"
        if "contacts" in changed:
            said["contacts"] = changed["contacts"].split()
        return said | {"version": self.version}


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that somebody else set meanwhile. mine: empty when it was left alone."""

    name: str
    theirs: str
    mine: str


def drawn(app: App) -> Typed:
    """The form as it is first shown."""
    values = shown(app)
    return Typed(values, values, app.version)


def typed(form: Form) -> Typed:
    version = form.text("version")
    values = {name: form.text(name) for name in TEXTS}
    values["enabled"] = "on" if form.ticked("enabled") else ""
    values["contacts"] = "\n".join(form.text("contacts").replace(",", " ").split())
    seen = {name: form.text(f"seen_{name}") for name in FIELDS}
    return Typed(values, seen, int(version) if version.isdigit() and 0 < len(version) < 16 else 1)


def clashes(sent: Typed, app: App) -> list[Clash]:
    """What somebody else set since the page was drawn."""
    now = shown(app)
    return [
        Clash(name, now[name], sent.values[name] if sent.values[name] != sent.seen[name] else "")
        for name in FIELDS
        if now[name] != sent.seen[name] and now[name] != sent.values[name]
    ]


def again(sent: Typed, app: App) -> Typed:
    """The same form over what is there now: what was typed stands, what was left alone is as the other left it."""
    now = shown(app)
    values = {name: sent.values[name] if sent.values[name] != sent.seen[name] else now[name] for name in FIELDS}
    return Typed(values, now, app.version)


def shown(app: App) -> dict[str, str]:
    """An app's fields as a form has them."""
    values = {name: str(getattr(app, name)) for name in TEXTS}
    return values | {"enabled": "on" if app.enabled else "", "contacts": "\n".join(app.contacts)}
