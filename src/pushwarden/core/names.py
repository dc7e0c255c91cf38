"""What people call a provider."""

from __future__ import annotations

PEOPLE = {"apns": "Apple", "fcm": "Google", "wns": "Windows (WNS)", "azure": "Azure Notification Hubs"}
"""Providers whose files are known."""


def called(provider: str) -> str:
    """As it stands in a sentence; the provider's own word for one that is not known here."""
    return PEOPLE.get(provider, provider)
