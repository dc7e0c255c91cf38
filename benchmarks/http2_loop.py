"""How fast http2 alone is: our client, h2load and our server over TLS on 127.0.0.1, each in its own process.

PYTHONPATH=tests .venv/bin/python benchmarks/http2_loop.py [requests] → one JSON object. `…_us`: CPU µs a request of
the whole process. Toy protocols: no store, no validation of headers.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from http2_transport import Certificate
from pushwarden.http2.client import ClientConnection
from pushwarden.http2.messages import Accepted, Requests
from pushwarden.http2.server import ServerConnection, encode_block

PREFIX = encode_block([(b":status", b"200")]) + b"\0\x07apns-id\x24"
UNKNOWN_ID = b"12345678-1234-1234-1234-123456789012"
BODY = (
    b'{"aps":{"alert":{"title":"Hello","body":"A message of ordinary length, some hundred bytes"},"sound":"default"}}'
)


class Sink(asyncio.Protocol):
    """Answers 200 with the apns-id."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.connection = transport, ServerConnection()
        transport.write(self.connection.take_output())

    def data_received(self, data: bytes) -> None:
        heard = self.connection.receive(data)
        if heard.streams:
            ids = []
            for headers in heard.headers:
                ids.append(next((value for name, value, _ in reversed(headers) if name == b"apns-id"), UNKNOWN_ID))
            self.connection.respond_many(heard.streams, PREFIX, ids)
        self.transport.write(self.connection.take_output())


class Sender(asyncio.Protocol):
    """Sends every row, in bursts of at least 64."""

    def __init__(self, requests: Requests, done: asyncio.Future[None]) -> None:
        self.requests, self.done, self.row, self.accepted = requests, done, 0, 0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.connection = transport, ClientConnection(now=time.monotonic())
        transport.write(self.connection.take_output())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for event in self.connection.receive(data, now):
            assert isinstance(event, Accepted), event
            self.accepted += len(event.rows)
        room = self.connection.capacity()
        if room >= 64 or room == self.connection.max_streams:
            self.row += self.connection.submit(self.requests, self.row, self.requests.count, "fan-out", now + 20)
        self.transport.write(self.connection.take_output())
        if self.accepted == self.requests.count and not self.done.done():
            self.done.set_result(None)


def serve(pipe: Connection, certificate: Certificate) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Sink, "127.0.0.1", 0, ssl=certificate.server())
        pipe.send(server.sockets[0].getsockname()[1])
        while await loop.run_in_executor(None, pipe.recv):
            pipe.send(time.process_time())

    gc.freeze()
    gc.disable()
    uvloop.run(run())


async def send(port: int, context: ssl.SSLContext, count: int) -> tuple[float, float]:
    """(wall seconds, CPU seconds) of sending so many rows."""
    paths = [b"/3/device/" + os.urandom(32).hex().encode() for _ in range(count)]
    headers: tuple[tuple[bytes, Any], ...] = (
        (b"authorization", b"bearer " + b"x" * 200),
        (b"apns-topic", b"com.example.app"),
        (b"apns-push-type", b"alert"),
        (b"apns-priority", b"10"),
        (b"apns-id", [b"12345678-1234-1234-1234-%012x" % row for row in range(count)]),
    )
    requests, loop = Requests(count, b"localhost", paths, BODY, headers), asyncio.get_running_loop()
    done = loop.create_future()
    wall, cpu = time.perf_counter(), time.process_time()
    transport, _ = await loop.create_connection(lambda: Sender(requests, done), "localhost", port, ssl=context)
    await asyncio.wait_for(done, 60)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    transport.close()
    return wall, cpu


def h2load(port: int, count: int, folder: str) -> float:
    """Requests a second of one h2load connection."""
    payload = Path(folder, "payload")
    payload.write_bytes(BODY)
    url = f"https://127.0.0.1:{port}/3/device/{'0' * 64}"
    command = ["h2load", f"-n{count}", "-c1", "-m1000", "-t1", f"-d{payload}", "-Hapns-topic: com.example.app", url]
    out = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    return float(re.search(r"([\d.]+) req/s", out)[1])  # type: ignore[index]


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        certificate = Certificate(Path(folder))
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs, certificate))
        server.start()
        try:
            port = ours.recv()

            def server_cpu() -> float:
                ours.send(True)
                return float(ours.recv())

            rate = h2load(port, count, folder)
            between = server_cpu()
            wall, cpu = uvloop.run(send(port, certificate.client(), count))
            after = server_cpu()
        finally:
            server.kill()
            server.join()
    print(
        json.dumps(
            {
                "requests": count,
                "h2load_per_s": round(rate),
                "server_h2load_us": round(between / count * 1e6, 2),
                "client_per_s": round(count / wall),
                "client_us": round(cpu / count * 1e6, 2),
                "server_us": round((after - between) / count * 1e6, 2),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
