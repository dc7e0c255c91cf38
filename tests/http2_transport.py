"""Our two ends on asyncio and TLS, as small as a test needs them, and a certificate made at run time."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Broken, Event, Requests
from pushwarden.http2.server import Heard, ServerConnection


class Certificate:
    """cert.pem and key.pem for localhost, and contexts for both sides."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.cert.write_bytes(built.public_bytes(serialization.Encoding.PEM))
        form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
        self.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.cert))
        context.set_alpn_protocols(["h2"])
        return context

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        context.set_alpn_protocols(["h2"])
        return context


class Sender(asyncio.Protocol):
    """Sends all rows of one Requests and collects the events until every row has ended."""

    def __init__(self, requests: Requests) -> None:
        self.requests, self.row, self.left = requests, 0, requests.count
        self.connection = ClientConnection(now=0.0)
        self.events: list[Event] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.connection.take_output())

    def data_received(self, data: bytes) -> None:
        for event in self.connection.receive(data, 0.0):
            self.events.append(event)
            self.left -= len(getattr(event, "rows", ())) + hasattr(event, "status")
            if isinstance(event, Broken) and not self.done.done():
                self.done.set_exception(AssertionError(str(event)))
        self.row += self.connection.submit(self.requests, self.row, self.requests.count, "t", 60.0)
        self.transport.write(self.connection.take_output())
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(f"the connection ended: {error}"))


class Answerer(asyncio.Protocol):
    """A server that lets `answer` do what it likes with what was heard."""

    def __init__(self, answer: Callable[[ServerConnection, Heard], None]) -> None:
        self.connection, self.answer = ServerConnection(), answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.connection.take_output())

    def data_received(self, data: bytes) -> None:
        heard = self.connection.receive(data)
        self.answer(self.connection, heard)
        self.transport.write(self.connection.take_output())
        if heard.broken:
            self.transport.close()


async def send(port: int, certificate: Certificate, requests: Requests) -> list[Event]:
    """All events of sending these rows to localhost:port."""
    loop = asyncio.get_running_loop()
    transport, sender = await loop.create_connection(
        lambda: Sender(requests), "localhost", port, ssl=certificate.client()
    )
    try:
        async with asyncio.timeout(30):
            await sender.done
    finally:
        transport.close()
    return sender.events
