"""Where the `simulated` environment goes: the simulators that `serve` runs, or those that the settings name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pushwarden.settings import Settings


def address(settings: Settings, provider: str) -> str:
    """host:port where the provider's simulator listens; empty when none stands."""
    told = said(settings, provider)
    return f"localhost:{told['port']}" if told else _named(settings, provider)


def door(settings: Settings, provider: str) -> str:
    """http://127.0.0.1:port of its control door; empty when none is known."""
    told = said(settings, provider)
    named = {"apns": settings.simulator_apns_door, "fcm": settings.simulator_fcm_door}.get(provider, "")
    return f"http://127.0.0.1:{told['control_port']}" if told else named


def authority(settings: Settings) -> Path | None:
    """PEM that signs the simulators' certificates."""
    return folder(settings) / "ca.pem" if settings.own_simulators else settings.simulator_ca


def said(settings: Settings, provider: str) -> Mapping[str, Any]:
    """What our own said of itself when it began to listen: port, control_port. Empty when none has."""
    if not settings.own_simulators:
        return {}
    try:
        told: dict[str, Any] = json.loads(ready_file(settings, provider).read_text())
    except (OSError, ValueError):
        return {}
    return told


def _named(settings: Settings, provider: str) -> str:
    return {"apns": settings.simulator_apns, "fcm": settings.simulator_fcm}.get(provider, "")


def folder(settings: Settings) -> Path:
    return settings.data / "simulators"


def ready_file(settings: Settings, provider: str) -> Path:
    return settings.run / f"simulator-{provider}.json"
