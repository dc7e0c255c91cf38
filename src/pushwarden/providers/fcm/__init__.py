"""Firebase Cloud Messaging, HTTP v1, as a Provider: `FCM`."""

from __future__ import annotations

from pushwarden.core.app import App, Credential
from pushwarden.core.check import Check
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Outcome
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers import template
from pushwarden.providers.fcm import facts as known
from pushwarden.providers.fcm import live, payload, render, rules, tokens, verdicts
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

__all__ = ["FCM"]


class _Fcm:
    """Joins the parts; holds nothing."""

    facts: Facts = known.FACTS
    requesting: Requesting | None = None

    def origin(self, environment: Environment, port: int = 443) -> Origin:
        return render.origin(environment, port)

    def validate(self, push: Push, app: App) -> int:
        return rules.validate(push)

    def columns(self, push: Push) -> tuple[str, ...]:
        return template.columns(template.encode(payload.payload(push)))

    def render(self, push: Push, app: App, credential: Credential, rows: Rows) -> list[Envelope]:
        return render.render(push, credential, rows)

    def classify(self, reply: Reply) -> Outcome:
        return verdicts.classify(reply)

    def exchange(self, credential: Credential, material: Secret, now: float) -> Exchange | None:
        return tokens.exchange(credential, material, now)

    def grant(self, reply: Reply, now: float) -> Grant | Outcome:
        return tokens.grant(reply, now)

    def authorization(
        self, credential: Credential, material: Secret, now: float, grant: Grant | None = None
    ) -> Authorization:
        return tokens.authorization(credential, material, grant)

    def probe(self, credential: Credential, app: App) -> tuple[ProbeRequest, ...]:
        return live.probe(credential)

    def proof(self, credential: Credential, app: App, asked: ProbeRequest | None, heard: Heard) -> tuple[Check, ...]:
        return live.proof(credential, asked, heard)


FCM: Provider = _Fcm()
