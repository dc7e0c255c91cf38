"""A mail server for tests: real SMTP over a real socket, with TLS, STARTTLS and a login, that keeps what it took."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from pushwarden.simulators.certificates import ensure

USER, PASSWORD = "push", "correct horse"


@dataclass
class MailBox:
    """implicit: TLS from the first byte. starttls: whether it is offered. refuses: recipients it does not take.

    down: it closes every connection at once.
    """

    folder: Path
    implicit: bool = False
    starttls: bool = True
    login: bool = False
    refuses: set[str] = field(default_factory=set)
    down: bool = False
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    sessions: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        certificates = ensure(self.folder)
        self.ca = certificates.ca
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates.server, certificates.server_key)

    def url(self, *, password: str = PASSWORD) -> str:
        who = f"{USER}:{password.replace(' ', '%20')}@" if self.login else ""
        return f"{'smtps' if self.implicit else 'smtp'}://{who}localhost:{self.port}"

    @contextlib.contextmanager
    def up(self) -> Iterator[MailBox]:
        box = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    _Session(box, self).serve()

        server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Session)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Session:
    """One connection, command by command (RFC 5321, 3207, 4954)."""

    def __init__(self, box: MailBox, handler: socketserver.StreamRequestHandler) -> None:
        self.box, self.socket = box, handler.request
        self.secure = self.known = False
        self.said: list[str] = []
        box.sessions.append(self.said)

    def serve(self) -> None:
        try:
            self._serve()
        finally:
            self.socket.close()

    def _serve(self) -> None:
        if self.box.down:
            return
        if self.box.implicit:
            self._secure()
        self._open()
        self._say("220 box ready")
        while line := self.reader.readline():
            words = line.decode().strip()
            self.said.append(words)
            name, _, rest = words.partition(" ")
            if not getattr(self, f"do_{name.lower()}", self._unknown)(rest):
                return

    def _secure(self) -> None:
        self.socket = self.box.context.wrap_socket(self.socket, server_side=True)
        self.secure = True

    def _open(self) -> None:
        self.reader = self.socket.makefile("rb")

    def _say(self, *lines: str) -> bool:
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())
        return True

    def _unknown(self, _: str) -> bool:
        return self._say("500 what?")

    def do_ehlo(self, _: str) -> bool:
        offers = ["STARTTLS"] * (self.box.starttls and not self.secure) + ["AUTH PLAIN"] * self.box.login
        names = ["box", *offers]
        return self._say(*(f"250{' ' if name is names[-1] else '-'}{name}" for name in names))

    def do_starttls(self, _: str) -> bool:
        self._say("220 go")
        self._secure()
        self._open()
        return True

    def do_auth(self, rest: str) -> bool:
        _, user, password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")
        self.known = (user, password) == (USER, PASSWORD)
        return self._say("235 welcome" if self.known else "535 5.7.8 no")

    def do_mail(self, _: str) -> bool:
        return self._say("250 ok" if self.known or not self.box.login else "530 log in first")

    def do_rcpt(self, rest: str) -> bool:
        refused = rest[4:-1] in self.box.refuses  # TO:<…>
        return self._say("550 5.1.1 nobody of that name" if refused else "250 ok")

    def do_data(self, _: str) -> bool:
        self._say("354 go on")
        lines = []
        while (line := self.reader.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        self.box.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
        return self._say("250 taken")

    def do_rset(self, _: str) -> bool:
        return self._say("250 ok")

    def do_quit(self, _: str) -> bool:
        self._say("221 bye")
        return False
