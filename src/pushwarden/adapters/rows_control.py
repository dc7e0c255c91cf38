"""control.db's rows as core's nouns and back: every conversion in one place, the same for every database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from pushwarden.core.apikey import ApiKey
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.callback import Callback, Event
from pushwarden.core.check import Check
from pushwarden.core.configuration import Version
from pushwarden.core.hold import Hold, Release
from pushwarden.core.lane import Lane
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Density, Invitation, Passkey, Person, Session, Theme
from pushwarden.core.principal import Binding, KeyKind, Role
from pushwarden.core.probe import Probe
from pushwarden.core.receipt import Receipt
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import StopRecord

Row = Mapping[str, Any]
_DIGEST = 32


class _Stored(msgspec.Struct):
    version: int
    apps: list[App]
    credentials: list[Credential]


_SNAPSHOT = msgspec.msgpack.Decoder(_Stored)
_RECEIPT = msgspec.json.Decoder(Receipt)
_CHECKS = msgspec.json.Decoder(tuple[Check, ...])


def packed(snapshot: Snapshot) -> bytes:
    return msgspec.msgpack.encode(
        _Stored(snapshot.version, list(snapshot.apps.values()), list(snapshot.credentials.values()))
    )


def unpacked(body: bytes) -> Snapshot:
    kept = _SNAPSHOT.decode(body)
    return Snapshot.of(kept.version, kept.apps, kept.credentials)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def organisation_row(organisation: Organisation) -> dict[str, Any]:
    return asdict(organisation) | {"admin_credentials": int(organisation.admin_credentials)}


def organisation_of(row: Row) -> Organisation:
    return Organisation(**{**row, "admin_credentials": bool(row["admin_credentials"])})


def person_row(person: Person) -> dict[str, Any]:
    own = {name: value for name, value in asdict(person).items() if name != "bindings"}
    return own | {"recovery": b"".join(person.recovery), "shortcuts": int(person.shortcuts)}


def person_of(row: Row, bindings: tuple[Binding, ...]) -> Person:
    kept = bytes(row["recovery"])
    return Person(
        **{
            **row,
            "totp": bytes(row["totp"]),
            "recovery": tuple(kept[at : at + _DIGEST] for at in range(0, len(kept), _DIGEST)),
            "theme": Theme(row["theme"]),
            "density": Density(row["density"]),
            "shortcuts": bool(row["shortcuts"]),
            "bindings": bindings,
        }
    )


def binding_of(row: Row) -> Binding:
    return Binding(Role(row["role"]), Scope.parse(row["scope"]))


def passkey_of(row: Row) -> Passkey:
    return Passkey(**{**row, "public_key": bytes(row["public_key"])})


def session_of(row: Row) -> Session:
    return Session(**{**row, "digest": bytes(row["digest"])})


def invitation_row(invitation: Invitation) -> dict[str, Any]:
    bindings = [(one.role, one.scope.key) for one in invitation.bindings]
    return asdict(invitation) | {"bindings": _json(bindings)}


def invitation_of(row: Row) -> Invitation:
    bindings = tuple(Binding(Role(role), Scope.parse(key)) for role, key in msgspec.json.decode(row["bindings"]))
    return Invitation(**{**row, "digest": bytes(row["digest"]), "bindings": bindings})


def app_row(app: App) -> dict[str, Any]:
    return asdict(app) | {
        "enabled": int(app.enabled),
        "trial": int(app.trial),
        "callbacks": _json(app.callbacks),
        "contacts": _json(app.contacts),
    }


def app_of(row: Row) -> App:
    callbacks, contacts = (tuple(msgspec.json.decode(row[name])) for name in ("callbacks", "contacts"))
    flags = {name: bool(row[name]) for name in ("enabled", "trial")}
    return App(**{**row, **flags, "callbacks": callbacks, "contacts": contacts})


def credential_row(credential: Credential) -> dict[str, Any]:
    return asdict(credential) | {"facts": _json(credential.facts), "enabled": int(credential.enabled)}


def credential_of(row: Row) -> Credential:
    return Credential(
        **{
            **row,
            "environment": Environment(row["environment"]),
            "kind": CredentialKind(row["kind"]),
            "state": CredentialState(row["state"]),
            "facts": msgspec.json.decode(row["facts"]),
            "enabled": bool(row["enabled"]),
        }
    )


def request_row(request: CertificateRequest) -> dict[str, Any]:
    return asdict(request)


def request_of(row: Row) -> CertificateRequest:
    return CertificateRequest(**{**row, "environment": Environment(row["environment"])})


def version_row(version: Version) -> dict[str, Any]:
    return asdict(version) | {"configuration": _json(version.configuration)}


def version_of(row: Row) -> Version:
    return Version(**{**row, "configuration": msgspec.json.decode(row["configuration"])})


def key_row(key: ApiKey) -> dict[str, Any]:
    return asdict(key) | {"organisation": key.scope.organisation, "scope": key.scope.key}


def key_of(row: Row) -> ApiKey:
    own = {name: value for name, value in row.items() if name != "organisation"}
    return ApiKey(**{**own, "kind": KeyKind(row["kind"]), "scope": Scope.parse(row["scope"])})


def stop_row(stop: StopRecord) -> dict[str, Any]:
    receipt = _json(stop.receipt) if stop.receipt else ""
    return asdict(stop) | {"organisation": stop.scope.organisation, "scope": stop.scope.key, "receipt": receipt}


def stop_of(row: Row) -> StopRecord:
    own = {name: value for name, value in row.items() if name != "organisation"}
    receipt = _RECEIPT.decode(row["receipt"]) if row["receipt"] else None
    return StopRecord(**{**own, "scope": Scope.parse(row["scope"]), "receipt": receipt})


def callback_row(callback: Callback) -> dict[str, Any]:
    return asdict(callback) | {
        "events": _json(callback.events),
        "environments": _json(callback.environments),
        "enabled": int(callback.enabled),
    }


def callback_of(row: Row) -> Callback:
    events = tuple(Event(event) for event in msgspec.json.decode(row["events"]))
    environments = tuple(Environment(one) for one in msgspec.json.decode(row["environments"]))
    return Callback(**{**row, "events": events, "environments": environments, "enabled": bool(row["enabled"])})


def probe_row(probe: Probe) -> dict[str, Any]:
    return asdict(probe) | {"checks": _json(probe.checks)}


def probe_of(row: Row) -> Probe:
    return Probe(**{**row, "checks": _CHECKS.decode(row["checks"])})


def hold_row(hold: Hold) -> dict[str, Any]:
    return asdict(hold) | {
        "organisation": Lane.parse(hold.lane).organisation,
        "counts": _json(hold.counts),
        "evidence": _json(hold.evidence),
        "release": hold.release or "",
    }


def hold_of(row: Row) -> Hold:
    own = {name: value for name, value in row.items() if name != "organisation"}
    return Hold(
        **{
            **own,
            "counts": msgspec.json.decode(row["counts"]),
            "evidence": msgspec.json.decode(row.get("evidence", "{}")),
            "release": Release(row["release"]) if row["release"] else None,
        }
    )
