"""Live proofs for tests: one made in this process over a real simulator, which is the judge of what was asked."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from looking import look_at
from pushwarden.adapters.egress.tls import client_context
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.check import Check
from pushwarden.core.probe import Probe
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.dataplane.proof.live import Proof, Ways
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.dataplane.transport.dial import Target
from pushwarden.dataplane.transport.grants import Grants
from pushwarden.dataplane.transport.post import post
from pushwarden.ports.probes import Task
from pushwarden.providers.apns import APNS
from pushwarden.providers.fcm import FCM
from pushwarden.providers.port import Authorization, Origin, Provider
from pushwarden.simulators.log import Frame, read
from pushwarden.wiring.entries import Opened, enter
from simulator_fixtures import TOPIC, Running, SigningKey

SHOP = App("acme", "shop", "Shop", bundle_id=TOPIC)
PROVIDERS: dict[str, Provider] = {"apns": APNS, "fcm": FCM}
Material = tuple[Credential, Secret]


def key_credential(key: SigningKey, **changed: Any) -> Material:
    """As an upload of its .p8 makes it."""
    hints = {"key_id": key.kid, "team_id": key.team, "bundle_id": TOPIC, "file_name": f"AuthKey_{key.kid}.p8"}
    return _credential("apns", key.pkcs8(), CredentialKind.APNS_TOKEN, hints, changed)


def file_credential(provider: str, data: bytes, kind: CredentialKind, password: str = "", **changed: Any) -> Material:
    """As an upload of this file makes it."""
    hints = {"environment": "simulated"}
    return _credential(provider, data, kind, hints, changed, password)


def _credential(
    provider: str, data: bytes, kind: CredentialKind, hints: dict[str, str], changed: dict[str, Any], password: str = ""
) -> Material:
    now_ms = time.time_ns() // 1_000_000
    secret = Secret(password.encode()) if password else None
    report = look_at(data, provider=provider, password=secret, hints=hints, now_ms=now_ms)
    assert report.material is not None, report.checks
    made = Credential(
        "acme", "shop", Environment.SIMULATED, "c1", provider, kind, CredentialState.STANDBY, report.fingerprint,
        dict(report.facts),
    )  # fmt: skip
    return replace(made, **changed), report.material


class OneSender:
    """Proofs by one sender: its provider tokens and access tokens are kept from one to the next."""

    def __init__(self, where: Origin, context: Callable[[Authorization], ssl.SSLContext], **target: Any) -> None:
        self.where, self.context, self.more = where, context, target
        self.grants = Grants(post)
        self.stopped = False

    async def make(self, material: Material, app: App = SHOP) -> tuple[Check, ...]:
        return await self.proof(material, app).make()

    def proof(self, material: Material, app: App = SHOP) -> Proof:
        credential, secret = material

        def entry(asked: Credential) -> Entry:
            return enter(Opened(PROVIDERS[asked.provider], asked, secret), self.grants, self._target)

        self.grants.anew(credential.label)
        probe = Probe("acme", "p1", "shop", credential.id, "alice", 1)
        return Proof(Task(probe, credential, app), PROVIDERS[credential.provider], Ways(entry, lambda: self.stopped))

    def _target(self, origin: Origin, as_whom: Authorization) -> Target:
        return Target(self.where, self.context(as_whom), **self.more)


def towards(simulator: Running, **target: Any) -> OneSender:
    """A sender that reaches this simulator."""
    where = Origin("localhost", simulator.port)
    return OneSender(where, lambda as_whom: client_context(simulator.ca, as_whom.certificate), **target)


def prove(simulator: Running, material: Material, app: App = SHOP, **target: Any) -> tuple[Check, ...]:
    async def once() -> tuple[Check, ...]:
        return await towards(simulator, **target).make(material, app)

    return asyncio.run(once())


def said(checks: tuple[Check, ...]) -> dict[str, str]:
    """id → result, the clock left out."""
    return {check.id: str(check.result) for check in checks if check.id != "live.clock"}


def frames(simulator: Running, start: int = 0) -> list[Frame]:
    """Every request the simulator read."""
    simulator.post("flush")
    return [*read(simulator.log)][start:]
