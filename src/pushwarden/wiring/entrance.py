"""The way into the console from the server itself: links that work once, made straight in the store."""

from __future__ import annotations

import asyncio
import getpass
import json

from pushwarden.adapters.clock import SystemClock
from pushwarden.control.people import links
from pushwarden.core.errors import Invalid
from pushwarden.settings import Settings
from pushwarden.wiring.stores import stores_of


def address(settings: Settings) -> str:
    """Where people reach the console: as the settings say, or where the api listens on this machine."""
    if settings.public_url:
        return settings.public_url
    try:
        said = json.loads((settings.run / "api.json").read_text())
    except (OSError, ValueError):
        said = {"host": settings.listen_host, "port": settings.listen_port}
    host = "localhost" if said["host"] in ("127.0.0.1", "0.0.0.0", "::", "::1") else said["host"]  # noqa: S104
    return f"http://{host}:{said['port']}"


def link_for(settings: Settings, email: str = "") -> str:
    """A link for the first administrator, or for the person of this address. Invalid when one must be named."""
    return asyncio.run(_link(settings, email))


async def _link(settings: Settings, email: str) -> str:
    stores, now_ms = stores_of(settings, "signin-link"), SystemClock().now_ms()
    try:
        if email:
            end = await links.back_in(stores.catalog, now_ms, email, f"{getpass.getuser()} on this machine")
        else:
            end = await links.first(stores.catalog, now_ms)
    finally:
        await stores.close()
    if not end:
        raise Invalid("There is an administrator already; name who shall be let in: --person E-MAIL.", field="person")
    return f"{address(settings)}{links.PATH}{end}"
