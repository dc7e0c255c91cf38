"""A receiver of callbacks: a real HTTPS server that writes down what it reads and answers what the test says."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pushwarden.simulators.certificates import ensure

ALLOWED = "localhost, 127.0.0.0/8"


@dataclass(frozen=True, slots=True)
class Heard:
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """answer: decides the status from how many requests came before; `free` cleared makes it keep them waiting."""

    folder: Path
    port: int = 0
    answer: Callable[[int], int] = lambda _: 204
    heard: list[Heard] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()
        self.certificates = ensure(self.folder)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/hook?x=1"

    @contextlib.contextmanager
    def up(self) -> Iterator[Receiver]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.free.wait(30)
                status = receiver.answer(len(receiver.heard))
                kept = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append(Heard(kept | {"path": self.path}, body, status))
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Clients that hang up are not ours to report."""

        server = Server(("127.0.0.1", self.port), Handler)
        self.port = server.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.server, self.certificates.server_key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.free.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def taken(self, kind: str = "") -> list[Any]:
        """The items of messages that were taken, each message once."""
        by_id = {one.id: one for one in self.heard if 200 <= one.status < 300}
        return [item for one in by_id.values() if kind in ("", one.said["type"]) for item in one.said["data"]["items"]]


def verified(secret: str, heard: Heard, *, now_s: int, tolerance_s: int = 300) -> bool:
    """As the specification says (standardwebhooks.com), written for this test alone."""
    stamp = heard.headers["webhook-timestamp"]
    if abs(now_s - int(stamp)) > tolerance_s:
        return False
    key = base64.b64decode(secret.split("_", 1)[1])
    text = b".".join((heard.id.encode(), stamp.encode(), heard.body))
    wanted = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    marks = [mark.split(",", 1) for mark in heard.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(mark, wanted) for version, mark in marks)
