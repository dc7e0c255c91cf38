"""TLS towards providers: real handshakes with a server that asks for a certificate."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apns_fixtures import Pair
from pushwarden.adapters.egress.tls import client_context
from pushwarden.core.errors import VaultRefused
from pushwarden.core.secret import Secret
from pushwarden.providers.port import ClientCertificate


def server_certificate(folder: Path, name: str = "localhost") -> Path:
    """Self-signed, for `name`, valid around the real today."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin, end = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    closing = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, closing))
    (folder / "server.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "server.pem"


class Server:
    """Answers one handshake and remembers the certificate it was shown and what was agreed."""

    def __init__(self, folder: Path, client_ca: Path | None = None, newest: ssl.TLSVersion | None = None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "key.pem")
        context.set_alpn_protocols(["h2"])
        if newest is not None:
            context.maximum_version = newest
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        self.shown: bytes | None = None
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        with self._listener, self._listener.accept()[0] as raw:
            raw.settimeout(10)
            try:
                with self._context.wrap_socket(raw, server_side=True) as tls:
                    self.shown = tls.getpeercert(binary_form=True)
                    tls.sendall(b"ok")
            except OSError:
                return

    def shake(self, context: ssl.SSLContext, name: str = "localhost") -> tuple[str | None, str | None, bytes]:
        try:
            raw = socket.create_connection(("127.0.0.1", self.port), 10)
            with raw, context.wrap_socket(raw, server_hostname=name) as tls:
                return tls.version(), tls.selected_alpn_protocol(), tls.recv(10)
        finally:
            self._thread.join(10)


def test_a_certificate_from_memory_is_shown_and_h2_agreed(tmp_path: Path) -> None:
    ca, pair = (
        server_certificate(tmp_path),
        Pair(issuer="Apple Push Services: com.acme.shop", uid="", days=(-5000, 9000)),
    )
    (tmp_path / "clients.pem").write_bytes(pair.pem)
    server = Server(tmp_path, client_ca=tmp_path / "clients.pem")
    before = len(os.listdir("/proc/self/fd"))
    context = client_context(ca, ClientCertificate(Secret(pair.pem + pair.key_pem)))
    assert len(os.listdir("/proc/self/fd")) == before
    assert server.shake(context) == ("TLSv1.3", "h2", b"ok")
    assert server.shown == pair.certificate.public_bytes(serialization.Encoding.DER)


def test_without_a_certificate_the_first_read_says_so(tmp_path: Path) -> None:
    ca = server_certificate(tmp_path)
    server = Server(tmp_path, client_ca=ca)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        server.shake(client_context(ca))


def test_a_server_of_another_name_or_authority_is_refused(tmp_path: Path) -> None:
    ca = server_certificate(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        Server(tmp_path).shake(client_context(ca), name="api.push.apple.com")
    with pytest.raises(ssl.SSLCertVerificationError):
        Server(tmp_path).shake(client_context())


def test_the_context_takes_no_old_tls(tmp_path: Path) -> None:
    context = client_context(server_certificate(tmp_path))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    version, _, _ = Server(tmp_path, newest=ssl.TLSVersion.TLSv1_2).shake(context)
    assert version == "TLSv1.2"


@pytest.mark.parametrize("part", ["", "certificate", "key", "foreign", "encrypted"])
def test_a_certificate_that_cannot_be_used_is_refused_and_asks_no_password(part: str) -> None:
    pair, other = Pair(), Pair()
    encrypted = pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    pem = {
        "": b"",
        "certificate": pair.pem,
        "key": pair.key_pem,
        "foreign": pair.pem + other.key_pem,
        "encrypted": pair.pem + encrypted,
    }
    with pytest.raises(VaultRefused):
        client_context(None, ClientCertificate(Secret(pem[part])))
