"""How many requests a second the simulators take with each log: from h2load, APNs' also from our own client.

nghttpd, a C server, stands beside. h2load writes `:path` Huffman-coded and all else by index; Pushwarden writes path,
id and token as plain literals.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from pushwarden.bench.reference import fcm_rate
from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Accepted, Requests

BODY = b'{"aps":{"content-available":1}}'
TARGETS = {"counting_per_s": 200_000, "full_per_s": 100_000, "fcm_counting_per_s": 120_000}
STREAMS = 1000
AHEAD = 250  # rows a write


def provider_token() -> bytes:
    parts = ({"alg": "ES256", "kid": "ABCDEFGHIJ"}, {"iss": "TEAM123456", "iat": int(time.time())})
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b"bearer " + b".".join([*coded, base64.urlsafe_b64encode(bytes(64)).rstrip(b"=")])


HEADERS = (
    (b"authorization", provider_token()),
    (b"apns-topic", b"com.example.app"),
    (b"apns-push-type", b"background"),
    (b"apns-priority", b"5"),
)


@contextmanager
def simulator(folder: Path, mode: str, provider: str = "apns") -> Iterator[dict[str, Any]]:
    ready, config = folder / "ready", folder / "config.json"
    ready.unlink(missing_ok=True)
    config.write_text('{"any_key": true, "first_streams": 1000}' if provider == "apns" else '{"any_key": true}')
    flags = ["--log", folder / "log", "--log-mode", mode, "--cert-dir", folder, "--ready-file", ready]
    command = [sys.executable, "-m", f"pushwarden.simulators.{provider}", *flags, "--config", config]
    with subprocess.Popen([str(part) for part in command]) as process:
        while not ready.exists():
            time.sleep(0.01)
        yield json.loads(ready.read_text())
        process.terminate()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def h2load(port: int, folder: Path, count: int) -> float:
    payload = folder / "payload.json"
    payload.write_bytes(BODY)
    headers = [part for name, value in HEADERS for part in ("-H", f"{name.decode()}: {value.decode()}")]
    target = f"https://127.0.0.1:{port}/3/device/{'ab' * 32}"
    command = ["h2load", f"-n{count}", "-c1", "-t1", f"-m{STREAMS}", f"-d{payload}", *headers, target]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"([\d.]+) req/s", told)
    assert found and (f"{count} succeeded" in told or "nghttpd" in str(folder)), told
    return float(found.group(1))


class Sender(asyncio.Protocol):
    """Our own client: one batch, as fast as it is answered."""

    def __init__(self, requests: Requests) -> None:
        self.requests, self.sent, self.done = requests, 0, 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.connection = ClientConnection(now=0.0)
        self.pump()

    def data_received(self, data: bytes) -> None:
        for event in self.connection.receive(data, 0.0):
            assert isinstance(event, Accepted), event
            self.done += len(event.rows)
        self.pump()

    def pump(self) -> None:
        room = self.connection.capacity()
        if self.sent < self.requests.count and (
            room >= AHEAD or room >= self.requests.count - self.sent or not self.sent
        ):
            self.sent += self.connection.submit(self.requests, self.sent, self.requests.count, None, 1e9)
        self.transport.write(self.connection.take_output())  # type: ignore[attr-defined]
        if self.done == self.requests.count and not self.finished.done():
            self.finished.set_result(None)


def own_client(port: int, ca: str, count: int) -> float:
    ids = [b"00000000-0000-4000-8000-%012x" % number for number in range(count)]
    paths = [b"/3/device/%064x" % (number * 7919) for number in range(count)]
    requests = Requests(count, b"localhost", paths, BODY, (*HEADERS, (b"apns-id", ids)))
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["h2"])

    async def send() -> float:
        loop, start = asyncio.get_running_loop(), time.perf_counter()
        transport, sender = await loop.create_connection(
            lambda: Sender(requests), "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
        await sender.finished
        transport.close()
        return count / (time.perf_counter() - start)

    return uvloop.run(send())


def reference(folder: Path, count: int) -> float | None:
    """h2load against nghttpd, which is C, on the same machine now."""
    program = shutil.which("nghttpd") or shutil.which("nghttpd", path="/usr/sbin")
    if program is None:
        return None
    root = folder / "nghttpd"
    (root / "3/device").mkdir(parents=True, exist_ok=True)
    (root / "3/device" / ("ab" * 32)).touch()
    port, keys = 18571, [str(folder / "server.key"), str(folder / "server.pem")]
    with subprocess.Popen([program, "-d", str(root), f"-m{STREAMS}", str(port), *keys]) as process:
        time.sleep(0.3)
        rate = h2load(port, root, count)
        process.terminate()
    return rate


def fcm(folder: Path, mode: str, count: int, trials: int) -> dict[str, Any]:
    """FCM's from h2load alone, over ten connections of a hundred streams."""
    with simulator(folder, mode, "fcm") as told:
        before = cpu_seconds(told["pid"])
        rate = max(fcm_rate(told["port"], Path(told["ca"]), folder, count) for _ in range(trials))
        spent = cpu_seconds(told["pid"]) - before
    return {f"fcm_{mode}_per_s": round(rate), f"fcm_{mode}_cpu_us": round(spent / (trials * count) * 1e6, 2)}


def measure(count: int, trials: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for mode in ("counting", "full"):
            with simulator(folder, mode) as told:
                before, rounds = cpu_seconds(told["pid"]), []
                for _ in range(trials):
                    rounds.append((h2load(told["port"], folder, count), own_client(told["port"], told["ca"], count)))
                spent = cpu_seconds(told["pid"]) - before
            figures[f"{mode}_h2load_per_s"] = round(max(row[0] for row in rounds))
            figures[f"{mode}_own_client_per_s"] = round(max(row[1] for row in rounds))
            figures[f"{mode}_per_s"] = round(max(max(row) for row in rounds))
            figures[f"{mode}_cpu_us"] = round(spent / (2 * trials * count) * 1e6, 2)
            figures |= fcm(folder, mode, count, trials)
        figures["h2load_to_nghttpd_per_s"] = round(reference(folder, count) or 0)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=300_000, help="requests a trial")
    parser.add_argument("--trials", type=int, default=2)
    given = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    machine = {"cpu": platform.processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    figures = measure(given.n, given.trials)
    notes = "best of trials; 1,000 streams on one connection (FCM: on ten), TLS on loopback; nghttpd is written in C"
    told = {"name": "simulator_rate", "figures": figures, "targets": TARGETS, "trials": given.trials}
    print(json.dumps({**told, "machine": machine, "commit": commit.stdout.strip(), "notes": notes}))


if __name__ == "__main__":
    main()
