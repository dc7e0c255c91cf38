"""Credentials as Apple and Google give them out, of no worth anywhere but at a simulator that takes any key."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PROJECT = "example-shop"


def generated_key() -> bytes:
    """A fresh .p8."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def generated_account(project: str = PROJECT) -> bytes:
    """A fresh service account's file."""
    account = {
        "type": "service_account", "project_id": project, "private_key_id": "0123456789abcdef",
        "private_key": _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)).decode(),
        "client_email": f"pusher@{project}.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }  # fmt: skip
    return json.dumps(account).encode()


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
