"""Live proofs that do not get through: names, firewalls, proxies, alerts. Real sockets and OpenSSL's own words."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from test_dial import silent
from test_live_proof import certificate

from fcm_fixtures import ServiceAccount
from proof_fixtures import SHOP, Material, OneSender, file_credential, key_credential, prove, said, towards
from pushwarden.adapters.egress.tls import client_context
from pushwarden.core.app import CredentialKind
from pushwarden.core.check import Check
from pushwarden.core.probe import Finding, found
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.dataplane.proof import live
from pushwarden.dataplane.transport import post
from pushwarden.providers.apns import APNS
from pushwarden.providers.fcm import FCM
from pushwarden.providers.port import Heard, Hitch, Origin, Reply, Unreached
from pushwarden.simulators.certificates import client_certificate, ensure
from pushwarden.simulators.proxy import ConnectProxy, Mood
from simulator_fixtures import SigningKey, Simulator, running

APPLE = Origin("api.push.apple.com", 443)
KEY = SigningKey()


def account() -> Material:
    return file_credential("fcm", ServiceAccount().file(), CredentialKind.FCM_SERVICE_ACCOUNT)


def at(port: int, ca: Path, material: Material, host: str = "localhost", **target: Any) -> tuple[Check, ...]:
    async def once() -> tuple[Check, ...]:
        sender = OneSender(Origin(host, port), lambda who: client_context(ca, who.certificate), **target)
        return await sender.make(material)

    return asyncio.run(once())


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return ensure(tmp_path / "certificates").ca


@contextlib.contextmanager
def tls_server(folder: Path, greeting: bytes = b"", client_ca: Path | None = None, crl: bytes = b"") -> Iterator[int]:
    """OpenSSL behind a blocking socket, so that its alerts are really sent; says its greeting to what it hears."""
    made = ensure(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server, made.server_key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if crl:
        (folder / "crl.pem").write_bytes(crl)
        context.load_verify_locations(folder / "crl.pem")
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, context, greeting), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket, context: ssl.SSLContext, greeting: bytes) -> None:
    with contextlib.suppress(OSError):  # the listener is closed at the end
        while True:
            raw, _ = listener.accept()
            raw.settimeout(10)
            with raw, contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as tls:
                tls.recv(1 << 16)
                tls.sendall(greeting)
                tls.recv(1 << 16)


def revocation_list(folder: Path, *certificates: bytes) -> bytes:
    """PEM, by the authority in the folder."""
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder(authority.subject, now - day, now + day)
    for pem in certificates:
        serial = x509.load_pem_x509_certificate(pem).serial_number
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, now - day).build())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


# --- the way there


def test_a_name_nobody_knows(ca: Path) -> None:
    (check,) = at(443, ca, key_credential(KEY), "apns.invalid")
    assert (check.id, check.result) == ("net.dns", "unproven")
    assert "apns.invalid:443" in check.message


def test_a_port_that_is_closed_names_the_firewall_line_and_the_other_port(ca: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (check,) = at(closed.getsockname()[1], ca, key_credential(KEY))
    assert (check.id, check.result) == ("net.blocked", "unproven")
    assert "Connection refused" in check.message
    assert "Firewall: allow outbound TCP to localhost" in check.next
    credential, _ = key_credential(KEY)
    heard = Heard(Unreached(Hitch.BLOCKED, "…", "Connection refused"), 0.0, APPLE)
    (real,) = APNS.proof(credential, SHOP, None, heard)
    assert "api.push.apple.com:443" in real.next and "Try port 2197" in real.next


def test_a_firewall_that_swallows_everything_is_told_in_time(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "CONNECTING", 0.3)
    with silent("127.0.0.1") as port:
        (check,) = at(port, ca, key_credential(KEY))
        (exchange,) = at(port, ca, account())
    assert check.id == exchange.id == "net.blocked"
    assert "timed out" in check.message and "timed out" in exchange.message


def test_a_proxy_that_refuses_is_named(ca: Path) -> None:
    async def once() -> tuple[Check, ...]:
        proxy = ConnectProxy()
        proxy.mood = Mood.REFUSES
        port = await proxy.start()
        try:
            sender = OneSender(Origin("localhost", 1), lambda _: client_context(ca), proxy=f"http://127.0.0.1:{port}")
            return await sender.make(key_credential(KEY))
        finally:
            await proxy.close()

    (check,) = asyncio.run(once())
    assert check.id == "net.blocked"
    assert "502" in check.message


def test_who_re_signs_the_connection_is_named_and_nothing_is_told_to_him(tmp_path: Path, ca: Path) -> None:
    with tls_server(tmp_path / "corporate") as port:
        (check,) = at(port, ca, key_credential(KEY))
    assert (check.id, check.result) == ("net.tls_proxy", "unproven")
    assert 'issued by "Pushwarden simulators"' in check.message


@pytest.mark.parametrize(("material", "issuer"), [("apns", "US, Apple Inc., Apple Public CA"), ("fcm", "GTS CA 1C3")])
def test_the_providers_own_certificate_that_is_not_trusted_is_the_trust_stores_fault(
    material: str, issuer: str
) -> None:
    credential, _ = key_credential(KEY)
    provider = {"apns": APNS, "fcm": FCM}[material]
    (check,) = provider.proof(credential, SHOP, None, Heard(Unreached(Hitch.TRUST, "…", issuer), 0.0, APPLE))
    assert (check.id, check.result) == ("live.trust", "unproven")


def test_a_re_signing_proxy_this_machine_trusts_is_a_warning_in_a_real_environment() -> None:
    credential, _ = key_credential(KEY, environment=Environment.PRODUCTION)
    reply = Reply(400, {}, b'{"reason":"BadDeviceToken"}')
    found_out = APNS.proof(credential, SHOP, None, Heard(reply, 0.0, APPLE, 1, "Corp CA"))
    assert said(found_out)["net.tls_proxy"] == "warning"
    own = APNS.proof(credential, SHOP, None, Heard(reply, 0.0, APPLE, 1, "Apple Inc."))
    assert "net.tls_proxy" not in said(own)


def test_http2_that_is_stripped_is_told_from_a_refusal(tmp_path: Path, ca: Path) -> None:
    with tls_server(tmp_path / "certificates", b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        (check,) = at(port, ca, key_credential(KEY))
    assert (check.id, check.result) == ("net.h2", "unproven")


def test_a_connection_that_is_cut_is_no_word_against_the_key(tmp_path: Path, ca: Path) -> None:
    with tls_server(tmp_path / "certificates") as port:
        checks = at(port, ca, key_credential(KEY), timeout=1.0)
    assert found(checks) is Finding.UNPROVEN


# --- client certificates


@pytest.mark.parametrize(("revoked", "name"), [(True, "cert.revoked"), (False, "cert.refused")])
def test_a_revoked_certificate_is_told_by_the_alert(tmp_path: Path, ca: Path, revoked: bool, name: str) -> None:
    folder = ca.parent
    with running(tmp_path) as apple:
        credential, material = certificate(apple)
    pem = material.reveal()[: material.reveal().index(b"-----END CERTIFICATE-----") + 26]
    other = ensure(tmp_path / "other").ca
    crl = revocation_list(folder, pem) if revoked else b""
    with tls_server(folder, client_ca=ca if revoked else other, crl=crl) as port:
        (check,) = at(port, ca, (credential, material))
    assert (check.id, check.result) == (name, "failed")


def test_an_ended_certificate_is_told_by_the_alert_too(tmp_path: Path, ca: Path) -> None:
    pem, key = client_certificate(ca.parent, SHOP.bundle_id, days=-3)
    with running(tmp_path) as apple:
        credential, _ = certificate(apple)
    begins = replace(credential, facts=credential.facts | {"not_after": 4_000_000_000_000})
    with tls_server(ca.parent, client_ca=ca) as port:
        (check,) = at(port, ca, (begins, Secret(pem + key)))
    assert check.id == "cert.expired"


def test_a_certificate_that_is_not_valid_yet_is_told_from_a_refused_one(ca: Path, tmp_path: Path) -> None:
    with running(tmp_path) as apple:
        credential, _ = certificate(apple)
    later = replace(credential, facts=credential.facts | {"not_before": 4_000_000_000_000})
    heard = Heard(Unreached(Hitch.ALERT, "…", "SSLV3_ALERT_BAD_CERTIFICATE"), 1_800_000_000.0, APPLE)
    (check,) = APNS.proof(later, SHOP, None, heard)
    assert (check.id, check.result) == ("cert.not_yet", "failed")
    assert "Our clock says 15 Jan 2027" in check.message


def test_what_apple_says_when_it_hangs_up_counts_as_its_answer(tmp_path: Path) -> None:
    with running(tmp_path) as apple:
        apple.script({"do": "goaway", "after_streams": 1, "back": 1, "reason": "BadCertificate"})
        assert said(prove(apple, certificate(apple))) == {"cert.revoked": "failed"}
        apple.script({"do": "goaway", "after_streams": 1, "back": 1, "reason": "Shutdown"})
        assert said(prove(apple, certificate(apple))) == {"live.unclear": "unproven"}


# --- nothing comes, or nothing may be asked


def test_an_answer_that_never_comes_ends_in_words_and_not_in_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE_MS", 1000)
    with running(tmp_path) as apple:
        apple.script({"do": "silence"})
        assert said(prove(apple, key_credential(apple.key))) == {"live.timeout": "unproven"}


def test_material_that_is_no_key_is_told_without_asking(tmp_path: Path) -> None:
    with running(tmp_path) as apple:
        credential, _ = key_credential(apple.key)
        (check,) = prove(apple, (credential, Secret(b"{}")))
        assert (check.id, check.result) == ("live.sealed", "failed")
        assert apple.counts()["handshakes"] == 0


def test_a_stop_lets_nothing_be_asked_and_nothing_be_asked_any_more(tmp_path: Path) -> None:
    listed = ((SHOP.bundle_id, "app"), (SHOP.bundle_id + ".voip", "voip"))

    async def story(apple: Simulator) -> None:
        sender = towards(apple)
        sender.stopped = True
        assert said(await sender.make(key_credential(apple.key))) == {"live.stopped": "skipped"}
        assert apple.counts()["handshakes"] == 0
        sender.stopped = False
        apple.script({"do": "silence"})
        proof = sender.proof(certificate(apple, SHOP.bundle_id, *listed))
        making = asyncio.create_task(proof.make())
        while apple.counts()["requests"] == 0:
            await asyncio.sleep(0.01)
        proof.halt()
        assert not making.done()
        sender.stopped = True
        proof.halt()
        assert said(await making) == {"live.stopped": "skipped"}
        assert apple.counts()["requests"] == 1

    with running(tmp_path) as apple:
        asyncio.run(story(apple))
