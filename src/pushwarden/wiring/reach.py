"""Whether this server reaches the hosts that senders need: name, port, TLS and its issuer, HTTP/2, the host's clock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import cast

from asn1crypto import x509

from pushwarden.adapters.egress.tls import client_context
from pushwarden.control.machine import Reached
from pushwarden.core.names import called
from pushwarden.core.scope import Environment
from pushwarden.dataplane.transport.dial import DialError, Target, certificate_of, dial
from pushwarden.providers.fcm.facts import TOKEN_HOST
from pushwarden.providers.port import Origin
from pushwarden.settings import Settings
from pushwarden.wiring.providers import PROVIDERS

PATIENCE = 4.0
CLOCK_HOST = TOKEN_HOST
"""Answers HTTP/1.1 too, with its time."""


@dataclass(frozen=True, slots=True)
class Host:
    """name: what people call it. told: whether it says its time to who asks plainly."""

    name: str
    target: Target
    told: bool = False


def hosts(settings: Settings) -> list[Host]:
    """Every host that lanes of real environments connect to."""
    if settings.simulated_only:
        return []
    context = client_context()
    found: dict[Origin, Host] = {}
    for provider in ("apns", "fcm"):
        for environment in (Environment.PRODUCTION, Environment.SANDBOX):
            port = settings.apns_port if provider == "apns" else 443
            origin = PROVIDERS[provider].origin(environment, port)
            name = called(provider) + (" Sandbox" if environment is Environment.SANDBOX else "")
            found.setdefault(origin, Host(name, Target(origin, context, settings.proxy, PATIENCE)))
    plain = client_context()
    plain.set_alpn_protocols(["http/1.1"])
    clock = Host("Google’s access tokens", Target(Origin(CLOCK_HOST, 443), plain, settings.proxy, PATIENCE), told=True)
    return [*found.values(), clock]


async def reach(wanted: Iterable[Host]) -> Sequence[Reached]:
    """All at once."""
    return await asyncio.gather(*map(_one, wanted))


async def _one(host: Host) -> Reached:
    origin, begun = host.target.origin, time.monotonic()
    try:
        line = await dial(host.target, lambda: _Line(host.target.origin.host if host.told else ""))
    except DialError as error:
        return Reached(host.name, origin.host, origin.port, sentence=str(error))
    try:
        ms = 1000 * (time.monotonic() - begun)
        skew = await line.skew() if host.told else None
        return Reached(host.name, origin.host, origin.port, ms, issuer_of(certificate_of(line.transport)), skew)
    finally:
        line.transport.abort()


class _Line(asyncio.Protocol):
    """Asks for a host's time where `host` is not empty, else says nothing."""

    def __init__(self, host: str) -> None:
        self._host, self._said = host, b""
        self._heard = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._host:
            self.transport.write(f"HEAD / HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._said += data[:8192]
        if b"\r\n\r\n" in self._said or len(self._said) > 8192:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self._heard.done():
            self._heard.set_result(None)

    async def skew(self) -> int | None:
        """Milliseconds by which our clock is ahead of the `Date` of the answer, to a second; None without one."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard, 1.0)
        return skew_of(self._said, time.time())


def skew_of(answer: bytes, now: float) -> int | None:
    """now: Unix seconds when the answer was there. Less than a second cannot be told from none."""
    for line in answer.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            try:
                ahead = now - parsedate_to_datetime(value.decode("latin-1").strip()).timestamp()
            except (ValueError, TypeError):
                return None
            return round(1000 * ahead) if not 0 <= ahead < 1 else 0
    return None


def issuer_of(certificate: bytes) -> str:
    """Who certified it, as people know them; empty when it cannot be read."""
    try:
        issuer = x509.Certificate.load(certificate).issuer.native
    except ValueError:
        return ""
    return str(issuer.get("organization_name") or issuer.get("common_name") or "")
