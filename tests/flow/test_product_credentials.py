"""Credentials through the whole product: keys and certificates, switched under load, and never seen again."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from apns_fixtures import Pair
from pfx_fixtures import file as closed_file
from pfx_fixtures import open_safe, shrouded_bag
from product_fixtures import SLOW, ask, calm, device, ended, fleet, frames, script, send, times_seen, under_way, until
from pushwarden.wiring.stage import BUNDLE_ID, Stage
from rotation import PASSWORD, active, p12, upload

__all__ = ["calm"]
pytestmark = SLOW


def test_a_certificate_file_sends_by_its_certificate_alone(calm: Stage) -> None:
    base = calm.make_app("certificate")
    token_key = active(calm, base)
    made = upload(calm, base, p12(calm))
    assert made.status_code == 201, made.text
    certificate = made.json()["credential"]
    assert (certificate["kind"], certificate["state"]) == ("apns_certificate", "standby")
    assert BUNDLE_ID in json.dumps(certificate["facts"])
    assert all(check["result"] != "failed" for check in made.json()["checks"])
    calm.call("POST", f"{base}/credentials/{certificate['id']}/activate")
    calm.call("DELETE", f"{base}/credentials/{token_key}")
    device(calm, base, "phone", "0a" * 32, user="ada")
    device(calm, base, "phone", "0b" * 32, user="ada", token_kind="voip")
    for kind, fields in (("alert", {"title": "x"}), ("background", {}), ("voip", {"data": {"call": "1"}})):
        push = send(calm, base, {"user": "ada"}, kind, **fields)
        assert ended(calm.settled(base, push)) == {"accepted": 1}, kind
        assert len(frames(calm, push)) == 1


def test_a_file_with_a_wrong_password_or_an_ended_certificate_is_refused_with_a_reason(calm: Stage) -> None:
    base = calm.make_app("refused")
    wrong = upload(calm, base, p12(calm), "wrong")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unusable_credential")
    assert "password" in json.dumps(wrong.json()).lower()
    old = upload(calm, base, p12(calm, days=-3))
    assert (old.status_code, old.json()["code"]) == (422, "unusable_credential")
    torn = upload(calm, base, p12(calm)[:200])
    assert torn.status_code == 422
    assert len(calm.call("GET", f"{base}/credentials")["credentials"]) == 1


def test_a_file_made_to_be_expensive_costs_a_sentence(calm: Stage) -> None:
    base = calm.make_app("bomb")
    key = shrouded_bag(Pair(), PASSWORD.encode(), 2**31 - 1, run=1)
    for bomb, name in ((closed_file(open_safe(key)), "p12.too_costly"), (b"\x30\x80" * 20_000, "file.too_complex")):
        refused = upload(calm, base, bomb)
        assert refused.status_code == 422
        assert [check["id"] for check in refused.json()["checks"] if check["result"] == "failed"] == [name]


def test_a_switch_and_a_switch_back_under_a_fan_out_lose_and_double_nothing(calm: Stage) -> None:
    base = calm.make_app("switch")
    fleet(calm, base, 8000)
    first = active(calm, base)
    second = upload(calm, base, p12(calm)).json()["credential"]["id"]
    with script(calm, {"do": "delay", "ms": 60}):
        push = send(calm, base, {"all": True})
        under_way(calm, base, push)
        calm.call("POST", f"{base}/credentials/{second}/activate")
        assert active(calm, base) == second
        under_way(calm, base, push, 2500)
        calm.call("POST", f"{base}/credentials/{first}/switch-back")
        state = calm.settled(base, push)
    assert active(calm, base) == first
    assert ended(state) == {"accepted": 8000}
    assert times_seen(calm, push) == dict.fromkeys(range(8000), 1)
    assert len({frame.connection for frame in frames(calm, push)}) >= 3


def test_a_refused_credential_waits_and_another_one_lets_everything_go(calm: Stage) -> None:
    base = calm.make_app("wrongkey")
    fleet(calm, base, 300)
    with script(calm, {"do": "refuse", "status": 403, "reason": "InvalidProviderToken"}):
        push = send(calm, base, {"all": True})

        def troubled() -> bool:
            senders = calm.call("GET", f"{base}/effective")["senders"]
            return any("InvalidProviderToken" in json.dumps(sender["troubles"]) for sender in senders)

        until(troubled, "the trouble in `effective`")
    assert calm.call("GET", f"{base}/pushes/{push}")["state"] != "done"
    second = upload(calm, base, p12(calm)).json()["credential"]["id"]
    calm.call("POST", f"{base}/credentials/{second}/activate")
    assert ended(calm.settled(base, push)) == {"accepted": 300}
    exported = ask(calm, "GET", f"{base}/devices/export").text
    assert '"gone_at"' not in exported


def test_no_key_password_or_device_token_is_found_anywhere_it_should_not_be(calm: Stage) -> None:
    key_file = calm.folder / "planted.p8"
    base = calm.make_app("secrets", key_file)
    pem = key_file.read_bytes()
    key_file.unlink()
    file = p12(calm)
    certificate = upload(calm, base, file).json()["credential"]["id"]
    token = "5ec2e7" * 10 + "aa"
    device(calm, base, "phone", token, user="ada")
    for credential in (None, certificate):
        if credential:
            calm.call("POST", f"{base}/credentials/{credential}/activate")
        assert ended(calm.settled(base, send(calm, base, {"user": "ada"}))) == {"accepted": 1}
    upload(calm, base, file, "wrong " + PASSWORD)
    secrets = _forms(pem) | _forms_p12(file) | {PASSWORD.encode(), base64.b64encode(PASSWORD.encode()).rstrip(b"=")}
    admin = calm.key.encode()
    for path in _files(calm):
        content = path.read_bytes()
        for secret in secrets:
            assert secret not in content, path.name
        if path.name != "admin.key":
            assert admin not in content and admin[-49:-6] not in content, path.name
        if not path.name.startswith("devices.db"):
            assert token.encode() not in content, path.name
            assert bytes.fromhex(token) not in content, path.name
    answers = [
        f"{base}/credentials", f"{base}/effective", "/v1/apps/secrets", "/v1/audit?limit=500", "/v1/audit/export",
        "/v1/keys", f"{base}/devices/phone", f"{base}/devices?user=ada", f"{base}/pushes", "/metrics", "/v1/holds",
    ]  # fmt: skip
    for path_ in answers:
        answer = ask(calm, "GET", path_)
        assert answer.status_code == 200, path_
        for secret in (*secrets, admin, token.encode()):
            assert secret not in answer.content, path_


def _files(stage: Stage) -> list[Path]:
    return [path for path in (stage.folder / "log", *stage.data.rglob("*")) if path.is_file()]


def _forms(pem: bytes) -> set[bytes]:
    """The key as PEM lines, DER and bare number."""
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    number = key.private_numbers().private_value.to_bytes(32, "big")
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {der, number, number.hex().encode(), base64.b64encode(number), *pem.split(b"\n")[1:3]}


def _forms_p12(file: bytes) -> set[bytes]:
    key, _, _ = pkcs12.load_key_and_certificates(file, PASSWORD.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return _forms(pem) | {file[:64], base64.b64encode(file)[:64]}


def test_metrics_count_what_the_simulator_saw_and_name_no_token(calm: Stage) -> None:
    base = calm.make_app("metrics")
    fleet(calm, base, 50)
    push = send(calm, base, {"all": True})
    calm.settled(base, push)
    line = (
        'pushwarden_attempts_total{app="metrics",ending="accepted",environment="simulated",organisation="default",'
        'provider="apns",reason="",sender="sender-bulk-0",slot=""} 50.0'
    )
    until(lambda: line in ask(calm, "GET", "/metrics").text, "the count")
    text = ask(calm, "GET", "/metrics").text
    for name in (
        "pushwarden_wait_seconds_bucket", "pushwarden_answer_seconds_bucket", "pushwarden_sender_up",
        "pushwarden_backlog_recipients", "pushwarden_credential_expires_seconds", "pushwarden_stops",
        "pushwarden_in_flight", "pushwarden_connections",
    ):  # fmt: skip
        assert name in text
    assert "user-" not in text
    assert ask(calm, "GET", "/metrics", "").status_code == 401
