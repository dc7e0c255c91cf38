"""A browser without scripts, for tests: it keeps cookies, and sends forms as they stand on the page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode

from argon2 import PasswordHasher

import cast
from people import SignedIn
from pushwarden.adapters.vault.chest import AesChest
from pushwarden.control.console.app import build
from pushwarden.control.console.desk import Desk
from pushwarden.control.console.door import Console
from pushwarden.control.console.sessions import SignedIn as Sessions
from pushwarden.control.people.desk import Desk as People
from pushwarden.control.people.passwords import Passwords
from pushwarden.core.app import App, Snapshot

HOST = "localhost:8600"
QUICK = PasswordHasher(1, 8, 1)
"""argon2id with the least it can cost: what is tested here is not its price."""


def console_of(scene: cast.Stage) -> tuple[Console, People]:
    """The real console over the cast's stage."""

    people = People(scene.services, AesChest(bytes(32)), passwords=Passwords(QUICK))
    desk = Desk(
        scene.app,
        Sessions(scene.services.roll),
        lambda: _snapshot(scene),
        lambda: {"sender-bulk-0": 1},
        scene.clock,
        "1.2.3",
    )
    return build(desk, people), people


def _snapshot(scene: cast.Stage) -> Snapshot:
    """The cast's apps, which are there from the start."""
    apps = [App(organisation, app, app.title()) for organisation, app in cast.APPS]
    return Snapshot.of(1, apps, ())


@dataclass
class Browser:
    console: Any
    cookies: dict[str, str] = field(default_factory=dict)
    reply: cast.Reply | None = None
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, console: Any, who: SignedIn | None = None) -> Browser:
        return cls(console, {"pushwarden": who.secret} if who else {})

    @property
    def text(self) -> str:
        assert self.reply is not None
        return unescape(self.reply.body.decode())

    @property
    def status(self) -> int:
        assert self.reply is not None
        return self.reply.status

    @property
    def location(self) -> str:
        assert self.reply is not None
        return self.reply.headers.get("location", "")

    def hidden(self, name: str) -> str:
        """The value of a hidden field of the page."""
        assert self.reply is not None
        found = re.search(rf'name="{name}" value="([^"]*)"', self.reply.body.decode())
        assert found, f"no field {name} at {self.path}"
        return unescape(found[1])

    async def get(self, path: str) -> Browser:
        return await self._ask("GET", path, b"", {})

    async def post(self, path: str, fields: dict[str, str] | None = None, *, csrf: str | None = None) -> Browser:
        """csrf: the page's own by itself."""
        token = csrf if csrf is not None else self._csrf()
        body = urlencode((fields or {}) | ({"csrf": token} if token else {})).encode()
        sent = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return await self._ask("POST", path, body, sent)

    async def follow(self) -> Browser:
        """Where the answer leads."""
        assert self.status == 303, self.text[:2000]
        return await self.get(self.location)

    def _csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]*)"', self.reply.body.decode()) if self.reply else None
        return found[1] if found else ""

    async def _ask(self, method: str, path: str, body: bytes, sent: dict[str, str]) -> Browser:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"host": HOST, "user-agent": "Test", **({"cookie": jar} if jar else {}), **sent, **self.headers}
        reply, cookies = await cast.answered(self.console, method, path, body, headers)
        for cookie in cookies:
            name, _, rest = cookie.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        self.reply, self.path = reply, path
        return self
