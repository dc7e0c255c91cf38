"""A whole Pushwarden on loopback in one folder, with simulators, app and credential: for demo, benchmarks, tests."""

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

from pushwarden.providers.generated import PROJECT, generated_account, generated_key
from pushwarden.simulators.log import Summary, summarise

START_SECONDS, SETTLE_SECONDS = 120.0, 60.0
PROOF_SECONDS = 11
KEY_ID, TEAM_ID = "DEMOKEY123", "DEMOTEAM12"
BUNDLE_ID = "com.example.shop"


class NotStarted(Exception):
    """A process of the stage did not come up; the sentence says which, and its last words."""


@dataclass(slots=True)
class Stage:
    """Start with `with`. Everything lives below `folder`; every process started here is ended here.

    providers: whose simulators stand; the first is meant where none is named. Without any Pushwarden brings its own.
    """

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    log_mode: str = "counting"
    script: Path | None = None
    port: int = 0
    providers: tuple[str, ...] = ("apns",)
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    simulators: dict[str, dict[str, Any]] = field(default_factory=dict)
    url: str = ""
    key: str = ""
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=60.0, trust_env=False))

    def __enter__(self) -> Stage:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            for provider in self.providers:
                self.start_simulator(provider)
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
    def simulator(self) -> dict[str, Any]:
        """What the first provider's simulator said of itself: port, control_port, ca, pid."""
        return self.simulators[self.providers[0]]

    @property
    def frames(self) -> Path:
        """The first provider's log."""
        return self.log_of(self.providers[0])

    def log_of(self, provider: str) -> Path:
        return self.folder / f"{provider}.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start_simulator(self, provider: str = "apns") -> None:
        ready = self.folder / f"{provider}.ready"
        ready.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", f"pushwarden.simulators.{provider}", "--any-key", "--log", str(self.log_of(provider)),
            "--log-mode", self.log_mode, "--cert-dir", str(self.folder / "certificates"), "--ready-file", str(ready),
        ]  # fmt: skip
        if self.script:
            command += ["--script", str(self.script)]
        child = self._start(command, os.environ)
        while not ready.exists():
            _alive(child, f"The simulator of {provider}", self.folder)
            time.sleep(0.02)
        self.simulators[provider] = json.loads(ready.read_text())

    def start_pushwarden(self) -> subprocess.Popen[bytes]:
        """Starts the supervisor and waits until pushes can be taken; its process."""
        own = {
            "PUSHWARDEN_DATA": str(self.data),
            "PUSHWARDEN_STORE": "",
            "PUSHWARDEN_STORE_FILE": "",
            "PUSHWARDEN_LISTEN_PORT": str(self.port),
        }
        for name, one in self.simulators.items():
            own["PUSHWARDEN_SIMULATOR_CA"] = str(one["ca"])
            own[f"PUSHWARDEN_SIMULATOR_{name.upper()}"] = f"localhost:{one['port']}"
            own[f"PUSHWARDEN_SIMULATOR_{name.upper()}_DOOR"] = f"http://127.0.0.1:{one['control_port']}"
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

    def make_app(self, app: str = "shop", key_file: Path | None = None, bundle_id: str = BUNDLE_ID) -> str:
        """An app with an active generated key of every provider in `simulated`; what its pushes and devices are below.

        key_file: where the .p8 is left as well.
        """
        self.call("POST", "/v1/apps", json={"id": app, "name": app.title(), "bundle_id": bundle_id})
        base = f"/v1/apps/{app}/simulated"
        for provider in self.providers:
            self.make_credential(base, provider, key_file)
        return base

    def make_credential(self, base: str, provider: str, key_file: Path | None = None) -> None:
        """Uploads a generated key, waits until the simulator was asked about it, and activates it."""
        if provider == "fcm":
            content, more = generated_account(), {"file_name": f"{PROJECT}.json"}
        else:
            content = generated_key()
            more = {"file_name": f"AuthKey_{KEY_ID}.p8", "key_id": KEY_ID, "team_id": TEAM_ID}
            if key_file:
                key_file.write_bytes(content)
                key_file.chmod(0o600)
        body = {"provider": provider, "content": base64.b64encode(content).decode(), **more}
        made = self.call("POST", f"{base}/credentials", json=body, params={"wait": PROOF_SECONDS})["credential"]
        self.call("POST", f"{base}/credentials/{made['id']}/activate")

    def import_devices(self, base: str, lines: Iterator[bytes]) -> dict[str, Any]:
        """NDJSON lines, streamed; the import's last report."""
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/x-ndjson"}
        answer = self.client.post(f"{self.url}{base}/devices/import", content=lines, headers=headers, timeout=3600.0)
        answer.raise_for_status()
        report: dict[str, Any] = json.loads(answer.text.strip().splitlines()[-1])
        return report

    def settled(self, base: str, push: str, seconds: float = 0) -> dict[str, Any]:
        """The push's state once every recipient has ended. TimeoutError otherwise."""
        until = time.monotonic() + (seconds or SETTLE_SECONDS)
        while True:
            state: dict[str, Any] = self.call("GET", f"{base}/pushes/{push}")
            if state["state"] == "done":
                return state
            if time.monotonic() > until:
                raise TimeoutError(f"push {push} is still {state}")
            time.sleep(0.02)

    # --- the oracle

    def control(self, method: str, path: str, provider: str = "", **options: Any) -> Any:
        """Asks a simulator's control door."""
        told = self.simulators[provider or self.providers[0]]
        answer = self.client.request(method, f"http://127.0.0.1:{told['control_port']}{path}", **options)
        answer.raise_for_status()
        return answer.json()

    def seen(self, provider: str = "") -> Summary:
        """What a simulator has read so far, by its own log."""
        self.control("POST", "/flush", provider)
        return summarise(self.log_of(provider or self.providers[0]))


def _alive(child: subprocess.Popen[bytes], name: str, folder: Path) -> None:
    if child.poll() is not None:
        words = (folder / "log").read_text(errors="replace").strip().splitlines()[-12:]
        raise NotStarted(f"{name} ended with {child.returncode} while it started:\n" + "\n".join(words))


def device_line(number: int, *, kind: str = "alert", provider: str = "apns") -> bytes:
    """Device `number` of a made-up fleet: a 36-character installation id, a token, user, build, two tags."""
    return (
        b'{"installation_id":"%b-0000-4000-8000-%012x","provider":"%b","token_kind":"%b","token":"%b",'
        b'"user":"user-%d","app_version":"5.3","build":"%d","tags":["plan:%d","lang:%d"]}\n'
    ) % (
        b"a0000000" if provider == "fcm" else b"00000000", number, provider.encode(), kind.encode(),
        device_token(number, provider), number, 500 + number % 7, number % 3, number % 11,
    )  # fmt: skip


def device_token(number: int, provider: str = "apns") -> bytes:
    """64 hexadecimal digits, or the 163 characters of a registration token, which end in the number."""
    if provider == "fcm":
        return b"%022x:APA91b%0134d" % (number * 0x9E3779B97F4A7C15 % 2**88, number)
    return b"%064x" % (number * 0x9E3779B97F4A7C15 % 2**256)


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
