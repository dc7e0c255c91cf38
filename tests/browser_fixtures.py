"""A told company served by a whole Pushwarden, and signed-in tabs of a real browser on it: one each a worker."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser

from chromium import Tab, chromium, tab
from people import signed_in
from product_fixtures import close_stage, until
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.settings import Settings
from pushwarden.wiring.fleet import tell
from pushwarden.wiring.fleet.people import signed_in as sign_in
from pushwarden.wiring.fleet.traffic import go_on
from pushwarden.wiring.stage import Stage

T = TypeVar("T")
SCALE = 0.02
BASE = "/apps/acme-shop/production"


@dataclass
class World:
    """stage: has the told company in it. cookies: of whom is signed in, made when first asked for."""

    stage: Stage
    told_ms: int
    cookies: dict[tuple[Role, Scope], dict[str, str]] = field(default_factory=dict)

    def go_on(self) -> None:
        """The company's pushes of the minutes since it was told, or since the last time."""
        now_ms, since = time.time_ns() // 1_000_000, self.told_ms
        if now_ms - now_ms % 60_000 >= since + 60_000:
            aside(lambda: asyncio.run(go_on(Settings(data=self.stage.data), since, now_ms)))
            self.told_ms = now_ms - now_ms % 60_000 - 1

    def as_one_of_the_cast(self, who: str) -> dict[str, str]:
        """The cookie of a new session of Dana, Omar, Priya or Lee."""
        now_ms, settings = time.time_ns() // 1_000_000, Settings(data=self.stage.data)
        secret = aside(lambda: asyncio.run(sign_in(settings, who, now_ms)))
        headers = {"cookie": f"pushwarden={secret}"}
        until(lambda: self.stage.client.get(f"{self.stage.url}/apps", headers=headers).status_code == 200, "session")
        return {"pushwarden": secret}

    def cookie(self, role: Role, where: Scope) -> dict[str, str]:
        if (role, where) not in self.cookies:
            name, _, value = aside(lambda: signed_in(self.stage, role, where)).cookie.partition("=")
            self.cookies[role, where] = {name: value}
        return self.cookies[role, where]


def aside(work: Callable[[], T]) -> T:
    """In a thread of its own: beside playwright no loop of ours may run."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def opened(scale: float = SCALE, **options: Any) -> World:
    """Tells the company in a fresh folder with a short name, and serves it."""
    folder = Path(mkdtemp(prefix="pwb-", dir="/tmp"))
    now = time.time_ns() // 1_000_000
    try:
        aside(lambda: asyncio.run(tell(Settings(data=folder / "data"), now, scale)))
        return World(Stage(folder, providers=(), **options).__enter__(), now)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


_shared: dict[str, World] = {}


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """The worker's own; a test makes the apps it changes."""
    if "world" not in _shared:
        found = _shared["world"] = opened()
        request.config.add_cleanup(lambda: close_stage(found.stage))
    return _shared["world"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


Open = Callable[..., Tab]


@pytest.fixture
def open_tab(browser: Browser, world: World) -> Iterator[Open]:
    """open_tab(path, role=…, **options): a signed-in tab; role None: nobody. At the end no page may have complained."""
    tabs: list[Tab] = []
    with contextlib.ExitStack() as stack:

        def opening(path: str, role: Role | None = Role.ADMIN, where: Scope | None = None, **options: Any) -> Tab:
            cookies = world.cookie(role, where or Scope("default")) if role else {}
            tabs.append(stack.enter_context(tab(browser, world.stage.url, cookies=cookies, **options)))
            tabs[-1].go(path)
            return tabs[-1]

        yield opening
        complaints = [complaint for one in tabs for complaint in one.complaints]
    assert complaints == []
