"""The control door of the APNs simulator: what every door can do, and keys."""

from __future__ import annotations

import asyncio
from typing import Any

from pushwarden.simulators.common.door import body, routes
from pushwarden.simulators.control import Asked, Control, Refused

from .service import KeyRow, Service


def door(service: Service, stop: asyncio.Event) -> Control:
    """Routes over one service; POST /stop sets `stop`."""

    async def keys(asked: Asked) -> Any:
        try:
            service.provider_tokens.add(body(asked, KeyRow).key())
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return {}

    async def revoke(asked: Asked) -> Any:
        service.provider_tokens.revoke(asked.rest)
        return {}

    return Control({**routes(service, stop), ("POST", "keys"): keys, ("DELETE", "keys"): revoke})
