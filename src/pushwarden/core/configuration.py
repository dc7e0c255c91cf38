"""What is configured for an app, as numbered versions, and what differs between two of them in people's words. Pure.

A configuration is JSON: section → part → value. Another section joins by a line in READINGS and in control's SECTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.app import Credential, CredentialKind
from pushwarden.core.names import called

Configuration = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Version:
    """number: 1, 2, 3, … of its app. action: the change that made it. restored: the version it brought back, or 0."""

    organisation: str
    app: str
    number: int
    at: int
    actor: str
    actor_name: str
    action: str
    restored: int = 0
    configuration: Configuration = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of a configuration: what people call it, its value, and the value in words."""

    name: str
    value: Any
    words: str


@dataclass(frozen=True, slots=True)
class Difference:
    """before, after: in words. field: where it stands, section/part."""

    field: str
    name: str
    before: str
    after: str


NOTHING = "nothing"
NAMES = {
    "name": "Name",
    "description": "Description",
    "enabled": "Sending",
    "bundle_id": "Bundle ID",
    "android_package": "Android package",
    "wns_sid": "Windows package SID",
    "contacts": "Told by mail",
    "trial": "Reaches",
}
"""What people call the fields of an app; others are called by their own name."""
_SWITCHES = {"enabled": ("on", "off"), "trial": ("test devices only", "everyone")}


def settings(configuration: Configuration) -> dict[str, Setting]:
    """Every row, by where it stands."""
    return {
        f"{section}/{part}": READINGS.get(section, _plain)(part, value)
        for section, parts in configuration.items()
        for part, value in parts.items()
    }


def differences(before: Configuration, after: Configuration) -> list[Difference]:
    """What to read to know what changed; rows that are the same are left out."""
    old, new = settings(before), settings(after)
    found = []
    for where in [*new, *(where for where in old if where not in new)]:
        was, will = old.get(where), new.get(where)
        if (was and was.value) != (will and will.value):
            name = (will or was or Setting(where, None, "")).name
            found.append(Difference(where, name, was.words if was else NOTHING, will.words if will else NOTHING))
    return found


def credential_words(kind: str, facts: Mapping[str, Any], fingerprint: str) -> str:
    """What a credential is called in a sentence: by its key id, its certificate's serial, or its account."""
    match kind:
        case CredentialKind.APNS_TOKEN if facts.get("key_id"):
            return f"key {facts['key_id']}"
        case CredentialKind.APNS_CERTIFICATE if facts.get("serial"):
            return f"certificate ··{str(facts['serial'])[-4:].upper()}"
        case CredentialKind.FCM_SERVICE_ACCOUNT if facts.get("client_email"):
            return f"service account {facts['client_email']}"
        case _:
            return f"credential {fingerprint[:8]}"


def seat_of(credential: Credential) -> str:
    """environment/provider/slot: one credential sends there."""
    return f"{credential.environment}/{credential.provider}/{credential.slot}"


def seat_words(seat: str) -> str:
    """`Apple in Production`, `Apple in Sandbox, for voip`."""
    environment, provider, slot = seat.split("/")
    return f"{called(provider)} in {environment.title()}" + (f", for {slot}" if slot else "")


def _app(part: str, value: Any) -> Setting:
    return Setting(NAMES.get(part, part.replace("_", " ").capitalize()), value, _said(value, part))


def _credential(part: str, value: Any) -> Setting:
    words = value["called"] if value["enabled"] else f"{value['called']}, switched off"
    same = {name: value[name] for name in ("id", "enabled")}
    return Setting(seat_words(part), same, words)


def _callback(_: str, value: Any) -> Setting:
    told = f"{len(value['events'])} events" if value["events"] else "nothing"
    where = f" of {_listed(value['environments'])}" if value["environments"] else ""
    off = "" if value["enabled"] else ", switched off"
    return Setting(f"Callback to {value['url']}", value, f"told {told}{where}{off}")


def _plain(part: str, value: Any) -> Setting:
    return Setting(part.replace("_", " ").capitalize(), value, _said(value, part))


def _said(value: Any, part: str = "") -> str:
    match value:
        case bool():
            yes, no = _SWITCHES.get(part, ("yes", "no"))
            return yes if value else no
        case str():
            return value or NOTHING
        case list() | tuple():
            return _listed(value) or NOTHING
        case None:
            return NOTHING
        case _:
            return str(value)


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)


READINGS: dict[str, Callable[[str, Any], Setting]] = {
    "app": _app,
    "credentials": _credential,
    "callbacks": _callback,
}
"""Section → how one of its parts is read. A section that is not named here is read as it stands."""
