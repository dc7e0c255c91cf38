"""The console as one ASGI application: every page's rows in one table."""

from __future__ import annotations

from pushwarden.control.console.apps import view as apps
from pushwarden.control.console.door import Console, Desk


def build(desk: Desk) -> Console:
    """ValueError when two pages claim one address."""
    return Console(desk, (*apps.routes(),))
