"""Plants secrets in a running Pushwarden, makes everything go wrong that can, and looks for them wherever it writes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

import markers
import postgres_server
from markers import Marker
from product_fixtures import pid_of, until
from pushwarden.providers.generated import generated_account, generated_key
from pushwarden.simulators.certificates import client_certificate
from pushwarden.wiring.local_postgres import programs
from pushwarden.wiring.stage import BUNDLE_ID, KEY_ID, TEAM_ID, Stage
from warm_cli import Warm

PASSWORD, WRONG = 'canary-Pa55word-äß "7"', "canary-wrong-Pa55word"
APP = "planted"
BASE = f"/v1/apps/{APP}/simulated"
ONCE = ("/v1/keys", "/rotate", "/callbacks")
"""Where an answer shows a secret, the one time it is made."""
ELSEWHERE = frozenset({"vault.key", "callbacks.key", "admin.key", "apns.log", "fcm.log"})
"""Files that are secrets, and what the providers' simulators read."""
COMMANDS = (
    ("doctor",), ("doctor", "--json"), ("apps", "show", APP, "--env", "simulated"), ("apps", "list", "--json"),
    ("credentials", "list", APP, "--env", "simulated"), ("credentials", "list", APP, "--env", "simulated", "--json"),
    ("callbacks", "list", APP, "--json"), ("keys", "list", "--json"), ("audit", "list", "--json"),
    ("vault", "rotate"), ("vault", "rotate", "--callbacks"), ("migrate",),
)  # fmt: skip
STORES = ("sqlite", "postgres")
_PARAM = re.compile(r"\{(\w+)\}")


