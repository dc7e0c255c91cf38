"""The control door of the FCM simulator: what every door can do, accounts and access tokens."""

from __future__ import annotations

import asyncio
from typing import Any

from pushwarden.simulators.common.door import body, routes
from pushwarden.simulators.control import Asked, Control, Refused

from .service import AccountRow, Service


def door(service: Service, stop: asyncio.Event) -> Control:
    """Routes over one service; POST /stop sets `stop`."""

    async def accounts(asked: Asked) -> Any:
        try:
            service.exchange.add(body(asked, AccountRow).account())
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return {}

    async def revoke(asked: Asked) -> Any:
        service.exchange.revoke(asked.rest)
        return {}

    async def forget(_asked: Asked) -> Any:
        service.exchange.forget()
        return {}

    own = {("POST", "accounts"): accounts, ("DELETE", "accounts"): revoke, ("DELETE", "bearers"): forget}
    return Control({**routes(service, stop), **own})
