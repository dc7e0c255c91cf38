"""Mails: who may get one, through which server, when one is tried again. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from pushwarden.core.callback import LOCAL, next_try
from pushwarden.core.secret import Secret

KEPT_MS = 30 * 86_400_000
"""How long a mail that could not be sent is shown to whoever runs `doctor`."""
LONGEST_ADDRESS = 254
"""RFC 5321 §4.5.3.1.3, without the angle brackets."""
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = rf"^[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@({_LABEL}\.)*{_LABEL}$(?!\n)"
"""What is taken for an address: no quotes, no spaces, nothing that could end a line."""
_ADDRESS = re.compile(ADDRESS)
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail on its way, the same text at every try. Times are Unix milliseconds; gave_up: it waits for a person."""

    organisation: str
    id: str
    recipient: str
    subject: str
    body: str = field(repr=False)
    since: int
    due_at: int
    attempts: int = 0
    error: str = ""
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class MailServer:
    """implicit: TLS from the first byte; otherwise STARTTLS, which only a server on this machine may lack."""

    host: str
    port: int
    implicit: bool
    user: str = ""
    password: Secret = field(default=Secret(b""), repr=False)

    @property
    def local(self) -> bool:
        return self.host in LOCAL


def server_of(url: str) -> MailServer:
    """`smtp://[user:password@]host[:587]` or `smtps://…[:465]`. ValueError says what it should be."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it is smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465")
    password = Secret(unquote(parts.password or "").encode())
    port = parts.port or _PORTS[parts.scheme]
    return MailServer(parts.hostname, port, parts.scheme == "smtps", unquote(parts.username or ""), password)


def is_address(text: str) -> bool:
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.match(text) is not None


def addresses_of(text: str) -> tuple[str, ...]:
    """Addresses between commas. ValueError names the first that is none."""
    found = tuple(dict.fromkeys(part for one in text.split(",") if (part := one.strip())))
    for one in found:
        if not is_address(one):
            raise ValueError(f"`{one}` is no e-mail address")
    return found


def failed(mail: Mail, error: str, now_ms: int, jitter: float) -> Mail:
    """After a try that did not succeed. jitter in 0 … 1."""
    due, gave_up = next_try(mail, now_ms, jitter)
    return replace(mail, attempts=mail.attempts + 1, error=error, due_at=due, gave_up=gave_up)
