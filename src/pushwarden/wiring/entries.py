"""Where a lane connects and as whom: the vault opens the credential here, and only in a sender."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from pathlib import Path

from pushwarden.adapters.egress.tls import client_context
from pushwarden.core.app import Credential
from pushwarden.core.errors import Invalid
from pushwarden.core.lane import Lane
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.dataplane.transport.dial import Target
from pushwarden.ports.vault import OpeningVault
from pushwarden.providers.port import Authorization, Origin, Provider
from pushwarden.settings import Settings


class Entries:
    """Opens each credential once and keeps its TLS context; `simulated` reaches simulators and nothing else."""

    def __init__(self, settings: Settings, vault: OpeningVault, providers: Mapping[str, Provider]) -> None:
        self._settings, self._vault, self._providers = settings, vault, providers
        self._material: dict[str, Secret] = {}
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def __call__(self, lane: Lane, credential: Credential) -> Entry:
        provider = self._providers[lane.provider]
        name = credential.label
        material = self._material.get(name)
        if material is None:
            material = self._material[name] = self._vault.open(credential.sealed, name)
        authorization = provider.authorization(credential, material, time.time())
        simulated = lane.environment is Environment.SIMULATED
        origin = self._simulator(lane.provider) if simulated else provider.origin(lane.environment, self._port(lane))
        proxy = "" if simulated else self._settings.proxy
        return Entry(Target(origin, self._context(authorization, simulated), proxy), authorization)

    def _context(self, authorization: Authorization, simulated: bool) -> ssl.SSLContext:
        key = (authorization.identity, simulated)
        context = self._contexts.get(key)
        if context is None:
            ca: Path | None = self._settings.simulator_ca if simulated else None
            context = self._contexts[key] = client_context(ca, authorization.certificate)
        return context

    def _port(self, lane: Lane) -> int:
        return self._settings.apns_port if lane.provider == "apns" else 443

    def _simulator(self, provider: str) -> Origin:
        host, _, port = self._settings.simulator(provider).rpartition(":")
        if not host or not port.isdigit():
            raise Invalid(
                f"No simulator is set for {provider}; set PUSHWARDEN_SIMULATOR_{provider.upper()} to host:port."
            )
        return Origin(host, int(port))
