"""Apple Push Notification service, as a Provider: `APNS`."""

from __future__ import annotations

from pushwarden.core.app import App, Credential
from pushwarden.core.check import Check
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Outcome
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers import template
from pushwarden.providers.apns import facts as known
from pushwarden.providers.apns import live, payload, render, rules, verdicts
from pushwarden.providers.apns.requests import AppleRequests
from pushwarden.providers.apns.tokens import Tokens
from pushwarden.providers.port import (
    Authorization,
    Envelope,
    Exchange,
    Facts,
    Grant,
    Heard,
    Origin,
    ProbeRequest,
    Provider,
    Reply,
    Requesting,
)

__all__ = ["APNS"]


class _Apns:
    """Joins the parts; holds nothing but provider tokens already computed."""

    facts: Facts = known.FACTS
    requesting: Requesting | None = AppleRequests()

    def __init__(self) -> None:
        self._tokens = Tokens()

    def origin(self, environment: Environment, port: int = 443) -> Origin:
        return render.origin(environment, port)

    def validate(self, push: Push, app: App) -> int:
        return rules.validate(push, app)

    def columns(self, push: Push) -> tuple[str, ...]:
        return template.columns(template.encode(payload.payload(push)))

    def render(self, push: Push, app: App, credential: Credential, rows: Rows) -> list[Envelope]:
        return render.render(push, app, credential, rows)

    def classify(self, reply: Reply) -> Outcome:
        return verdicts.classify(reply)

    def exchange(self, credential: Credential, material: Secret, now: float) -> Exchange | None:
        return None

    def grant(self, reply: Reply, now: float) -> Grant | Outcome:
        return self.classify(reply)

    def authorization(
        self, credential: Credential, material: Secret, now: float, grant: Grant | None = None
    ) -> Authorization:
        return self._tokens.authorization(credential, material, now)

    def probe(self, credential: Credential, app: App) -> tuple[ProbeRequest, ...]:
        return live.probe(credential, app)

    def proof(self, credential: Credential, app: App, asked: ProbeRequest | None, heard: Heard) -> tuple[Check, ...]:
        return live.proof(credential, app, asked, heard)


APNS: Provider = _Apns()
