"""Who issued the certificate a server shows: how a proxy that re-signs what it reads is found out."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import cast

from cryptography import x509

from pushwarden.dataplane.transport.dial import DialError, Target, certificate_of, dial


async def shown(target: Target) -> str:
    """The issuer of a certificate that is not trusted: one handshake more, as nobody, in which nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        peek = await dial(replace(target, context=context), _Peek)
    except DialError:
        return ""
    return issuer_of(peek.certificate)


def issuer_of(certificate: bytes) -> str:
    """Its issuer's names, the largest first; empty when the DER cannot be read."""
    try:
        issuer = x509.load_der_x509_certificate(certificate).issuer
        return ", ".join(str(name.value) for name in issuer)
    except ValueError:
        return ""


class _Peek(asyncio.Protocol):
    """Looks at the certificate and hangs up."""

    certificate = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.certificate = certificate_of(transport)
        cast(asyncio.Transport, transport).abort()  # uvloop's TLS transport is none by class