@dataclass
class Planted:
    """What must not be found, and what was looked at. ids: of things the routes name."""

    stage: Stage
    markers: list[Marker] = field(default_factory=list)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)  # file name → content, password
    ids: dict[str, str] = field(default_factory=dict)
    surfaces: list[tuple[str, bytes]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def see(self, name: str, content: bytes) -> None:
        self.surfaces.append((name, content))

    def ask(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx2.Response | None:
        """None when the api died of it. What comes back is a surface, but where a fresh secret is shown."""
        headers = {"authorization": f"Bearer {self.stage.key if key is None else key}"} | options.pop("headers", {})
        try:
            answer = self.stage.client.request(method, self.stage.url + path, headers=headers, **options)
        except httpx2.TransportError:
            return None
        self.statuses[answer.status_code] += 1
        if not (answer.status_code in (200, 201) and method == "POST" and path.endswith(ONCE)):
            self.see(f"{method} {path} {answer.status_code}", answer.content + repr(answer.headers).encode())
        return answer


def environ(store: str) -> dict[str, str]:
    """What a stage is started with, so that it says all it can."""
    own = {"PUSHWARDEN_LOG_LEVEL": "debug", "PUSHWARDEN_BULK_SENDERS": "1"}
    dsn = postgres_server.fresh_database(migrated=False) if store == "postgres" else ""
    return own | ({"PUSHWARDEN_STORE": dsn} if dsn else {})


def plant(stage: Stage) -> Planted:
    """A key, a certificate under a password, a service account, an API key and a callback; pushes go out with them."""
    planted, p8, account = Planted(stage), generated_key(), generated_account()
    stage.call("POST", "/v1/apps", json={"id": APP, "name": APP, "bundle_id": BUNDLE_ID})
    certificate, key_pem = client_certificate(
        stage.folder / "certificates", BUNDLE_ID, ((BUNDLE_ID, "app"),), "both", 99
    )
    key = serialization.load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    chain = x509.load_pem_x509_certificate(certificate)
    p12 = pkcs12.serialize_key_and_certificates(b"push", key, chain, None, locked)
    planted.files = {f"AuthKey_{KEY_ID}.p8": (p8, ""), "push.p12": (p12, PASSWORD), "account.json": (account, "")}
    planted.markers = [
        markers.private_key("the .p8", p8),
        markers.private_key("the .p12's key", key_pem),
        markers.private_key("the account's key", json.loads(account)["private_key"].encode()),
        markers.file("the .p12", p12),
        markers.word("the password", PASSWORD),
        markers.word("a wrong password", WRONG),
        markers.word("the first API key", stage.key.split("_")[-1]),
    ]
    for pair in ("vault", "callbacks"):
        planted.markers.append(
            markers.private_key(f"{pair}.key", (stage.data / f"keys/private/{pair}.key").read_bytes())
        )
    made = stage.call("POST", "/v1/keys", json={"name": "planted", "kind": "admin"})
    planted.markers.append(markers.word("an API key", made["key"].split("_")[-1]))
    told = stage.call("POST", f"/v1/apps/{APP}/callbacks", json={"url": "https://127.0.0.1:9/x"})
    planted.markers.append(markers.word("a signing secret", told["secret"].removeprefix("whsec_")))
    planted.ids = {"app": APP, "env": "simulated", "callback": told["callback"]["id"], "organisation": "default"}
    return planted


def use(planted: Planted) -> None:
    """Each file is uploaded, activated and sent with."""
    stage = planted.stage
    stage.call("PUT", f"{BASE}/devices/phone", json={"token": "5a" * 32, "user": "ada"})
    for name, (content, password) in planted.files.items():
        made = upload(planted, name, content, password)
        assert made is not None and made.status_code == 201, made and made.text
        planted.ids["credential"] = made.json()["credential"]["id"]
        stage.call("POST", f"{BASE}/credentials/{planted.ids['credential']}/activate", json={})
        push = stage.call("POST", f"{BASE}/pushes", json={"to": {"user": "ada"}, "type": "background"})["id"]
        planted.ids["push"] = push
        stage.settled(BASE, push)


def upload(planted: Planted, name: str, content: bytes, password: str) -> httpx2.Response | None:
    fields = (
        {"password": password, "key_id": KEY_ID, "team_id": TEAM_ID} if name.endswith(".p8") else {"password": password}
    )
    files = {"file": (name, content, "application/octet-stream")}
    return planted.ask("POST", f"{BASE}/credentials", data=fields, files=files)


def misuse(planted: Planted) -> None:
    """Uploads that are refused, each in its way; half of the world pastes a key where it does not belong."""
    path, boundary = f"{BASE}/credentials", {"content-type": "multipart/form-data; boundary=x"}
    for name, (content, _) in planted.files.items():
        text, coded = content.decode("latin-1"), base64.b64encode(content).decode()
        for password in (WRONG, ""):
            upload(planted, name, content, password)
        upload(planted, name, content[: len(content) * 2 // 3], PASSWORD)
        upload(planted, name, b"\xef\xbb\xbf" + content + b"\0", PASSWORD)
        for body in (
            {"content": text}, {"text": coded}, {"content": coded, "password": [WRONG]},
            {"content": [coded]},
            {"content": coded, "password": WRONG, "provider": "wns"}, {"text": text, "password": 7, "more": 1},
            {"text": {"file": text}}, {"content": coded, "key_id": {"file": text}}, {"provider": text},
            {"content": coded, "team_id": text}, {"content": coded, "file_name": text},
        ):  # fmt: skip
            planted.ask("POST", path, json=body)
        for raw, headers in (
            (content, {"content-type": "application/json"}), (content, boundary), (content, {}),
            (json.dumps({"content": coded}).encode()[:-9], {"content-type": "application/json"}),
            (b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + content, boundary),
            (b'--x\r\ncontent-disposition: form-data; name="password"\r\n\r\n' + content + b"\r\n--x--", boundary),
            (b'--x\r\nname="password"\r\n\r\n' + WRONG.encode() + b"\r\n--x--\r\n", boundary),
        ):  # fmt: skip
            planted.ask("POST", path, content=raw, headers=headers)
    for key in ("", "pwk_" + WRONG, planted.stage.key[:-3]):
        planted.ask("GET", path, key.encode("ascii", "ignore").decode())


def every_route(planted: Planted) -> list[str]:
    """Each operation once with nothing, and those that take a body with the secrets in it. The operations."""
    paths = planted.stage.call("GET", "/openapi.json")["paths"]
    operations = sorted((method.upper(), path) for path, methods in paths.items() for method in methods)
    p8 = next(content for name, (content, _) in planted.files.items() if name.endswith(".p8"))
    wrong = [{"password": PASSWORD, "private_key": p8.decode()}, {"name": [PASSWORD], "version": p8.decode()}]
    for method, path in operations:
        filled = _PARAM.sub(lambda found: planted.ids.get(found[1], "x"), path)
        if method == "GET":
            planted.ask("GET", filled)
        elif method != "DELETE" and not path.startswith(("/v1/stop", "/v1/resume")):
            for body in (*wrong, json.dumps(p8.decode()), p8.decode(), ""):
                kind = {"json": body} if isinstance(body, dict) else {"content": body.encode()}
                planted.ask(method, filled, headers={"content-type": "application/json"}, **kind)  # type: ignore[arg-type]
    return [f"{method} {path}" for method, path in operations]


def break_things(planted: Planted) -> list[str]:
    """A 500 of each kind, and processes that die with a secret in hand. What was broken."""
    stage, (name, (content, password)) = planted.stage, next(iter(planted.files.items()))
    public = stage.data / "keys" / "vault.pub"
    for spoilt in (b"", b"junk"):
        kept = public.read_bytes()
        public.write_bytes(spoilt)
        answer = upload(planted, "other.p8", generated_key(), "")
        assert answer is not None and answer.status_code == 500
        public.write_bytes(kept)
    dead = []
    for role in ("reader", "sender-normal", "chores", "api"):
        for pid in _children(pid_of(stage, "api")) if role == "reader" else [pid_of(stage, role)]:
            os.kill(pid, signal.SIGABRT)
            dead.append(role)
        upload(planted, name, content, password)
    until(lambda: _ready(planted), "an api that takes pushes again", 150)
    return dead


def look(planted: Planted) -> None:
    """Files, command lines and environments, what commands print, a backup, and the database as its server dumps it."""
    stage = planted.stage
    own = {**os.environ, **stage.environ, "PUSHWARDEN_DATA": str(stage.data), "NO_COLOR": "1"}
    own["PATH"] = f"{programs()}:{own['PATH']}"
    warm = Warm(stage.folder, own)

    def printed(*words: str) -> None:
        done = warm.run(words, b"", own)
        assert b"Traceback" not in done.stderr, done.stderr
        planted.see(f"pushwarden {' '.join(words)} {done.returncode}", done.stdout + done.stderr)

    for words in COMMANDS:
        printed(*words)
    for name, (content, _) in planted.files.items():
        path = stage.folder / "given" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        printed("credentials", "check", str(path), "--password", WRONG)
        path.unlink()
    printed("backup", str(stage.folder / "backup"))
    warm.close()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environ = (process / "environ").read_bytes()
            if str(stage.data).encode() in environ:
                planted.see(f"process {process.name}", (process / "cmdline").read_bytes() + environ)
    dsn = dict(stage.environ).get("PUSHWARDEN_STORE", "")
    if dsn:
        done = subprocess.run([str(programs() / "pg_dump"), f"--dbname={dsn}"], capture_output=True, check=True)
        planted.see("pg_dump", done.stdout)
    for path in markers.files(stage.folder):
        if path.name not in ELSEWHERE and not path.name.startswith(("vault-", "callbacks-")) and path.suffix != ".pem":
            planted.see(f"file {path.relative_to(stage.folder)}", path.read_bytes())
    cores = [path.name for folder in (stage.folder, Path.cwd()) for path in folder.glob("core*") if path.is_file()]
    assert cores == [], "a core file is a copy of everything"


def summary(planted: Planted, operations: list[str], dead: list[str]) -> dict[str, Any]:
    """The result as one value; `leaks` is empty when all is well."""
    kinds = Counter(name.split()[0] for name, _ in planted.surfaces)
    return {
        "markers": len(planted.markers),
        "forms": sum(len(marker.forms) for marker in planted.markers),
        "operations": len(operations),
        "answers": dict(sorted(planted.statuses.items())),
        "died": dict(Counter(dead)),
        "surfaces": dict(sorted(kinds.items())),
        "bytes": sum(len(content) for _, content in planted.surfaces),
        "leaks": markers.search(planted.markers, planted.surfaces),
    }


def play(stage: Stage) -> dict[str, Any]:
    """Everything in order."""
    planted = plant(stage)
    use(planted)
    misuse(planted)
    operations = every_route(planted)
    dead = break_things(planted)
    look(planted)
    return summary(planted, operations, dead)


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            yield from map(int, (task / "children").read_text().split())


def _ready(planted: Planted) -> bool:
    planted.stage._answers()  # it may have come back on another port
    answer = planted.ask("GET", "/readyz")
    return answer is not None and answer.status_code == 200
