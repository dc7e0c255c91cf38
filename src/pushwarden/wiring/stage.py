"""A whole Pushwarden on loopback in one folder, with simulator, app and credential: for demo, benchmarks, tests."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pushwarden.simulators.log import Summary, summarise

START_SECONDS = 60.0
KEY_ID, TEAM_ID = "DEMOKEY123", "DEMOTEAM12"
BUNDLE_ID = "com.example.shop"


class NotStarted(Exception):
    """A process of the stage did not come up; the sentence says which, and its last words."""


@dataclass(slots=True)
class Stage:
    """Start with `with`. Everything lives below `folder`; every process started here is ended here."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    log_mode: str = "counting"
    script: Path | None = None
    port: int = 0
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    simulator: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    key: str = ""
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=60.0, trust_env=False))

    def __enter__(self) -> Stage:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.start_simulator()
            self.start_pushwarden()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- processes

    @property
    def frames(self) -> Path:
        """The simulator's log."""
        return self.folder / "apns.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start_simulator(self) -> None:
        ready = self.folder / "apns.ready"
        ready.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", "pushwarden.simulators.apns", "--any-key", "--log", str(self.frames),
            "--log-mode", self.log_mode, "--cert-dir", str(self.folder / "certificates"), "--ready-file", str(ready),
        ]  # fmt: skip
        if self.script:
            command += ["--script", str(self.script)]
        child = self._start(command, os.environ)
        while not ready.exists():
            _alive(child, "The APNs simulator", self.folder)
            time.sleep(0.02)
        self.simulator = json.loads(ready.read_text())

    def start_pushwarden(self) -> subprocess.Popen[bytes]:
        """Starts the supervisor and waits until pushes can be taken; its process."""
        own = {
            "PUSHWARDEN_DATA": str(self.data),
            "PUSHWARDEN_LISTEN_PORT": str(self.port),
            "PUSHWARDEN_SIMULATOR_APNS": f"localhost:{self.simulator['port']}",
            "PUSHWARDEN_SIMULATOR_CA": str(self.simulator["ca"]),
        }
        (self.data / "run" / "api.json").unlink(missing_ok=True)
        child = self._start(
            [sys.executable, "-m", "pushwarden.cli.main", "serve"], {**os.environ, **own, **self.environ}
        )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            _alive(child, "Pushwarden", self.folder)
            if time.monotonic() > until:
                raise NotStarted(f"Pushwarden did not become ready in {START_SECONDS:g} s; see {self.folder}/log.")
            time.sleep(0.02)
        self.key = (self.data / "keys" / "admin.key").read_text().strip()
        return child

    def stop_pushwarden(self, child: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        """Ends the supervisor as an operator would; its exit code."""
        child.send_signal(number)
        code = child.wait(60)
        self._children.remove(child)
        return code

    def close(self) -> None:
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
        for child in reversed(self._children):
            try:
                child.wait(40)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()
        self.client.close()

    def _start(self, command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603  our own; in its own group, so that Ctrl-C leaves the ending to us
                command, env=dict(environ), stdout=log, stderr=log, process_group=0
            )
        self._children.append(child)
        return child

    def _answers(self) -> bool:
        try:
            said = json.loads((self.data / "run" / "api.json").read_text())
            self.url = f"http://{said['host']}:{said['port']}"
            return self.client.get(f"{self.url}/readyz").status_code == 200
        except (OSError, ValueError, httpx2.TransportError):
            return False

    # --- the API

    def call(self, method: str, path: str, **options: Any) -> Any:
        """JSON of a 2xx answer; httpx2.HTTPStatusError with the problem otherwise."""
        headers = {"authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        answer = self.client.request(method, self.url + path, headers=headers, **options)
        if answer.status_code >= 400:
            raise httpx2.HTTPStatusError(answer.text, request=answer.request, response=answer)
        return answer.json() if answer.content else None

    def make_app(self, app: str = "shop", key_file: Path | None = None) -> str:
        """An app with an active generated key in `simulated`; the path its pushes and devices are below."""
        self.call("POST", "/v1/apps", json={"id": app, "name": app.title(), "bundle_id": BUNDLE_ID})
        pem = generated_key()
        if key_file:
            key_file.write_bytes(pem)
            key_file.chmod(0o600)
        base = f"/v1/apps/{app}/simulated"
        body = {
            "provider": "apns", "content": base64.b64encode(pem).decode(), "file_name": f"AuthKey_{KEY_ID}.p8",
            "key_id": KEY_ID, "team_id": TEAM_ID,
        }  # fmt: skip
        made = self.call("POST", f"{base}/credentials", json=body)["credential"]
        self.call("POST", f"{base}/credentials/{made['id']}/activate")
        return base

    def import_devices(self, base: str, lines: Iterator[bytes]) -> dict[str, Any]:
        """NDJSON lines, streamed; the import's last report."""
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/x-ndjson"}
        answer = self.client.post(f"{self.url}{base}/devices/import", content=lines, headers=headers, timeout=3600.0)
        answer.raise_for_status()
        report: dict[str, Any] = json.loads(answer.text.strip().splitlines()[-1])
        return report

    def settled(self, base: str, push: str, seconds: float = 60.0) -> dict[str, Any]:
        """The push's state once every recipient has ended. TimeoutError otherwise."""
        until = time.monotonic() + seconds
        while True:
            state: dict[str, Any] = self.call("GET", f"{base}/pushes/{push}")
            if state["state"] == "done":
                return state
            if time.monotonic() > until:
                raise TimeoutError(f"push {push} is still {state}")
            time.sleep(0.02)

    # --- the oracle

    def control(self, method: str, path: str, **options: Any) -> Any:
        """Asks the simulator's control door."""
        answer = self.client.request(method, f"http://127.0.0.1:{self.simulator['control_port']}{path}", **options)
        answer.raise_for_status()
        return answer.json()

    def seen(self) -> Summary:
        """What the simulator has read so far, by its own log."""
        self.control("POST", "/flush")
        return summarise(self.frames)


def _alive(child: subprocess.Popen[bytes], name: str, folder: Path) -> None:
    if child.poll() is not None:
        words = (folder / "log").read_text(errors="replace").strip().splitlines()[-12:]
        raise NotStarted(f"{name} ended with {child.returncode} while it started:\n" + "\n".join(words))


def generated_key() -> bytes:
    """A fresh .p8: what Apple would give, of no worth anywhere."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def device_line(number: int, *, kind: str = "alert") -> bytes:
    """Device `number` of a made-up fleet: a 36-character installation id, a 64-hex token, user, build, two tags."""
    return (
        b'{"installation_id":"00000000-0000-4000-8000-%012x","provider":"apns","token_kind":"%b","token":"%064x",'
        b'"user":"user-%d","app_version":"5.3","build":"%d","tags":["plan:%d","lang:%d"]}\n'
    ) % (number, kind.encode(), number * 0x9E3779B97F4A7C15 % 2**256, number, 500 + number % 7, number % 3, number % 11)


@contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A folder with a short path (unix sockets need one) that goes when done."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
