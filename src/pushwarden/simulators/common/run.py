"""Runs a provider's simulator: listener, control door, ready file, an orderly end on SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import ssl
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec
import uvloop

from pushwarden.simulators import certificates, faults
from pushwarden.simulators.control import Control

from .ledger import Mode
from .service import Service

FLUSH_S: Final = 0.5
C = TypeVar("C", bound=msgspec.Struct)
V = TypeVar("V", bound=Service)


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

    @property
    def mode(self) -> Mode:
        return self.log_mode if self.log else Mode.NONE

    def configuration(self, kind: type[C]) -> C:
        """The file of --config, with any_key. ValueError, OSError."""
        raw = self.config.read_bytes() if self.config else b"{}"
        read = msgspec.json.decode(raw, type=kind)
        return msgspec.structs.replace(read, any_key=True) if self.any_key else read

    def faults(self) -> faults.Script:
        """The file of --script. BadScript, OSError."""
        return faults.load(self.script) if self.script else faults.Script()


class Simulator(ABC, Generic[V]):
    """What one provider brings. protocols: what its port speaks, by ALPN."""

    name: str
    protocols: tuple[str, ...] = ("h2",)

    @abstractmethod
    def make(self, options: Options) -> V:
        """ValueError, OSError and BadScript name what is wrong with the files."""

    @abstractmethod
    def connection(self, service: V) -> asyncio.Protocol: ...

    @abstractmethod
    def door(self, service: V, stop: asyncio.Event) -> Control: ...


def main(simulator: Simulator[V]) -> None:
    """The command: serves as its arguments say; exits with a sentence when they cannot be used."""
    try:
        run(simulator, options(simulator.name))
    except CannotStart as error:
        sys.exit(str(error))


def run(simulator: Simulator[V], options: Options) -> None:
    """Serves until SIGTERM, SIGINT or POST /stop. CannotStart when an argument is not usable."""
    # Requests make many short-lived tuples and no cycles; the usual thresholds spend half the time looking for some.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    uvloop.run(serve(simulator, options))


async def serve(simulator: Simulator[V], options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with standing(simulator, options, stop):
        await stop.wait()


@contextlib.asynccontextmanager
async def standing(simulator: Simulator[V], options: Options, stop: asyncio.Event) -> AsyncIterator[None]:
    """It listens inside the block; POST /stop at its control door sets `stop`. CannotStart as `run`."""
    loop = asyncio.get_running_loop()
    service = _service(simulator, options)
    folder = options.cert_dir or Path(tempfile.mkdtemp(prefix="pushwarden-simulator-"))
    made = certificates.ensure(folder)
    tls = tls_context(made, simulator.protocols, options.client_ca)
    try:
        listener = await loop.create_server(lambda: simulator.connection(service), "127.0.0.1", options.port, ssl=tls)
        control = simulator.door(service, stop)
        control_port = await control.start(options.control_port)
    except OSError as error:
        raise CannotStart(f"The port cannot be used: {error}; choose another or 0") from error
    ports = {"port": listener.sockets[0].getsockname()[1], "control_port": control_port}
    _announce(options.ready_file, {**ports, "ca": str(made.ca), "pid": os.getpid()})
    flusher = asyncio.create_task(_flush(service))
    try:
        yield
    finally:
        listener.close()
        for connection in list(service.connections.values()):
            connection.close()
        await control.close()
        flusher.cancel()
        await asyncio.sleep(0)
        service.ledger.log.close()


def tls_context(
    made: certificates.Certificates, protocols: Sequence[str], client_ca: Sequence[Path] = ()
) -> ssl.SSLContext:
    """TLS 1.2 and 1.3, ALPN or none, a client certificate if the client has one of a known authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(made.server, made.server_key)
    context.set_alpn_protocols(list(protocols))
    context.verify_mode = ssl.CERT_OPTIONAL
    for path in (made.ca, *client_ca):
        context.load_verify_locations(path)
    return context


def _service(simulator: Simulator[V], options: Options) -> V:
    try:
        return simulator.make(options)
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


def options(name: str, arguments: Sequence[str] | None = None) -> Options:
    """Command-line arguments as Options."""
    parser = argparse.ArgumentParser(prog=f"pushwarden simulate {name}", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--control-port", type=int, default=0, help="HTTP on loopback; 0: a free one")
    parser.add_argument("--log", type=Path, help="frame log to write")
    parser.add_argument("--log-mode", type=Mode, default=Mode.COUNTING, choices=list(Mode))
    parser.add_argument("--script", type=Path, help="fault script, JSON or TOML")
    parser.add_argument("--config", type=Path, help="what the provider knows: keys, tokens, …, as JSON")
    parser.add_argument("--any-key", action="store_true", help="accept what unknown keys sign, unverified")
    parser.add_argument("--cert-dir", type=Path, help="authority and server certificate, made when missing")
    parser.add_argument(
        "--client-ca", type=Path, action="append", default=[], help="PEM that signs client certificates"
    )
    parser.add_argument("--ready-file", type=Path, help="gets ports and CA path as JSON once it listens")
    given = vars(parser.parse_args(arguments))
    return Options(**{**given, "client_ca": tuple(given["client_ca"])})
