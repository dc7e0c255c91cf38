"""Opens a TLS connection to a provider, through a CONNECT proxy where one is set. Addresses are resolved each time."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from aiohappyeyeballs import start_connection

from pushwarden.providers.port import Hitch, Origin, Unreached

TCP_NOTSENT_LOWAT = 25  # linux/tcp.h; Python 3.11's socket module has no name for it
UNSENT_BYTES = 128 * 1024
"""Unsent bytes the kernel may hold for a connection: enough for a burst, little enough for a fence to drain."""
MOST_PROXY_HEADER = 8192
NEXT_ADDRESS = 0.25
"""Seconds after which the next address is tried beside one that has not answered (RFC 8305 §8)."""
_ALERT, _NO_PROTOCOL = "ALERT", "NO_APPLICATION_PROTOCOL"
"""In OpenSSL's names of what a peer said."""
P = TypeVar("P", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and how. proxy: http://[user:password@]host:port, or empty."""

    origin: Origin
    context: ssl.SSLContext
    proxy: str = ""
    timeout: float = 10.0


class DialError(Exception):
    """No connection could be opened, or it gave no answer; `unreached` says why."""

    def __init__(self, sentence: str, hitch: Hitch = Hitch.BLOCKED, said: str = "") -> None:
        super().__init__(sentence)
        self.unreached = Unreached(hitch, sentence, said)


def tune(sock: socket.socket) -> None:
    """SO_LINGER 0 from the start: an aborted or killed sender leaves nothing in the kernel to be sent later."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)


async def dial(target: Target, factory: Callable[[], P]) -> P:
    """Connects within the target's timeout. DialError says in one sentence what failed."""
    where = f"{target.origin.host}:{target.origin.port}"
    try:
        async with asyncio.timeout(target.timeout):
            sock = await _socket(target)
            loop = asyncio.get_running_loop()
            _, protocol = await loop.create_connection(
                factory, sock=sock, ssl=target.context, server_hostname=target.origin.host
            )
            return protocol
    except TimeoutError as error:
        raise DialError(f"{where} did not answer within {target.timeout:g} s.", Hitch.SILENT) from error
    except ssl.SSLCertVerificationError as error:
        raise DialError(
            f"{where} shows a certificate this machine does not trust ({error.verify_message}); check the trust store.",
            Hitch.TRUST,
        ) from error
    except ssl.SSLError as error:
        raise broken_off(where, error) from error
    except socket.gaierror as error:
        raise DialError(f"{where} cannot be reached: {_reason(error)}.", Hitch.NAME) from error
    except OSError as error:
        raise DialError(f"{where} cannot be reached: {_reason(error)}.", said=_reason(error)) from error


def certificate_of(transport: asyncio.BaseTransport) -> bytes:
    """What the peer of a TLS connection showed, DER."""
    return transport.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""


def broken_off(where: str, error: ssl.SSLError) -> DialError:
    """The peer, or we, ended TLS; with TLS 1.3 its alert about a client certificate comes after the handshake."""
    said = error.reason or str(error)
    if _NO_PROTOCOL in said:
        return DialError(f"{where} offers no HTTP/2.", Hitch.HTTP2, said)
    return DialError(f"TLS with {where} failed: {said}.", Hitch.ALERT if _ALERT in said else Hitch.BROKEN, said)


def _reason(error: OSError) -> str:
    """Event loops word the same error in their own ways; a resolver's errors have negative numbers."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


async def _socket(target: Target) -> socket.socket:
    if not target.proxy:
        return await _connect(target.origin.host, target.origin.port)
    proxy = urlsplit(target.proxy)
    sock = await _connect(proxy.hostname or "", proxy.port or 3128)
    try:
        await _tunnel(sock, target.origin, proxy.username, proxy.password)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(host: str, port: int) -> socket.socket:
    """The first address that answers; one that does not is not waited for (RFC 8305: a dead or silent address, F19)."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS, interleave=1, socket_factory=_tuned)


def _tuned(address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(*address[:3])
    sock.setblocking(False)
    tune(sock)
    return sock


async def _tunnel(sock: socket.socket, origin: Origin, user: str | None, password: str | None) -> None:
    """RFC 9110 §9.3.6."""
    loop = asyncio.get_running_loop()
    where = f"{origin.host}:{origin.port}"
    request = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n"
    if user is not None:
        login = base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
        request += f"Proxy-Authorization: Basic {login}\r\n"
    await loop.sock_sendall(sock, f"{request}\r\n".encode())
    reply = b""
    while b"\r\n\r\n" not in reply:
        part = await loop.sock_recv(sock, 1)  # nothing beyond the header may be taken: TLS follows
        if not part or len(reply) > MOST_PROXY_HEADER:
            raise DialError(
                "The proxy closed the connection before it answered CONNECT; check the proxy setting.",
                said="the proxy closed the connection",
            )
        reply += part
    status = reply.split(b" ", 2)[1:2]
    if status != [b"200"]:
        said = reply.split(b"\r\n", 1)[0].decode("latin-1")
        hint = "check its user and password" if status == [b"407"] else "check that it allows this host and port"
        raise DialError(f"The proxy refused CONNECT to {where} ({said}); {hint}.", said=f"the proxy refused ({said})")
