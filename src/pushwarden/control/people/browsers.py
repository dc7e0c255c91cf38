"""Browsers somebody has signed in from: their tries count by themselves, so that no stranger keeps their owner out."""

from __future__ import annotations

import secrets

import msgspec

from pushwarden.core.errors import VaultRefused
from pushwarden.ports.chest import Chest

KNOWN_MS = 180 * 86_400_000
_LABEL = "browser"


class Known(msgspec.Struct):
    """What its cookie holds, sealed."""

    account: str
    browser: str
    until: int


def found(chest: Chest, text: str, now_ms: int) -> Known | None:
    """None when the text is no mark of ours, or too old."""
    try:
        known = msgspec.json.decode(chest.open(bytes.fromhex(text), _LABEL), type=Known)
    except (ValueError, VaultRefused, msgspec.DecodeError):
        return None
    return known if known.until > now_ms else None


def recognised(chest: Chest, text: str, account: str, now_ms: int) -> str:
    """The id of a browser this account was signed in from; empty when it is none."""
    known = found(chest, text, now_ms)
    return known.browser if known and known.account == account else ""


def marked(chest: Chest, text: str, account: str, now_ms: int) -> str:
    """What the cookie holds from now on. text: what it held; the id stays when it is of the same account."""
    browser = recognised(chest, text, account, now_ms) or secrets.token_urlsafe(16)
    return chest.seal(msgspec.json.encode(Known(account, browser, now_ms + KNOWN_MS)), _LABEL).hex()
