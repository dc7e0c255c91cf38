"""References of the same run: h2load over one connection, and what one fsync costs on this disk."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import httpx2

from pushwarden.bench.report import NotMeasured
from pushwarden.providers.generated import PROJECT
from pushwarden.wiring.stage import BUNDLE_ID, device_token

STREAMS = 1000
"""What the simulator allows, as APNs is observed to."""
BODY = b'{"aps":{"content-available":1},"n":1}'
FCM_BODY = b'{"message":{"data":{"n":"1"},"android":{"priority":"NORMAL","ttl":"3600s"},"token":"%b"}}'
FCM_CONNECTIONS = 10
"""Of a hundred streams each, so that as many requests are under way as on one of APNs."""


def h2load_program() -> str:
    """NotMeasured when it is not installed."""
    program = shutil.which("h2load")
    if program is None:
        raise NotMeasured("h2load is not installed; run ./dev setup, or install nghttp2-client.")
    return program


def run_h2load(arguments: Sequence[str], seconds: float = 300.0) -> str:
    """What it printed. NotMeasured when it failed."""
    said = subprocess.run(  # noqa: S603  our own arguments
        [h2load_program(), *arguments], capture_output=True, text=True, timeout=seconds, check=False
    )
    if said.returncode:
        raise NotMeasured(f"h2load ended with {said.returncode}: {said.stderr.strip() or said.stdout.strip()[-300:]}")
    return said.stdout


def rate_of(printed: str) -> float:
    """Requests a second. NotMeasured when h2load names none."""
    found = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", printed)
    if found is None:
        raise NotMeasured(f"h2load gave no rate: {printed[-300:]}")
    return float(found.group(1))


def apns_rate(port: int, folder: Path, requests: int) -> float:
    """h2load against the simulator: a silent push with the same headers and body size as ours. Requests/s."""
    body = folder / "h2load.json"
    body.write_bytes(BODY)
    headers = {
        "authorization": provider_token(),
        "apns-topic": BUNDLE_ID,
        "apns-push-type": "background",
        "apns-priority": "5",
        "apns-expiration": str(int(time.time()) + 3600),
        "apns-id": "00000000-0000-4000-8000-000000000001",
    }
    fields = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    target = f"https://localhost:{port}/3/device/{'ab' * 32}"
    printed = run_h2load([f"-n{requests}", "-c1", "-t1", f"-m{STREAMS}", f"-d{body}", *fields, target])
    if f"{requests} succeeded" not in printed:
        raise NotMeasured(f"The simulator refused h2load's requests: {printed[-400:]}")
    return rate_of(printed)


def fcm_rate(port: int, ca: Path, folder: Path, requests: int) -> float:
    """h2load against the FCM simulator: a data message as ours, as many connections as it may use. Requests/s."""
    body = folder / "h2load-fcm.json"
    body.write_bytes(FCM_BODY % device_token(7, "fcm"))
    url = f"https://localhost:{port}"
    with httpx2.Client(verify=ssl.create_default_context(cafile=str(ca)), trust_env=False) as client:
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": _assertion()}
        bearer = client.post(f"{url}/token", data=form).raise_for_status().json()["access_token"]
    fields = ["-H", f"authorization: Bearer {bearer}", "-H", "content-type: application/json"]
    target = f"{url}/v1/projects/{PROJECT}/messages:send"
    printed = run_h2load([f"-n{requests}", f"-c{FCM_CONNECTIONS}", "-t1", "-m100", f"-d{body}", *fields, target])
    if f"{requests} succeeded" not in printed:
        raise NotMeasured(f"The simulator refused h2load's requests: {printed[-400:]}")
    return rate_of(printed)


def fsync_ms(folder: Path, times: int = 200) -> float:
    """Median of a 4 KiB write with fdatasync on the disk of this folder."""
    took = []
    with (folder / "fsync.probe").open("wb") as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[times // 2]


@cache
def provider_token() -> str:
    """An authorization header of the right form, of a key of its own.

    One in this process: providers refuse tokens renewed too often.
    The simulator runs with --any-key and does not verify its signature.
    """
    return "bearer " + _unsigned({"alg": "ES256", "kid": "H2LOADKEY1"}, {"iss": "H2LOADTEAM", "iat": int(time.time())})


def _assertion() -> str:
    now, scope = int(time.time()), "https://www.googleapis.com/auth/firebase.messaging"
    claims = {"iss": "h2load@example.com", "scope": scope, "aud": "https://oauth2.googleapis.com/token"}
    return _unsigned({"alg": "RS256", "kid": "h2load"}, {**claims, "iat": now, "exp": now + 3600})


def _unsigned(*parts: dict[str, object]) -> str:
    coded = [json.dumps(part).encode() for part in parts] + [bytes(64)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in coded)
