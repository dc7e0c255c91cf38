"""Servers and clients that no one here wrote, over real TLS: nghttpd, Node, h2load, curl, python-hyper's h2."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from http2_transport import Answerer, Certificate, send
from pushwarden.http2.messages import Accepted, Answer, Requests
from pushwarden.http2.server import Heard, ServerConnection, encode_block
from real import need

pytestmark = pytest.mark.real

BODY = b'{"aps":{"alert":"Hello"}}'
OK = encode_block([(b":status", b"200")])
GONE = encode_block([(b":status", b"410"), (b"content-type", b"application/json")])
COUNT = 3000

NODE_SERVER = """
const http2 = require('http2'), fs = require('fs');
const server = http2.createSecureServer({key: fs.readFileSync(process.argv[2]), cert: fs.readFileSync(process.argv[3]),
  settings: {maxConcurrentStreams: 50, headerTableSize: 200, initialWindowSize: 20000}});
const reason = '{"reason":"Unregistered"}';
server.on('stream', (stream, headers) => {
  const parts = [], id = headers['apns-id'];
  stream.on('error', () => {});
  stream.on('data', part => parts.push(part));
  stream.on('end', () => {
    const row = Number(headers[':path'].split('/')[1]), size = Buffer.concat(parts).length;
    const good = id === `id-${row}` && headers['apns-topic'] === 'com.example.app' && size === row * 40;
    if (!good) { stream.respond({':status': 400}); stream.end('bad'); }
    else if (row % 10 === 3) { stream.respond({':status': 410, 'apns-id': id}); stream.end(reason); }
    else if (row % 10 === 7) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    else { stream.respond({':status': 200, 'apns-id': id}, {endStream: row % 2 === 0}); if (row % 2) stream.end(); }
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""

NODE_CLIENT = """
const http2 = require('http2'), fs = require('fs');
const client = http2.connect(`https://localhost:${process.argv[2]}`, {ca: fs.readFileSync(process.argv[3])});
const count = 500, seen = {};
let left = count;
client.on('error', error => { console.error(error); process.exit(1); });
for (let row = 0; row < count; row++) {
  const request = client.request({':method': 'POST', ':path': `/${row}`, 'apns-topic': 'com.example.app'});
  let status = 0, body = '';
  request.on('response', headers => status = headers[':status']);
  request.on('data', part => body += part);
  request.on('end', () => { seen[`${status} ${body}`] = (seen[`${status} ${body}`] || 0) + 1;
    if (!--left) { client.close(); console.log(JSON.stringify(seen)); } });
  request.end('x'.repeat(row % 100 === 0 ? 100000 : row));
}
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


@contextlib.asynccontextmanager
async def process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.communicate()


@contextlib.asynccontextmanager
async def our_server(certificate: Certificate) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answerer(answer), "127.0.0.1", 0, ssl=certificate.server())
    async with server:
        yield server.sockets[0].getsockname()[1]


def answer(connection: ServerConnection, heard: Heard) -> None:
    """Every third path is gone, the others are fine."""
    assert not heard.broken and not heard.refused
    fine = []
    for stream, headers in zip(heard.streams, heard.headers, strict=True):
        path = next(value for name, value, _ in headers if name == b":path")
        if int(path.rsplit(b"/", 1)[1]) % 3 == 2:
            connection.respond(stream, GONE, b'{"reason":"Unregistered"}')
        else:
            fine.append(stream)
    connection.respond_many(fine, OK)


async def finished(*command: str) -> str:
    async with process(*command) as started, asyncio.timeout(40):
        assert started.stdout is not None
        return (await started.stdout.read()).decode()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def test_nghttpd_answers_every_row(certificate: Certificate, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"found")

    async def run() -> None:
        port = free_port()
        command = [need("nghttpd"), "--address=127.0.0.1", f"--htdocs={tmp_path}", "--max-concurrent-streams=37"]
        async with process(*command, "--header-table-size=100", str(port), str(certificate.key), str(certificate.cert)):
            await listening(port)
            paths = [b"/here" if row % 4 else b"/nowhere-%d" % row for row in range(COUNT)]
            headers = ((b"apns-topic", b"com.example.app"), (b"apns-id", [b"id-%d" % row for row in range(COUNT)]))
            events = await send(port, certificate, Requests(COUNT, b"localhost", paths, BODY, headers))
        accepted = sorted(row for event in events if isinstance(event, Accepted) for row in event.rows)
        missing = sorted(event.row for event in events if isinstance(event, Answer) and event.status == 404)
        assert accepted == [row for row in range(COUNT) if row % 4]
        assert missing == [row for row in range(COUNT) if not row % 4]

    asyncio.run(run())


def test_node_reads_every_header_and_body_and_its_refusals_are_told(certificate: Certificate, tmp_path: Path) -> None:
    script = tmp_path / "server.js"
    script.write_text(NODE_SERVER)
    count = 1000

    async def run() -> None:
        async with process(need("node"), str(script), str(certificate.key), str(certificate.cert)) as node:
            assert node.stdout is not None
            port = int(await node.stdout.readline())
            paths, bodies = [b"/%d" % row for row in range(count)], [b"x" * (row * 40) for row in range(count)]
            headers = (
                (b"apns-topic", b"com.example.app"),
                (b"apns-id", [b"id-%d" % row for row in range(count)]),
                (b"x-wide", b"w" * 150),
            )
            events = await send(port, certificate, Requests(count, b"localhost", paths, bodies, headers))
        gone = [event for event in events if isinstance(event, Answer)]
        assert {event.row for event in gone} == set(range(3, count, 10))
        assert {(event.status, event.body) for event in gone} == {(410, b'{"reason":"Unregistered"}')}
        refused = {row for event in events if not isinstance(event, Accepted) for row in getattr(event, "rows", ())}
        assert refused == set(range(7, count, 10))
        accepted = {row for event in events if isinstance(event, Accepted) for row in event.rows}
        assert accepted == set(range(count)) - refused - {event.row for event in gone}

    asyncio.run(run())


def test_h2load_is_served(certificate: Certificate, tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    payload.write_bytes(BODY)

    async def run() -> str:
        async with our_server(certificate) as port:
            url = f"https://127.0.0.1:{port}/3/device/0"
            return await finished(need("h2load"), "-n5000", "-c2", "-m200", "-t1", f"-d{payload}", url)

    assert "5000 succeeded, 0 failed, 0 errored" in asyncio.run(run())


def test_curl_is_served(certificate: Certificate) -> None:
    async def run() -> str:
        async with our_server(certificate) as port:
            address = f"https://localhost:{port}"
            told = ["--silent", "--http2-prior-knowledge", "--cacert", str(certificate.cert), "--data", "{}"]
            return await finished(
                need("curl"), *told, "-w", "%{http_version} %{http_code} ", f"{address}/2", f"{address}/1"
            )

    assert asyncio.run(run()) == '{"reason":"Unregistered"}2 410 2 200 '


def test_nodes_client_is_served(certificate: Certificate, tmp_path: Path) -> None:
    script = tmp_path / "client.js"
    script.write_text(NODE_CLIENT)

    async def run() -> str:
        async with our_server(certificate) as port:
            return await finished(need("node"), str(script), str(port), str(certificate.cert))

    assert json.loads(asyncio.run(run())) == {"200 ": 334, '410 {"reason":"Unregistered"}': 166}


def test_python_hypers_client_is_served(certificate: Certificate) -> None:
    async def run() -> dict[int, int]:
        async with our_server(certificate) as port:
            reader, writer = await asyncio.open_connection("localhost", port, ssl=certificate.client())
            connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
            connection.initiate_connection()
            for stream in range(1, 100, 2):
                headers = [
                    (b":method", b"POST"),
                    (b":scheme", b"https"),
                    (b":authority", b"h"),
                    (b":path", b"/%d" % stream),
                ]
                connection.send_headers(stream, headers)
                connection.send_data(stream, b"x" * stream, end_stream=True)
            statuses: dict[int, int] = {}
            ended = 0
            while ended < 50:
                writer.write(connection.data_to_send())
                for event in connection.receive_data(await reader.read(65_536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        statuses[event.stream_id] = int(dict(event.headers or ())[b":status"])
                    ended += isinstance(event, h2.events.StreamEnded)
            writer.close()
            return statuses

    assert asyncio.run(run()) == {stream: 410 if stream % 3 == 2 else 200 for stream in range(1, 100, 2)}


def test_our_two_ends_agree_over_tls(certificate: Certificate) -> None:
    async def run() -> None:
        async with our_server(certificate) as port:
            requests = Requests(COUNT, b"localhost", [b"/%d" % row for row in range(COUNT)], BODY, ((b"a", b"b"),))
            events = await send(port, certificate, requests)
        assert sorted(event.row for event in events if isinstance(event, Answer)) == list(range(2, COUNT, 3))
        assert sum(len(event.rows) for event in events if isinstance(event, Accepted)) == 2 * COUNT // 3

    asyncio.run(run())
