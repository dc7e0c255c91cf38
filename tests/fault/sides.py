"""The providers the fault matrix is played on: simulator, credential, tokens, and whom a logged frame was for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.fcm_fixtures import Fcm, device, running_fcm
from tests.simulator_fixtures import TOPIC, Simulator, running

from looking import look_at
from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import APNS
from pushwarden.providers.fcm import FCM
from pushwarden.providers.port import Provider, Report
from pushwarden.simulators.log import Frame


@dataclass(frozen=True, slots=True)
class Side:
    """number: the device a frame was for; devices count from 0."""

    provider: Provider
    running: Callable[..., AbstractContextManager[Any]]
    credential: Callable[[Any, int], tuple[Credential, Secret]]
    token: Callable[[int], str]
    number: Callable[[Frame], int]
    before: int = 0  # connections for access tokens: the fixture's over HTTP/1.1, which is no handshake, and the pump's


def _apns_credential(simulator: Simulator, now_ms: int) -> tuple[Credential, Secret]:
    hints = {"key_id": simulator.key.kid, "team_id": simulator.key.team, "bundle_id": TOPIC, "file_name": "key.p8"}
    report = look_at(simulator.key.pkcs8(), password=None, hints=hints, now_ms=now_ms)
    return _made("apns", CredentialKind.APNS_TOKEN, report)


def _fcm_credential(simulator: Fcm, now_ms: int) -> tuple[Credential, Secret]:
    report = look_at(simulator.account.file(), password=None, hints={"environment": "simulated"}, now_ms=now_ms)
    return _made("fcm", CredentialKind.FCM_SERVICE_ACCOUNT, report)


def _made(provider: str, kind: CredentialKind, report: Report) -> tuple[Credential, Secret]:
    assert report.material is not None
    credential = Credential(
        "acme", "shop", Environment.SIMULATED, "c1", provider, kind, CredentialState.ACTIVE,
        report.fingerprint, dict(report.facts),
    )  # fmt: skip
    return credential, report.material


SIDES = {
    "apns": Side(
        APNS,
        running,
        _apns_credential,
        lambda number: f"{number:064x}",
        lambda frame: int(frame.apns_id.hex()[20:], 16),
    ),
    "fcm": Side(FCM, running_fcm, _fcm_credential, device, lambda frame: int(frame.apns_id[4:]), 2),
}
