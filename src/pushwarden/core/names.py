"""What people call a provider, and what an app is called there."""

from __future__ import annotations

PEOPLE = {"apns": "Apple", "fcm": "Google", "wns": "Windows (WNS)", "azure": "Azure Notification Hubs"}
"""Providers whose files are known."""
IDENTITIES = {"apns": "bundle_id", "fcm": "android_package"}
"""Provider → the app's name there."""


def called(provider: str) -> str:
    """As it stands in a sentence; the provider's own word for one that is not known here."""
    return PEOPLE.get(provider, provider)
