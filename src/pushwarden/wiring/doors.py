"""The two doors of the api process behind one socket: the API's addresses, and the console's for all the rest."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.door import Console
from pushwarden.web.body import Receive
from pushwarden.web.frame import Frame
from pushwarden.web.giving import Send


class Doors:
    """An ASGI application. What begins like a route of the API belongs to the API, errors included."""

    def __init__(self, frame: Frame, console: Console) -> None:
        self._frame, self.console = frame, console
        self._firsts = {route.path.split("/")[1] for route in frame.router.routes}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._for_people(scope["path"]):
            await self.console(scope, receive, send)
        else:
            await self._frame(scope, receive, send)

    def _for_people(self, path: str) -> bool:
        """What is no path at all, as in `OPTIONS *`, the API refuses."""
        return path.startswith("/") and path.split("/", 2)[1] not in self._firsts
