"""Versions of an app's configuration: what counts as configured, and when a change makes the next version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pushwarden.core.app import App, Credential, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Callback
from pushwarden.core.configuration import Configuration, Version, credential_words, seat_of
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Catalog, Tables

FOUND = "app.found"
"""The action of a version that was there when versions began to be kept."""
NOT_CONFIGURED = frozenset({"organisation", "id", "version", "created_at", "callbacks", "deleted_at"})
"""Fields of an app that nobody sets, or that stand in a section of their own."""


def keep(tables: Tables, by: AuditEntry, restored: int = 0) -> None:
    """Writes the next version where the configuration differs from the last one; the change's app, or every one."""
    apps = [tables.apps.get(by.scope.organisation, by.scope.app)] if by.scope.app else tables.apps.all()
    for app in filter(None, apps):
        last = tables.versions.last(app.organisation, app.id)
        now = configured(tables, app)
        if last is None or last.configuration != now:
            number = last.number + 1 if last else 1
            tables.versions.insert(
                Version(
                    app.organisation, app.id, number, by.at, by.actor, str(by.extra.get("actor_name", "")), by.action,
                    restored, now,
                )
            )  # fmt: skip


async def begin(catalog: Catalog, now_ms: int) -> None:
    """Version 1 of each app that has none: of before versions were kept."""
    entry = AuditEntry(now_ms, "", FOUND, Scope())

    def missing(tables: Tables) -> bool:
        return any(tables.versions.last(app.organisation, app.id) is None for app in tables.apps.all())

    if await catalog.read(missing):
        await catalog.note(lambda tables: keep(tables, entry))


def configured(tables: Tables, app: App) -> Configuration:
    """What is in effect for an app, without secrets: JSON, equal exactly when nothing differs."""
    return {name: section(tables, app) for name, section in SECTIONS.items()}


def active_of(tables: Tables, app: App) -> list[Credential]:
    """The credentials that send, in every environment."""
    every = (one for environment in Environment for one in tables.credentials.of(app.organisation, app.id, environment))
    return [one for one in every if one.state is CredentialState.ACTIVE]


def _fields(_: Tables, app: App) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(app).items()
        if name not in NOT_CONFIGURED
    }


def _credentials(tables: Tables, app: App) -> dict[str, Any]:
    return {seat_of(one): _credential(one) for one in sorted(active_of(tables, app), key=seat_of)}


def _credential(one: Credential) -> dict[str, Any]:
    words = credential_words(one.kind, one.facts, one.fingerprint)
    return {"id": one.id, "called": words, "fingerprint": one.fingerprint, "enabled": one.enabled}


def _callbacks(tables: Tables, app: App) -> dict[str, Any]:
    return {one.id: _callback(one) for one in tables.callbacks.of(app.organisation, app.id)}


def _callback(one: Callback) -> dict[str, Any]:
    """enabled: as a person left it; one that Pushwarden turned off because it was gone stays configured."""
    return {
        "url": one.url,
        "events": [str(event) for event in one.events],
        "environments": [str(environment) for environment in one.environments],
        "enabled": one.enabled or bool(one.ended),
    }


SECTIONS: dict[str, Callable[[Tables, App], dict[str, Any]]] = {
    "app": _fields,
    "credentials": _credentials,
    "callbacks": _callbacks,
}
"""What counts as configured, in reading order. Each section has its words in core's READINGS and its way back in
`restoring.WAYS`."""
