"""A running FCM simulator for tests, with a service account that is made at run time."""

from __future__ import annotations

import contextlib
import functools
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator_fixtures import Answer, Client, Running, as_headers, encoded, started

PROJECT = "demo-project"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"
EMAIL = "pusher@demo-project.iam.gserviceaccount.com"


def device(number: int) -> str:
    """A registration token as they look."""
    return f"{number:022d}:APA91b{number:0134d}"


def trusting(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class ServiceAccount:
    key_id: str = "0123456789abcdef"
    email: str = EMAIL

    @property
    def private(self) -> rsa.RSAPrivateKey:
        return rsa_key(self.key_id)

    def row(self, **more: Any) -> dict[str, Any]:
        form, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        pem = self.private.public_key().public_bytes(form, kind)
        return {"email": self.email, "key_id": self.key_id, "public": pem.decode(), **more}

    def file(self, **changed: Any) -> bytes:
        """The JSON file of the key, as Google gives it out."""
        form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        pem = self.private.private_bytes(form, kind, serialization.NoEncryption()).decode()
        fields = {"type": "service_account", "project_id": PROJECT, "private_key_id": self.key_id, "private_key": pem,
                  "client_email": self.email, "token_uri": AUDIENCE}  # fmt: skip
        return json.dumps(fields | changed).encode()

    def assertion(self, signer: rsa.RSAPrivateKey | None = None, **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.email, "scope": SCOPE, "aud": AUDIENCE, "iat": now, "exp": now + 3600, **changed}
        head = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        message = b".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        signature = (signer or self.private).sign(message, padding.PKCS1v15(), hashes.SHA256())
        return (message + b"." + encoded(signature)).decode()


@dataclass
class Fcm(Running):
    account: ServiceAccount
    bearer: str = ""

    def exchange(self, assertion: str = "", grant: str = GRANT) -> httpx2.Response:
        """POST /token over HTTP/1.1, as OAuth libraries do."""
        form = {"grant_type": grant, "assertion": assertion or self.account.assertion()}
        return httpx2.post(f"https://localhost:{self.port}/token", data=form, verify=trusting(self.ca))

    def headers(self, **changed: str | None) -> list[tuple[str, str]]:
        base = {
            "method": "POST",
            "scheme": "https",
            "authority": "localhost",
            "path": f"/v1/projects/{PROJECT}/messages:send",
            "authorization": f"Bearer {self.bearer}",
            "content-type": "application/json",
        }
        return as_headers(base, changed)

    def start(self, client: Client, message: Any, *, dry: bool = False, **changed: str | None) -> int:
        body = {"message": message, **({"validate_only": True} if dry else {})}
        return client.send(self.headers(**changed), json.dumps(body).encode())

    def send(self, client: Client, message: Any, *, dry: bool = False, **changed: str | None) -> Answer:
        return client.wait(self.start(client, message, dry=dry, **changed))[0]


def error(answer: Answer) -> dict[str, Any]:
    """Google's error object."""
    found: dict[str, Any] = json.loads(answer.body)["error"]
    assert found["code"] == answer.status
    return found


def details(answer: Answer) -> dict[str, dict[str, Any]]:
    """By the last word of their type."""
    return {one["@type"].rpartition(".")[2]: one for one in error(answer).get("details", [])}


def code(answer: Answer) -> str | None:
    """errorCode, None when there is none."""
    found = details(answer).get("FcmError")
    return None if found is None else str(found["errorCode"])


@contextlib.contextmanager
def running_fcm(folder: Path, *arguments: str, mode: str = "full", **configuration: Any) -> Iterator[Fcm]:
    """An FCM simulator in its own process with one account, which has got an access token."""
    account = ServiceAccount()
    with started("fcm", folder, {"accounts": [account.row()], **configuration}, *arguments, mode=mode) as made:
        told, process = made
        control = f"http://127.0.0.1:{told['control_port']}"
        fcm = Fcm(told["port"], control, Path(told["ca"]), folder / "frames.log", folder, process, account)
        fcm.bearer = fcm.exchange().json()["access_token"]
        yield fcm
