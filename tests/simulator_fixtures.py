"""A running APNs simulator for tests, its control door, and a plain client on python-hyper's h2, which is not ours."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import httpx2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

TOKEN = "ab" * 32
TOPIC = "com.example.app"
APNS_ID = "12345678-1234-4234-8234-123456789abc"
PAYLOAD = b'{"aps":{"alert":"hello"}}'


def encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


@dataclass
class SigningKey:
    """A provider key made at run time."""

    kid: str = "ABCDEFGHIJ"
    team: str = "TEAM123456"
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def row(self, **more: Any) -> dict[str, Any]:
        pem = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {"kid": self.kid, "team": self.team, "public": pem.decode(), **more}

    def token(self, age: float = 0, *, der: bool = False, team: str = "") -> str:
        claims = {"iss": team or self.team, "iat": int(time.time() - age)}
        parts = [json.dumps({"alg": "ES256", "kid": self.kid}).encode(), json.dumps(claims).encode()]
        message = b".".join(encoded(part) for part in parts)
        signature = self.private.sign(message, ec.ECDSA(hashes.SHA256()))
        if not der:
            r, s = utils.decode_dss_signature(signature)
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"bearer {(message + b'.' + encoded(signature)).decode()}"

    def pkcs8(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass
class Answer:
    """status 0 and `error` for a reset; `gone` when the connection ended first."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: int | None = None

    @property
    def reason(self) -> str:
        return str(json.loads(self.body)["reason"])


class Client:
    """Blocking, one connection. Not for speed."""

    def __init__(self, port: int, ca: Path, certificate: Path | None = None, *, alpn: bool = True) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        if alpn:
            context.set_alpn_protocols(["h2"])
        if certificate:
            context.load_cert_chain(certificate)
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.ended: set[int] = set()
        self.goaways: list[tuple[int, int, bytes]] = []
        self.pings = 0
        self.closed = False
        self.flush()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        if out := self.h2.data_to_send():
            self.socket.sendall(out)

    def send(self, headers: list[tuple[str, str]], body: bytes = PAYLOAD) -> int:
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, headers, end_stream=not body)
        for at in range(0, len(body), 16_000):
            self.h2.send_data(stream, body[at : at + 16_000], end_stream=at + 16_000 >= len(body))
        self.flush()
        return stream

    def wait(self, *streams: int, seconds: float = 10) -> list[Answer]:
        """Reads until these streams ended or the connection is gone. TimeoutError after so many seconds."""
        deadline = time.monotonic() + seconds
        while not self.closed and not self.ended.issuperset(streams):
            self.read(max(0.01, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise TimeoutError
        return [self.answers[stream] for stream in streams]

    def read(self, seconds: float = 10) -> None:
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(data):
            self._heard(event)
        self.flush()

    def _heard(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                headers = {str(name): str(value) for name, value in event.headers}
                self.answers[event.stream_id].status = int(headers[":status"])
                self.answers[event.stream_id].headers = headers
            case h2.events.DataReceived():
                self.answers[event.stream_id].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id)
            case h2.events.StreamReset():
                self.answers[event.stream_id].error = int(event.error_code)
                self.ended.add(event.stream_id)
            case h2.events.ConnectionTerminated():
                self.goaways.append((event.last_stream_id, int(event.error_code), event.additional_data or b""))
                # h2 refuses everything after GOAWAY, but APNs still answers what came before it.
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            case h2.events.PingAckReceived():
                self.pings += 1

    def ask(self, headers: list[tuple[str, str]], body: bytes = PAYLOAD) -> Answer:
        return self.wait(self.send(headers, body))[0]

    @property
    def streams(self) -> int:
        return int(self.h2.remote_settings.max_concurrent_streams)


@dataclass
class Running:
    """A simulator's process, its door and its log."""

    port: int
    control: str
    ca: Path
    log: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def client(self, certificate: Path | None = None, *, alpn: bool = True) -> Client:
        return Client(self.port, self.ca, certificate, alpn=alpn)

    def post(self, path: str, content: Any = None) -> Any:
        answer = httpx2.post(f"{self.control}/{path}", json=content if content is not None else {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def delete(self, path: str) -> None:
        assert httpx2.delete(f"{self.control}/{path}").status_code == 200

    def script(self, *rules: dict[str, Any], seed: int = 1) -> None:
        self.post("script", {"seed": seed, "rules": rules})

    def counts(self) -> dict[str, Any]:
        return dict(httpx2.get(f"{self.control}/counts").json())

    def end(self) -> None:
        """SIGTERM and wait: the log is whole then."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0


@dataclass
class Simulator(Running):
    """APNs'."""

    key: SigningKey
    authorization: str

    def headers(self, **changed: str | None) -> list[tuple[str, str]]:
        """Of a good alert; keyword names with underscores change or, with None, leave out a header."""
        base = {
            "method": "POST",
            "scheme": "https",
            "authority": "localhost",
            "path": f"/3/device/{TOKEN}",
            "authorization": self.authorization,
            "apns-topic": TOPIC,
            "apns-push-type": "alert",
            "apns-id": APNS_ID,
        }
        return as_headers(base, changed)


def as_headers(base: dict[str, str], changed: dict[str, str | None]) -> list[tuple[str, str]]:
    """Header fields; names in `changed` have underscores, and None leaves one out."""
    merged = {**base, **{name.replace("_", "-"): value for name, value in changed.items()}}
    pseudo = {"method", "scheme", "authority", "path"}
    return [(f":{name}" if name in pseudo else name, value) for name, value in merged.items() if value is not None]


@contextlib.contextmanager
def started(
    provider: str, folder: Path, configuration: dict[str, Any], *arguments: str, mode: str = "full"
) -> Iterator[tuple[dict[str, Any], subprocess.Popen[bytes]]]:
    """(what its ready file says, the process) of a simulator, ended afterwards. Its log: frames.log in the folder."""
    ready, log, config = folder / "ready.json", folder / "frames.log", folder / "config.json"
    ready.unlink(missing_ok=True)
    config.write_text(json.dumps(configuration))
    command = [sys.executable, "-m", f"pushwarden.simulators.{provider}", "--log", log, "--log-mode", mode]
    command += ["--config", config, "--cert-dir", folder / "certificates", "--ready-file", ready, *arguments]
    process = subprocess.Popen([str(part) for part in command])
    try:
        while not ready.exists():
            assert process.poll() is None, "the simulator ended at once"
            time.sleep(0.01)
        yield json.loads(ready.read_text()), process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def running(folder: Path, *arguments: str, mode: str = "full", **configuration: Any) -> Iterator[Simulator]:
    """An APNs simulator in its own process, with one registered key, ended afterwards."""
    key = SigningKey()
    with started("apns", folder, {"keys": [key.row()], **configuration}, *arguments, mode=mode) as (told, process):
        control = f"http://127.0.0.1:{told['control_port']}"
        log = folder / "frames.log"
        yield Simulator(told["port"], control, Path(told["ca"]), log, folder, process, key, key.token())
