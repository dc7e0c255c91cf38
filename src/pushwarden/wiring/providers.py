"""The providers this build knows, by name."""

from __future__ import annotations

from pushwarden.providers.apns import APNS
from pushwarden.providers.fcm import FCM
from pushwarden.providers.port import Provider

PROVIDERS: dict[str, Provider] = {"apns": APNS, "fcm": FCM}
