"""Why a push was refused and what to do about it, by the reason alone, from the providers' verdict tables."""

from __future__ import annotations

from pushwarden.providers.apns.verdicts import VERDICTS

_WORDS = {verdict.reason: (verdict.meaning, verdict.action) for verdict in VERDICTS}
_UNLISTED = (
    "The provider gave a reason Pushwarden does not list.",
    "It was tried once more and no token was touched; look the reason up at the provider.",
)


def explained(reason: str) -> tuple[str, str]:
    """(meaning, action), both empty for no reason."""
    return _WORDS.get(reason, _UNLISTED) if reason else ("", "")
