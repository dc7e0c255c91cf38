"""Pushes, credentials and service-account files for the tests of FCM; every key is made at run time."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import provider_pushes
from looking import look_at
from provider_pushes import NOW_MS
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.device import Rows
from pushwarden.core.push import Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.port import Reply

PROJECT = "acme-shop-1"
EMAIL = f"sender@{PROJECT}.iam.gserviceaccount.com"
KEY_ID = "0123456789abcdef0123456789abcdef01234567"
APP = App("acme", "shop", "Shop", android_package="com.acme.shop")
CREDENTIAL = Credential(
    "acme", "shop", Environment.PRODUCTION, "c1", "fcm", CredentialKind.FCM_SERVICE_ACCOUNT, CredentialState.ACTIVE,
    "f1", {"project_id": PROJECT},
)  # fmt: skip
TOKEN = b"cYh0:APA91bE-x_" + b"Az09" * 32


def push(push_type: PushType = PushType.ALERT, **given: Any) -> Push:
    """As of any provider, with the priority that intake would have filled in."""
    priority = "normal" if push_type is PushType.BACKGROUND else "high"
    return provider_pushes.push(push_type, **{"priority": priority} | given)


def rows(count: int = 1, token: bytes = TOKEN, **values: list[str]) -> Rows:
    return Rows(range(count), [token] * count, values)


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def pem(key: Any) -> str:
    return str(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
    )


def account(**changes: Any) -> dict[str, Any]:
    """A service account's file as Google gives it out. None takes a field away."""
    fields = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": KEY_ID,
        "private_key": pem(rsa_key()),
        "client_email": EMAIL,
        "client_id": "104857600000000000000",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "universe_domain": "googleapis.com",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def file(**changes: Any) -> bytes:
    return json.dumps(account(**changes), indent=2).encode()


def material(**changes: Any) -> Secret:
    report = look_at(file(**changes), password=None, hints={}, now_ms=NOW_MS)
    assert report.material is not None
    return report.material


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    """body: bytes, or what becomes JSON. Headers with underscores for hyphens."""
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Reply(status, named, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(code: int, status: str, *details: dict[str, Any], message: str = "No.") -> dict[str, Any]:
    """Google's error body; without details it has none, as observed."""
    told: dict[str, Any] = {"code": code, "message": message, "status": status}
    return {"error": told | ({"details": list(details)} if details else {})}


def fcm_error(code: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}


def violation(*fields: str) -> dict[str, Any]:
    found = [{"field": one, "description": "Invalid"} for one in fields]
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": found}
