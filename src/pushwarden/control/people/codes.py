"""Codes of an authenticator app, and recovery codes for the day it is lost. Pure but for chance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import secrets

import pyotp
import segno

STEP_MS = 30_000
_SLACK = 1  # steps a clock may be off
_COUNT, _BYTES = 10, 10


def new_secret() -> str:
    """160 bits in base32."""
    return pyotp.random_base32()


def address(secret: str, email: str) -> str:
    """What an authenticator app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Pushwarden")


def picture(text: str) -> str:
    """A QR code as SVG without style, white around it so that it is read on dark pages too."""
    out = io.BytesIO()
    segno.make(text, micro=False, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, border=4, light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return out.getvalue().decode()


def step_of(secret: str, code: str, now_ms: int, used: int) -> int | None:
    """The step the code is of, when it is right and later than the one used last."""
    digits = "".join(code.split())
    now = now_ms // STEP_MS
    for step in range(now - _SLACK, now + _SLACK + 1):
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step).encode(), digits.encode()) and step > used:
            return step
    return None


def recovery_codes() -> list[str]:
    """Ten of eighty bits, in groups that are easy to copy."""
    texts = (base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower() for _ in range(_COUNT))
    return ["-".join(text[at : at + 4] for at in range(0, 16, 4)) for text in texts]


def kept(code: str) -> bytes:
    """What is stored of a recovery code."""
    return hashlib.sha256("".join(code.lower().split()).replace("-", "").encode()).digest()


def without(codes: tuple[bytes, ...], typed: str) -> tuple[bytes, ...] | None:
    """Those that are left after this one was used; None when it is none of them."""
    own = kept(typed)
    return tuple(code for code in codes if code != own) if own in codes else None
