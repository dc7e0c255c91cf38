"""Clients that strangers wrote and published, as they are, against the APNs simulator."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aioapns import APNs, NotificationRequest
from aioapns.connection import APNsProductionClientProtocol

from pushwarden.simulators import log
from real import absent, need
from simulator_fixtures import Simulator, running

DEAD = "01" * 32
NODE_APN = Path(__file__).parent.parent / "real_parts" / "node-apn"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with running(tmp_path, tokens={DEAD: {"state": "unregistered", "timestamp_ms": 1}}) as made:
        yield made


def test_aioapns_sends_and_understands_a_refusal(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(APNsProductionClientProtocol, "APNS_SERVER", "localhost")
    monkeypatch.setattr(APNsProductionClientProtocol, "APNS_PORT", simulator.port, raising=False)
    tokens = [f"{number:064x}" for number in range(1000, 1020)] + [DEAD]

    async def send() -> list[tuple[str, str | None]]:
        context = ssl.create_default_context(cafile=str(simulator.ca))
        context.set_alpn_protocols(["h2"])
        key = simulator.key
        client = APNs(
            key=key.pkcs8().decode(),
            key_id=key.kid,
            team_id=key.team,
            topic="com.example.app",
            ssl_context=context,
            max_connections=1,
        )
        requests = [NotificationRequest(token, {"aps": {"alert": "hello"}}) for token in tokens]
        # The first alone: aioapns assumes 1,000 streams before it has read the SETTINGS.
        results = [await client.send_notification(requests[0])]
        results += await asyncio.gather(*(client.send_notification(request) for request in requests[1:]))
        for connection in client.pool.connections:
            connection.close()
        await asyncio.sleep(0)
        return [(result.status, result.description) for result in results]

    assert asyncio.run(send()) == [("200", None)] * 20 + [("410", "Unregistered")]
    simulator.end()
    assert log.summarise(simulator.log).by_status == {200: 20, 410: 1}


@pytest.mark.real
@pytest.mark.parametrize("given", [0, 1])
def test_h2load_gets_an_answer_to_every_request(simulator: Simulator, given: int) -> None:
    payload = simulator.folder / "payload.json"
    payload.write_text('{"aps":{"content-available":1}}')
    headers = ["apns-topic: com.example.app", "apns-push-type: background", f"authorization: {simulator.authorization}"]
    headers += ["apns-id: 12345678-1234-1234-1234-123456789012"] * given
    target = f"https://127.0.0.1:{simulator.port}/3/device/{'ab' * 32}"
    flags = [part for header in headers for part in ("-H", header)]
    command = [need("h2load"), "-n", "20000", "-c", "2", "-m", "1000", "-d", str(payload), *flags, target]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert re.search(r"20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed", told), told
    simulator.end()
    summary = log.summarise(simulator.log)
    assert (summary.frames, summary.distinct, summary.connections) == (20000, 1 if given else 20000, 2)


def node_apn() -> Path:
    """A folder with node-apn installed as locked, made once for this lock."""
    lock = (NODE_APN / "package-lock.json").read_bytes()
    folder = Path(tempfile.gettempdir()) / f"pushwarden-node-apn-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (folder / "done").exists():
        shutil.copytree(NODE_APN, folder, dirs_exist_ok=True)
        command = [need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if (done := subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)).returncode:
            absent(f"npm could not install node-apn: {done.stderr.strip().splitlines()[-1:]}")
        (folder / "done").touch()
    shutil.copy(NODE_APN / "send.cjs", folder)
    return folder


@pytest.mark.real
def test_node_apn_sends_and_understands_a_refusal(simulator: Simulator) -> None:
    node, folder = need("node"), node_apn()
    key = simulator.key
    plan = {
        "token": {"key": key.pkcs8().decode(), "keyId": key.kid, "teamId": key.team},
        "port": simulator.port,
        "ca": simulator.ca.read_text(),
        "topic": "com.example.app",
        "tokens": [*(f"{number:064x}" for number in range(1000, 1020)), DEAD],
    }
    command = [node, "send.cjs", json.dumps(plan)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sorted(told["sent"]) == plan["tokens"][:20]
    assert told["failed"] == {DEAD: "410 Unregistered"}
