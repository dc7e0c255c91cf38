"""What people call a provider."""

from __future__ import annotations

PEOPLE = {"apns": "Apple", "fcm": "Google"}
