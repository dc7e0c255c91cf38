"""Why a push did not arrive and what to do about it, by the reason alone: providers' verdicts, and our own words."""

from __future__ import annotations

from pushwarden.providers.apns import verdicts as apns
from pushwarden.providers.fcm import verdicts as fcm

_ONCE_MORE = (
    "A push that bears a double is sent once more under the same collapse id; a silent push or a call is not, so "
    "that no phone gets it twice."
)
_OURS: dict[str, tuple[str, str]] = {
    "reset": ("The provider broke this request off without an answer; it may have arrived.", _ONCE_MORE),
    "deadline": ("The provider gave no answer in time; the push may have arrived.", _ONCE_MORE),
    "connection lost": ("The connection ended before the answer came; the push may have arrived.", _ONCE_MORE),
    "sender lost": ("The process that sent it ended before the answer came; the push may have arrived.", _ONCE_MORE),
    "quarantined": (
        "Pushwarden itself failed each time it had this recipient in hand.",
        "The others got the push and this device was left out of it; look for `recipient quarantined` in the log and "
        "report it with the push's id.",
    ),
}
"""What never got an answer from a provider. The words are those of `feedback.settle`."""

_WORDS = _OURS | {verdict.reason: (verdict.meaning, verdict.action) for verdict in (*apns.VERDICTS, *fcm.VERDICTS)}
_MANY = {verdict.reason: verdict.many for verdict in (*apns.VERDICTS, *fcm.VERDICTS) if verdict.many}
_UNREADABLE = (
    "The provider answered with this status and nothing readable.",
    "No token was touched; 429 and 5xx are tried again later, anything else once.",
)
_UNLISTED = (
    "The provider gave a reason Pushwarden does not list.",
    "It was tried once more and no token was touched; look the reason up at the provider.",
)


def explained(reason: str) -> tuple[str, str]:
    """(meaning, action), both empty for no reason."""
    if reason.startswith("HTTP "):
        return _UNREADABLE
    return _WORDS.get(reason, _UNLISTED) if reason else ("", "")


def of_many(reason: str) -> str:
    """What is probably wrong when many tokens get this reason at once, as the end of a sentence."""
    return _MANY.get(reason) or "look the reason up in the push's failures and mend its cause"
