"""APNs whole: file → check → seal → open → authorization → render, judged by the simulator over python-hyper's h2."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12

from apns_fixtures import APP, CREDENTIAL, rows
from looking import look_at
from provider_pushes import push
from pushwarden.adapters.vault import Opening, Sealing
from pushwarden.core.app import CredentialKind
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Blame
from pushwarden.core.push import Push, PushType
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import APNS
from pushwarden.providers.port import Authorization, Cell, Reply, Report
from pushwarden.simulators import certificates
from simulator_fixtures import Answer, Client, Simulator, running

GOLDEN = sorted((Path(__file__).parents[1] / "golden/apns").glob("*.json"))
UNREGISTERED, OTHER_TOPIC = "01" * 32, "05" * 32
HINTS = {"file_name": "AuthKey_ABCDEFGHIJ.p8", "team_id": "TEAM123456", "bundle_id": APP.bundle_id}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    tokens = {
        UNREGISTERED: {"state": "unregistered", "timestamp_ms": 1_700_000_000_123},
        OTHER_TOPIC: {"state": "other-topic"},
    }
    with running(tmp_path_factory.mktemp("apns"), tokens=tokens) as made:
        yield made


def authorized(data: bytes, kind: CredentialKind, password: str = "") -> Authorization:
    """By way of the vault, as a sender has it."""
    report: Report = look_at(data, password=Secret(password.encode()), hints=HINTS, now_ms=time.time_ns() // 1_000_000)
    assert report.material is not None, report.checks
    private = X25519PrivateKey.generate()
    material = Opening(private).open(Sealing(private.public_key).seal(report.material, "a|b|c|1"), "a|b|c|1")
    credential = replace(CREDENTIAL, kind=kind, fingerprint=report.fingerprint)
    return APNS.authorization(credential, material, time.time())


def cell(value: Cell) -> str:
    return (value if isinstance(value, bytes) else value[0]).decode()


def ask(client: Client, sent: Push, authorization: Authorization, slice_: Rows) -> Answer:
    (envelope,) = APNS.render(sent, APP, CREDENTIAL, slice_)
    pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", cell(envelope.path))]
    headers = [(name.decode(), cell(value)) for name, value in (*envelope.headers, *authorization.headers)]
    return client.ask(pseudo + headers, cell(envelope.body).encode())


def classified(answer: Answer) -> Any:
    headers = {name.encode(): value.encode() for name, value in answer.headers.items()}
    return APNS.classify(Reply(answer.status, headers, answer.body))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_golden_push_is_accepted_with_our_token(file: Path, simulator: Simulator) -> None:
    golden = json.loads(file.read_text())
    authorization = authorized(simulator.key.pkcs8(), CredentialKind.APNS_TOKEN)
    with simulator.client() as client:
        answer = ask(
            client, push(PushType(golden["type"]), **golden["push"]), authorization, rows(**golden.get("values", {}))
        )
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["apns-id"] == dict(golden["headers"])["apns-id"]


@pytest.mark.parametrize(("kind", "limit"), [(PushType.ALERT, 4096), (PushType.VOIP, 5120)])
def test_our_limit_and_the_providers_are_the_same_byte(kind: PushType, limit: int, simulator: Simulator) -> None:
    authorization = authorized(simulator.key.pkcs8(), CredentialKind.APNS_TOKEN)
    text = "é" * ((limit - len('{"aps":{"alert":{"title":""}}}')) // 2)
    with simulator.client() as client:
        assert ask(client, push(kind, title=text), authorization, rows()).status == 200
        (envelope,) = APNS.render(push(kind, title=text + "x"), APP, CREDENTIAL, rows())
        assert envelope.count == 0
        over = json.dumps({"aps": {"alert": {"title": text + "x"}}}, ensure_ascii=False, separators=(",", ":")).encode()
        assert len(over) == limit + 1
        topic = APP.bundle_id + (".voip" if kind is PushType.VOIP else "")
        bearer = authorization.headers[0][1].decode()
        answer = client.ask(simulator.headers(apns_topic=topic, apns_push_type=kind, authorization=bearer), over)
        assert answer.reason == "PayloadTooLarge"


def test_a_dead_token_is_blamed_with_its_time_and_a_foreign_one_is_not(simulator: Simulator) -> None:
    authorization = authorized(simulator.key.pkcs8(), CredentialKind.APNS_TOKEN)
    with simulator.client() as client:
        dead = classified(ask(client, push(title="Hi"), authorization, Rows([1], [UNREGISTERED.encode()])))
        foreign = classified(ask(client, push(title="Hi"), authorization, Rows([2], [OTHER_TOPIC.encode()])))
    assert (dead.blame, dead.reason, dead.gone_ms) == (Blame.DEVICE, "Unregistered", 1_700_000_000_123)
    assert (foreign.blame, foreign.reason, foreign.gone_ms) == (Blame.CREDENTIAL, "DeviceTokenNotForTopic", None)


def test_a_certificate_from_a_p12_sends_without_a_token(simulator: Simulator, tmp_path: Path) -> None:
    pem, key_pem = certificates.client_certificate(simulator.ca.parent, APP.bundle_id)
    key = serialization.load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    leaf = x509.load_pem_x509_certificate(pem)
    closing = serialization.BestAvailableEncryption(b"secret")
    data = pkcs12.serialize_key_and_certificates(b"push", key, leaf, None, closing)
    authorization = authorized(data, CredentialKind.APNS_CERTIFICATE, "secret")
    assert authorization.certificate is not None
    (tmp_path / "client.pem").write_bytes(authorization.certificate.pem.reveal())
    with simulator.client(tmp_path / "client.pem") as client:
        assert ask(client, push(title="Hi"), authorization, rows()).status == 200
