"""Runs the APNs simulator: listener, control door, ready file, an orderly end on SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop

from pushwarden.simulators import certificates, faults

from .connection import Connection
from .door import door
from .ledger import Mode
from .service import Configuration, Service

FLUSH_S = 0.5


class CannotStart(Exception):
    """The simulator cannot start with these arguments; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class Options:
    """port, control_port: 0 takes a free one. ready_file gets {"port", "control_port", "ca", "pid"} as JSON."""

    port: int = 0
    control_port: int = 0
    log: Path | None = None
    log_mode: Mode = Mode.COUNTING
    script: Path | None = None
    config: Path | None = None
    cert_dir: Path | None = None
    client_ca: tuple[Path, ...] = ()
    ready_file: Path | None = None
    any_key: bool = False


def run(options: Options) -> None:
    """Serves until SIGTERM, SIGINT or POST /stop. CannotStart when an argument is not usable."""
    # Requests make many short-lived tuples and no cycles; the usual thresholds spend half the time looking for some.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    uvloop.run(serve(options))


async def serve(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = _service(options)
    folder = options.cert_dir or Path(tempfile.mkdtemp(prefix="pushwarden-simulator-"))
    made = certificates.ensure(folder)
    tls = tls_context(made, options.client_ca)
    try:
        listener = await loop.create_server(lambda: Connection(service), "127.0.0.1", options.port, ssl=tls)
        control = door(service, stop)
        control_port = await control.start(options.control_port)
    except OSError as error:
        raise CannotStart(f"The port cannot be used: {error}; choose another or 0") from error
    ports = {"port": listener.sockets[0].getsockname()[1], "control_port": control_port}
    _announce(options.ready_file, {**ports, "ca": str(made.ca), "pid": os.getpid()})
    flusher = asyncio.create_task(_flush(service))
    await stop.wait()
    listener.close()
    for connection in list(service.connections.values()):
        connection.close()
    await control.close()
    flusher.cancel()
    await asyncio.sleep(0)
    service.ledger.log.close()


def tls_context(made: certificates.Certificates, client_ca: Sequence[Path] = ()) -> ssl.SSLContext:
    """TLS 1.2 and 1.3, ALPN h2 or none, a client certificate if the client has one of a known authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(made.server, made.server_key)
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_OPTIONAL
    for path in (made.ca, *client_ca):
        context.load_verify_locations(path)
    return context


def _service(options: Options) -> Service:
    try:
        raw = options.config.read_bytes() if options.config else b"{}"
        configuration = msgspec.json.decode(raw, type=Configuration)
        if options.any_key:
            configuration = msgspec.structs.replace(configuration, any_key=True)
        script = faults.load(options.script) if options.script else faults.Script()
        mode = options.log_mode if options.log else Mode.NONE
        return Service(configuration, options.log, mode, script)
    except (OSError, ValueError, faults.BadScript) as error:
        raise CannotStart(str(error)) from error


async def _flush(service: Service) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        service.ledger.log.flush()


def _announce(path: Path | None, content: dict[str, object]) -> None:
    text = json.dumps(content)
    if path is None:
        print(text, flush=True)  # noqa: T201 - the one line of a command
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def options(arguments: Sequence[str] | None = None) -> Options:
    """Command-line arguments as Options."""
    parser = argparse.ArgumentParser(prog="pushwarden simulate apns", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--control-port", type=int, default=0, help="HTTP on loopback; 0: a free one")
    parser.add_argument("--log", type=Path, help="frame log to write")
    parser.add_argument("--log-mode", type=Mode, default=Mode.COUNTING, choices=list(Mode))
    parser.add_argument("--script", type=Path, help="fault script, JSON or TOML")
    parser.add_argument("--config", type=Path, help="keys, tokens, environment, as JSON")
    parser.add_argument("--any-key", action="store_true", help="accept provider tokens of unknown keys, unverified")
    parser.add_argument("--cert-dir", type=Path, help="authority and server certificate, made when missing")
    parser.add_argument(
        "--client-ca", type=Path, action="append", default=[], help="PEM that signs client certificates"
    )
    parser.add_argument("--ready-file", type=Path, help="gets ports and CA path as JSON once it listens")
    given = vars(parser.parse_args(arguments))
    return Options(**{**given, "client_ca": tuple(given["client_ca"])})
